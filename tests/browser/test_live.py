"""What moves by itself, on both workers."""

import re

import pytest
from playwright.sync_api import expect

from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

# Of what the funnel counts since the beginning.
COUNTED = """(step) => Number(
    document.querySelector(`tr[data-step="${step}"] td:nth-child(3)`).textContent.replaceAll(",", ""))"""
both_workers = pytest.mark.parametrize("worker", [0, 1])

SUM_OF_ENDS = """() => [...document.querySelectorAll("table tbody tr td:nth-child(5)")]
    .reduce((sum, each) => sum + Number(each.textContent.replaceAll(",", "")), 0)"""


@both_workers
def test_either_worker_shows_both_and_its_counters_move(worker, visit, system):
    visitor = visit(worker=worker)
    visitor.go("/console/")

    workers = visitor.page.get_by_role("region", name="Workers").get_by_role("rowheader")
    expect(workers).to_have_text([re.compile(each) for each in sorted(system.instances)])
    steps = ("received", "matched", "delivered")
    before = {step: visitor.page.evaluate(COUNTED, step) for step in steps}

    for step in steps:
        # Playwright's own waiting would need `eval`, which the page's policy forbids.
        eventually(
            lambda step=step: visitor.page.evaluate(COUNTED, step) > before[step], 15, f"more is {step}"
        )


@both_workers
def test_the_partitions_of_both_workers_are_shown_and_move(worker, visit, system):
    visitor = visit(worker=worker)
    visitor.go("/console/partitions")
    rows = visitor.page.locator("tbody tr")
    expect(rows).to_have_count(2 * system.stack.partitions)

    before = visitor.page.evaluate(SUM_OF_ENDS)

    eventually(lambda: visitor.page.evaluate(SUM_OF_ENDS) > before, 15, "the ends grow")
    for instance in system.instances:
        # Both stages, and as many partitions of each for either worker.
        expect(rows.filter(has_text=instance)).to_have_count(system.stack.partitions)
