"""The console without a mouse."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import PAGES

pytestmark = [pytest.mark.kafka, pytest.mark.browser]


def test_the_first_tab_offers_to_skip_to_the_content(visitor):
    visitor.go("/console/partitions")

    visitor.page.keyboard.press("Tab")

    skip = visitor.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("main")).to_be_focused()


def test_tab_reaches_every_page_and_shows_where_it_is(visitor):
    visitor.go("/console/")
    reached = []

    for _ in range(len(PAGES) + 1):  # the way to the content comes first
        before = visitor.page.evaluate(LOOK_OF_LINKS)
        visitor.page.keyboard.press("Tab")
        after = visitor.page.evaluate(LOOK_OF_LINKS)
        focused = visitor.page.evaluate("document.activeElement.getAttribute('href')")
        reached.append(focused)
        assert before.get(focused) != after[focused], f"nobody sees that {focused} has the focus"

    assert reached == ["#content", *PAGES.values()]


@pytest.mark.parametrize("name", ["tester", "letters", "replays"])
def test_tab_goes_through_all_that_can_be_used_and_always_shows_where_it_is(name, operator):
    operator.go(PAGES[name])
    usable = operator.page.locator(USABLE)

    for number in range(usable.count()):
        operator.page.keyboard.press("Tab")
        focused = operator.page.evaluate(FOCUSED, USABLE)
        assert focused["isNext"] == number, focused
        assert focused["isSeen"], focused


def test_enter_on_a_link_of_the_navigation_opens_its_page(visitor):
    visitor.go("/console/")
    visitor.page.get_by_role("link", name="Partitions").focus()

    visitor.page.keyboard.press("Enter")

    expect(visitor.page.get_by_role("heading", level=1, name="Partitions")).to_be_visible()


def test_signing_in_needs_no_mouse(visitor):
    visitor.go("/console/sign-in")
    expect(visitor.page.get_by_label("Console token")).to_be_focused()

    visitor.page.keyboard.type("a-token-of-the-tests")
    visitor.page.keyboard.press("Enter")

    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()


# What has a place in the order of Tab. Chromium gives one to what scrolls as well, pages by tabindex.
USABLE = (
    ":is(a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']):not(:disabled)"
)
FOCUSED = """(usable) => {
    const focused = document.activeElement;
    const style = getComputedStyle(focused);
    return {
        isNext: [...document.querySelectorAll(usable)].indexOf(focused),
        isSeen: focused.matches(":focus-visible")
            && (style.outlineStyle !== "none" || style.boxShadow !== "none"),
        html: focused.outerHTML.slice(0, 200),
    };
}"""
# What of each link changes when it has the focus.
LOOK_OF_LINKS = """() => Object.fromEntries([...document.querySelectorAll("header a, a.skip")].map((each) => {
    const style = getComputedStyle(each);
    return [each.getAttribute("href"),
        [style.outlineStyle, style.outlineWidth, style.boxShadow, style.backgroundColor, style.left].join()];
}))"""
