"""A replay is planned, run and cancelled, each with a look before."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import grave_findings
from tests.browser.visitor import PAGES, number_in

pytestmark = [pytest.mark.kafka, pytest.mark.browser]


def test_a_replay_is_planned_run_and_cancelled(operator, system):
    page = operator.page
    operator.go(PAGES["replays"])
    page.get_by_label("Offsets, instead of “since”").fill("0:0-60,1:0-60,2:0-60,3:0-60")
    # Nobody's page view becomes a dead letter, so other tests find theirs as they were.
    page.get_by_label("Only these mappings").select_option("Track Page View")
    page.get_by_role("button", name="Plan", exact=True).click()

    run = page.get_by_role("button", name=re.compile("Send .* requests"))
    planned = number_in(run.text_content())
    assert 0 < planned <= 240
    assert grave_findings(page) == []
    page.get_by_label("Requests a second, over all processes").fill("0.5")
    [replay] = re.findall(r"Replay (\w+) of", page.locator("main").text_content())
    run.click()

    page.get_by_role("main").get_by_role("link", name="Replays").click()
    page.get_by_role("rowheader").get_by_role("link", name=replay, exact=True).click()
    expect(page.locator("main .badge")).to_have_text("running")
    assert grave_findings(page) == []
    page.get_by_role("button", name="Cancel it").click()
    page.get_by_role("button", name="End it everywhere").click()
    page.get_by_role("link", name="Look at it").click()

    expect(page.locator("main .badge")).to_have_text("cancelled")
    assert number_in(page.locator(".card .value").first.text_content()) < planned
    operator.go(PAGES["replays"])
    expect(page.get_by_role("row").filter(has_text=replay).first).to_contain_text("cancelled")
