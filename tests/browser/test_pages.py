"""Every page of the console, as it is shown while two workers deliver. One load of each serves its tests."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import COLOURS, grave_findings
from tests.browser.conftest import visiting
from tests.browser.visitor import PAGES

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

# What signs in or calculates, but changes nothing.
HARMLESS = ("/console/sign-in", "/console/tester/explain", "/console/tester/download")


# Pages that stand in no navigation, and the status they come with.
BESIDE = {
    "/console/sign-in": 200,
    "/console/mappings/details?name=Track+Event": 200,
    "/console/tester/recent": 200,
    "/console/no-such-page": 404,
}


@pytest.fixture(scope="module", params=PAGES)
def shown(request, browser, system):
    """A page, its name, and the status it came with, for somebody who did not sign in."""
    with visiting(browser, system) as make:
        visitor = make()
        status = visitor.go(PAGES[request.param])
        if request.param == "tester":  # what it is for is seen only then
            visitor.page.get_by_role("button", name="Try", exact=True).click()
            expect(visitor.page.locator("#result details[open]").first).to_be_visible()
        yield visitor, request.param, status


def test_a_page_loads_and_says_where_in_the_navigation_it_is(shown):
    visitor, name, status = shown

    assert status == 200
    expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)
    expect(visitor.page.locator('nav [aria-current="page"]')).to_have_attribute("href", PAGES[name])


def test_a_page_is_accessible_in_light_and_in_dark_and_looks_like_this(shown, screenshots):
    visitor, name, _ = shown
    findings = []

    for scheme, rules in (("light", ()), ("dark", COLOURS)):
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.screenshot(path=screenshots / f"{name}-{scheme}.png", full_page=True)
        findings += [f"{scheme}: {each}" for each in grave_findings(visitor.page, rules)]

    assert not findings, "\n".join(findings)


def test_nothing_is_wider_than_a_narrow_screen(shown):
    visitor, _, _ = shown

    wide = visitor.wider_than(360)

    assert not wide, "\n".join(wide)


def test_without_signing_in_no_control_acts(shown):
    visitor, _, _ = shown

    acting = visitor.page.evaluate(
        """() => [...document.querySelectorAll("form, [hx-post], [formaction]")]
            .filter((each) => !each.matches(":disabled, :disabled *"))
            .filter((each) => each.tagName !== "FORM" || (each.method === "post"
                && [...each.elements].some((one) => one.matches("button:not(:disabled), [type=submit]:enabled"))))
            .map((each) => each.getAttribute("hx-post") || new URL(each.formAction || each.action).pathname)"""
    )

    assert [path for path in acting if path not in HARMLESS] == []


@pytest.mark.parametrize("path", BESIDE)
def test_the_pages_beside_are_accessible_and_narrow_too(path, visitor):
    visitor.expects("404" if BESIDE[path] == 404 else "nothing")

    status = visitor.go(path)

    assert status == BESIDE[path]
    findings = grave_findings(visitor.page)
    assert not findings, "\n".join(findings)
    assert visitor.wider_than(360) == []


def test_what_those_see_who_signed_in_is_accessible_and_narrow_too(insider):
    findings = []

    for name, path in PAGES.items():
        insider.go(path)
        findings += [f"{name}: {each}" for each in (*grave_findings(insider.page), *insider.wider_than(360))]

    assert not findings, "\n".join(findings)


def test_every_page_loads_without_javascript(visit):
    visitor = visit(java_script_enabled=False)

    for path in PAGES.values():
        assert visitor.go(path) == 200
        expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
