"""Names of events and mappings that would be code if a page took them for anything but text."""

import pytest
from playwright.sync_api import expect

from tests.browser.events import HOSTILE
from tests.browser.visitor import PAGES

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

IS_HARMLESS = "window.pwned === undefined && document.images.length === 0"
SHOWN_IN_A_TABLE = ("overview", "mappings", "letters")


def test_hostile_names_stay_text_on_every_page(insider):
    for name, path in PAGES.items():
        insider.go(path)

        if name in SHOWN_IN_A_TABLE:
            expect(insider.page.locator("tbody").get_by_text(HOSTILE).first).to_be_visible()
        assert insider.page.evaluate(IS_HARMLESS), name


def test_a_hostile_event_stays_text_in_its_letter_and_in_the_tester(insider):
    insider.go(PAGES["letters"])
    insider.page.get_by_role("row").filter(has_text="hostile-1").get_by_role("link").click()
    expect(insider.page.locator("main pre").filter(has_text=HOSTILE).first).to_be_visible()
    assert insider.page.evaluate(IS_HARMLESS)

    insider.page.get_by_role("link", name="Open in the event tester").click()
    insider.page.get_by_role("button", name="Try", exact=True).click()

    expect(insider.page.locator("#result details[open]").get_by_text(HOSTILE).first).to_be_visible()
    assert insider.page.evaluate(IS_HARMLESS)
