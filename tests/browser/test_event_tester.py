"""The event tester says what `encharge-connector explain` says, and sends only when it is told to twice."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import visiting
from tests.browser.events import KINDS, NOW, destination, event
from tests.browser.visitor import PAGES
from tests.cli.command import run
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.browser]

NONE = "–"  # what stands in a cell without a value

# Per mapping what the eye sees, a table as the texts of its cells.
SHOWN = """() => [...document.querySelectorAll("#result details.mapping")].map((each) => {
    const text = (selector) => each.querySelector(selector)?.textContent.trim() ?? null;
    const rows = (selector) => [...each.querySelectorAll(`${selector} tbody tr`)]
        .map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
    return {
        open: each.open, state: text("summary .badge"), mapping: text("summary strong"),
        action: text("summary .muted"), deciding: text("summary .deciding"),
        conditions: rows("table.conditions"), fields: rows("table.fields"), error: text(".problem"),
        request: text(".request"), headers: text("pre.headers"), body: text("pre.body"),
    };
})"""


@pytest.fixture(scope="module")
def page(browser, system):
    """The tester, opened once by somebody who did not sign in."""
    with visiting(browser, system) as make:
        visitor = make()
        visitor.go(PAGES["tester"])
        yield visitor.page


def explained(page, found):
    """Try an event in the page; give the JSON in its details."""
    page.get_by_label("Event as JSON").fill(json.dumps(found))
    page.get_by_role("button", name="Try", exact=True).click()
    printed = page.locator("#result pre.json")
    expect(printed).to_contain_text(found["messageId"])
    return json.loads(printed.text_content())


def explain(found, system, tmp_path):
    """Give what the command says of an event."""
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(found))
    return run("explain", "--json", "--events", file, **system.stack.environment).json


def is_json(shown, row, name):
    return shown == NONE if name not in row else json.loads(shown) == row[name]


@pytest.mark.parametrize("action", KINDS)
def test_the_tester_says_and_shows_what_the_command_says(action, page, system, tmp_path):
    found = event(action, number=action)
    expected = explain(found, system, tmp_path)

    printed = explained(page, found)
    shown = page.evaluate(SHOWN)

    assert printed == expected
    assert any(each["matched"] and each["action"] == action for each in expected["mappings"])
    for seen, said in zip(shown, expected["mappings"], strict=True):
        assert_shown(seen, said)


def assert_shown(seen, said):
    """Compare what the eye sees of a mapping with what the command says."""
    matched = said["matched"]
    assert [seen[name] for name in ("mapping", "action", "deciding", "open", "state")] == [
        said["mapping"], said["action"], said["deciding"], matched, "matches" if matched else "no match"
    ]  # fmt: skip
    for cells, row in zip(seen["conditions"], said["conditions"], strict=True):
        assert [cells[0], cells[2]] == [row["text"], "yes" if row["holds"] else "no"]
        assert is_json(cells[1], row, "actual")
    for cells, row in zip(seen["fields"], said["fields"], strict=True):
        assert cells[:3] == [row["field"], row["directive"], ", ".join(row["sources"])]
        assert is_json(cells[3], row, "value")
        assert is_json(cells[4], row, "result")
        assert cells[5] == f"{row['outcome']} {row['note']}".strip()
    if said["request"] is None:
        assert (seen["request"], seen["headers"], seen["body"]) == (None, None, None)
    else:
        assert seen["request"].split() == [said["request"]["method"], said["request"]["url"]]
        assert dict(line.split(": ") for line in seen["headers"].splitlines()) == said["request"]["headers"]
        assert json.loads(seen["body"]) == said["request"]["body"]


def test_the_key_is_never_shown(page):
    explained(page, event("trackEvent", number="key"))

    expect(page.locator("details[open] pre.headers").first).to_contain_text("<api key>")
    assert "test-key" not in page.content()


def test_without_javascript_the_tester_says_the_same(visit, system, tmp_path):
    visitor = visit(java_script_enabled=False)
    visitor.go(PAGES["tester"])
    found = event("trackEvent", number="plain")

    assert explained(visitor.page, found) == explain(found, system, tmp_path)


def test_an_event_that_is_no_json_is_told_with_its_line(visitor):
    page = visitor.page
    visitor.expects("400")
    visitor.go(PAGES["tester"])

    page.get_by_label("Event as JSON").fill('{"type": "track",\n "event": }')
    page.get_by_role("button", name="Try", exact=True).click()

    expect(page.get_by_role("alert")).to_contain_text("line 2")


def test_a_mapping_is_edited_in_place_and_downloaded_with_only_that_change(visitor):
    """Nothing of it reaches the worker: the mapping in force stays."""
    page = visitor.page
    visitor.go(PAGES["tester"])
    page.get_by_label("Edit a mapping").select_option("Tag buyers")
    page.get_by_role("button", name="Edit it here").click()
    text = page.get_by_label(re.compile("YAML of"))
    expect(text).to_have_value(re.compile(r"tag: \{'@path': \$.properties.tag\}"))
    before = text.input_value()

    text.fill(before.replace("{'@path': $.properties.tag}", "vip"))
    explained(page, event("addTag", number="edited"))

    [edited] = [each for each in page.evaluate(SHOWN) if each["mapping"] == "Tag buyers"]
    assert json.loads(edited["body"])["tag"] == "vip"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the changed file").click()
    changed = download.value.path().read_text()
    old = next(line for line in destination().splitlines() if "$.properties.tag" in line)  # Tag buyers
    assert changed == destination().replace(old, old.replace("{'@path': $.properties.tag}", "vip"), 1)
    page.get_by_role("button", name="Stop editing").click()
    expect(text).to_have_count(0)
    explained(page, event("addTag", number="as before"))
    [in_force] = [each for each in page.evaluate(SHOWN) if each["mapping"] == "Tag buyers"]
    assert json.loads(in_force["body"])["tag"] == "buyer"


def test_a_mapping_is_tried_from_the_list_of_mappings(visitor):
    visitor.go(PAGES["mappings"])

    row = visitor.page.get_by_role("row").filter(
        has=visitor.page.get_by_role("rowheader", name="Track Event")
    )
    row.get_by_role("link", name="Try in the tester").click()
    visitor.page.get_by_role("button", name="Try", exact=True).click()

    expect(visitor.page.locator("details.mapping[open]").filter(has_text="Track Event")).to_be_visible()


def test_nobody_sends_for_real_without_signing_in(visitor):
    visitor.go(PAGES["tester"])

    expect(visitor.page.get_by_role("button", name="Send for real…", exact=True)).to_have_count(0)
    expect(visitor.page.get_by_text("Sign in to send for real")).to_be_visible()


@pytest.mark.parametrize("java_script", [True, False])
def test_sending_for_real_takes_two_clicks_and_happens_once(java_script, visit, sessions, system):
    operator = visit(storage_state=sessions[0], java_script_enabled=java_script)
    operator.go(PAGES["tester"])
    person = f"by-hand-{java_script}"
    operator.page.get_by_label("Event as JSON").fill(json.dumps(event("trackEvent", person)))

    operator.page.get_by_role("button", name="Send for real").click()

    now = operator.page.get_by_role("button", name=re.compile("Send 1 request now"))
    expect(now).to_be_visible()
    assert system.simulator.requests(person=person) == []
    now.dblclick()  # as the impatient do
    expect(operator.page.get_by_role("heading", name="1 request was sent")).to_be_visible()
    expect(operator.page.locator("table.sent").get_by_text("delivered")).to_be_visible()
    [request] = eventually(lambda: system.simulator.requests(person=person), 30, "it arrives")
    assert request["body"]["timestamp"] == NOW
