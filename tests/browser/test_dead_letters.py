"""Dead letters are looked at, and sent again once their reason is gone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import grave_findings
from tests.browser.events import REFUSED, STUCK
from tests.browser.visitor import PAGES, number_in
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

MAPPING = "Track Event"  # whose letters are sent again; those of the other mapping stay


def waiting(page):
    """Give how many letters wait, as the page says."""
    return number_in(page.get_by_role("status").first.text_content())


def test_people_are_masked_until_personal_data_is_revealed(visitor, insider):
    visitor.go(PAGES["letters"])
    expect(visitor.page.get_by_role("rowheader").first).to_be_visible()
    assert "refused-" not in visitor.page.content()

    insider.go(PAGES["letters"])

    expect(insider.page.get_by_role("cell", name=REFUSED[0], exact=True)).to_be_visible()


def test_a_letter_tells_why_and_what_would_become_of_it_today(visitor):
    visitor.go(PAGES["letters"])

    visitor.page.get_by_role("rowheader").get_by_role("link", name=re.compile(r"\d:\d")).first.click()

    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Dead letter \d:\d"))
    expect(visitor.page.get_by_role("heading", name="Why it was given up")).to_be_visible()
    expect(
        visitor.page.get_by_text("whether Encharge takes it now is known only when it is sent")
    ).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Count this letter")).to_be_disabled()
    assert grave_findings(visitor.page) == []
    assert visitor.wider_than(360) == []


def test_letters_are_counted_then_sent_again_and_arrive(operator, system):
    page = operator.page
    operator.go(PAGES["letters"])
    in_all = waiting(page)
    page.locator("select[name=mapping]").select_option(MAPPING)
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("mapping=Track"))
    before, chosen = waiting(page), page.url
    assert len(REFUSED) <= before < in_all
    system.simulator.configure(fail_people={STUCK: 500, "hostile-1": 400})

    page.get_by_role("button", name="Count what would be sent").click()
    send = page.get_by_role("button", name=f"Send {before} letters again")
    expect(send).to_be_visible()
    assert not any(system.simulator.requests(person=person) for person in REFUSED)
    assert grave_findings(page) == []
    send.click()

    expect(page.locator("[role=status]").filter(has_text="Done after")).to_be_visible()
    assert grave_findings(page) == []
    for person in REFUSED:
        arrived = eventually(
            lambda person=person: system.simulator.requests(person=person), 15, "they arrive"
        )
        assert len(arrived) == 1
    page.goto(chosen)
    assert waiting(page) == 0
    operator.go(PAGES["letters"])
    assert waiting(page) == in_all - before
