"""Who may act: nobody without the token."""

import pytest
from playwright.sync_api import expect

from tests.browser.system import TOKEN

pytestmark = [pytest.mark.kafka, pytest.mark.browser]


def test_a_wrong_token_is_refused(visitor):
    visitor.expects("403")  # and only that

    visitor.sign_in(token="not " + TOKEN)

    expect(visitor.page.get_by_role("alert")).to_have_text("This is not the token.")
    expect(visitor.page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert visitor.context.cookies() == []


def test_whoever_has_the_token_comes_back_to_the_page_they_left(visitor):
    visitor.go("/console/partitions")
    visitor.page.get_by_text("Sign in to act").click()

    visitor.page.get_by_label("Console token").fill(TOKEN)
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()

    expect(visitor.page).to_have_url(visitor.url + "/console/partitions")
    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_a_session_holds_on_every_worker_and_ends_with_signing_out(operator, system):
    operator.page.goto(system.urls[1] + "/console/")
    expect(operator.page.get_by_role("button", name="Sign out")).to_be_visible()

    operator.page.get_by_role("button", name="Sign out").click()

    expect(operator.page.get_by_text("Sign in to act")).to_be_visible()
    assert operator.context.cookies() == []


def test_no_script_can_read_the_session(operator):
    operator.go("/console/")

    assert operator.context.cookies() != []
    assert operator.page.evaluate("document.cookie") == ""


@pytest.mark.parametrize("path", ["/console/reveal", "/console/sign-out"])
def test_a_forged_form_is_refused(path, operator):
    """What another site would send: the cookie, but not the proof."""
    operator.go("/console/")
    answer = operator.page.evaluate(
        """async (path) => (await fetch(path, {method: "POST", body: new URLSearchParams({csrf: "guess"})})).status""",
        path,
    )

    operator.expects("403")
    assert answer == 403
    operator.page.reload()
    expect(operator.page.get_by_role("button", name="Sign out")).to_be_visible()
