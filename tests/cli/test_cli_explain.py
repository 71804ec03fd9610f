"""`encharge-connector explain`."""

import json

import pytest

from connector.core import Destination
from tests.cli.command import run

TRACK = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "messageId": "m1",
    "properties": {"total": 120},
    "context": {"traits": {"email": "u1@example.com"}},
}
PAGE = {"type": "page", "userId": "u1", "properties": {"path": "/"}}
SCREEN = {"type": "screen", "userId": "u1", "name": "Home"}
DESTINATION = """\
id: production
mappings:
  - name: Large orders
    action: trackEvent
    trigger: type = "track" and properties.total >= 100
    fields:
      event: Large Order
      type: track
      userId: {'@path': $.userId}
      colour: {'@path': $.properties.colour}
"""


def lines(*events):
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def matched(row):
    return [mapping["mapping"] for mapping in row["mappings"] if mapping["matched"]]


def test_an_event_is_told_with_why_it_matched_every_field_and_the_exact_request():
    done = run("explain", stdin=lines(TRACK))

    assert (done.code, done.err) == (0, "")
    text = done.out.splitlines()
    assert text[0] == "line 1: track"
    assert '  Track Page View (trackPageView): no match, type = "page" does not hold' in text
    assert "  Track Event (trackEvent): matches, all of 1 conditions hold" in text
    assert '    = event "Order Completed"  <- @path $.event' in text
    assert "    - page.url  <- @path $.context.page.url (no value)" in text
    assert text[-2] == "    POST https://ingest.encharge.io/v1"
    assert json.loads(text[-1])["properties"] == {"total": 120}


def test_the_request_is_the_one_that_the_worker_would_send():
    [planned] = Destination.from_config({"id": "x"}, api_key="secret").plan(TRACK)

    done = run("explain", "--json", stdin=lines(TRACK), CONNECTOR_ENCHARGE_API_KEY="secret")

    [mapping] = [mapping for mapping in done.json["mappings"] if mapping["matched"]]
    assert mapping["mapping"] == planned.mapping_name
    assert mapping["request"] == {
        "method": planned.request.method,
        "url": planned.request.url,
        "headers": {**planned.request.headers, "X-Encharge-Token": "<api key>"},
        "body": json.loads(planned.request.body),
    }
    assert mapping["error"] is None


def test_requests_go_to_the_hosts_of_the_settings():
    done = run("explain", "--json", stdin=lines(TRACK), CONNECTOR_ENCHARGE_INGEST_URL="http://here.test/v1/")

    assert [mapping["request"]["url"] for mapping in done.json["mappings"] if mapping["matched"]] == [
        "http://here.test/v1"
    ]


def test_json_is_one_line_an_event_with_the_line_it_came_from():
    done = run("explain", "--json", stdin=lines(TRACK) + b"\n  \r\n" + lines(PAGE, SCREEN))

    assert [(row["line"], matched(row)) for row in done.json_lines] == [
        (1, ["Track Event"]),
        (4, ["Track Page View"]),
        (5, []),
    ]


def test_an_event_that_nothing_takes_says_so():
    done = run("explain", stdin=lines(SCREEN))

    assert done.out.splitlines()[-1] == "  nothing is sent"


def test_the_events_of_an_envelope_are_told_one_by_one():
    done = run("explain", "--json", stdin=lines({"batch": [TRACK, PAGE]}))

    assert [(row["line"], matched(row)) for row in done.json_lines] == [
        (1, ["Track Event"]),
        (1, ["Track Page View"]),
    ]


def test_a_field_says_whether_it_is_sent_coerced_dropped_or_invalid(here):
    (here / "destination.yaml").write_text(DESTINATION)
    event = {"type": "track", "userId": 7, "properties": {"total": 100, "colour": "red"}}

    text = run("explain", stdin=lines(event)).out
    [mapping] = run("explain", "--json", stdin=lines(event)).json["mappings"]

    assert {field["field"]: (field["outcome"], field.get("result")) for field in mapping["fields"]} == {
        "event": ("sent", "Large Order"),
        "type": ("sent", "track"),
        "userId": ("coerced", "7"),
        "colour": ("dropped", None),
    }
    assert '    = event "Large Order"  <- literal\n' in text
    assert '    ~ userId "7"  <- @path $.userId (number becomes string)\n' in text
    assert "    - colour  <- @path $.properties.colour (trackEvent has no such field)\n" in text


def test_a_payload_that_the_action_refuses_is_shown_with_its_error():
    event = {"type": "track", "userId": "u1"}

    text = run("explain", stdin=lines(event)).out
    [mapping] = [
        row for row in run("explain", "--json", stdin=lines(event)).json["mappings"] if row["matched"]
    ]

    assert "    ! event  <- @path $.event (required, but no value)\n" in text
    assert mapping["request"] is None
    assert mapping["error"]["code"] == "invalid_payload"
    assert f"    error invalid_payload: {mapping['error']['message']}" in text


def test_events_may_come_from_a_file(here):
    (here / "events.jsonl").write_bytes(lines(TRACK, PAGE))

    done = run("explain", "--json", "--events", "events.jsonl", stdin=lines(SCREEN))

    assert [matched(row) for row in done.json_lines] == [["Track Event"], ["Track Page View"]]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        pytest.param(["--destination", "own.yaml"], {}, id="option"),
        pytest.param([], {"CONNECTOR_DESTINATION_FILE": "own.yaml"}, id="setting"),
        pytest.param(
            ["--destination", "own.yaml"], {"CONNECTOR_DESTINATION_FILE": "other.yaml"}, id="option wins"
        ),
    ],
)
def test_the_destination_file_is_that_of_the_option_or_the_setting(here, arguments, environment):
    (here / "own.yaml").write_text(DESTINATION)
    (here / "other.yaml").write_text("id: other\n")

    done = run("explain", "--json", *arguments, stdin=lines(TRACK), **environment)

    assert matched(done.json) == ["Large orders"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param(b"{", "the value is not JSON in UTF-8", id="not JSON"),
        pytest.param(b'{"userId":"u\xff"}', "the value is not JSON in UTF-8", id="not UTF-8"),
        pytest.param(b"\xef\xbb\xbf{}", "the value is not JSON in UTF-8", id="byte order mark"),
        pytest.param(b"[]", "the value is JSON but no object", id="a list"),
        pytest.param(b'"text"', "the value is JSON but no object", id="a text"),
        pytest.param(b'{"batch":[{},1]}', "batch[1] is no object", id="inside an envelope"),
    ],
)
@pytest.mark.parametrize("source", ["file", "standard input"])
def test_a_line_that_holds_no_event_is_told_with_its_file_and_number(here, source, line, problem):
    content = lines(TRACK) + b"\n" + line + b"\n"
    (here / "events.jsonl").write_bytes(content)

    if source == "file":
        done = run("explain", "--json", "--events", "events.jsonl")
    else:
        done = run("explain", "--json", stdin=content)

    name = "events.jsonl" if source == "file" else "<stdin>"
    assert done.code == 2
    assert done.err == f"error: {name}:3: {problem}\n"
    assert done.json["line"] == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(("trackEvent", "track"), "4:13: mappings[0].action: must be one of", id="action"),
        pytest.param(("total >= 100", "total>=100"), "5:14: mappings[0].trigger: ", id="trigger"),
        pytest.param(
            ("@path': $.userId", "@pth': $.userId"), "9:15: mappings[0].fields.userId: ", id="directive"
        ),
        pytest.param(("mappings:", "mappings: ["), "3:3: while parsing a flow node", id="YAML"),
        pytest.param(("id: production", "id: my production"), "1:5: id: is required", id="id"),
    ],
)
def test_a_destination_file_with_a_mistake_is_told_with_line_and_column(here, change, told):
    (here / "own.yaml").write_text(DESTINATION.replace(*change))

    done = run("explain", "--destination", "own.yaml", stdin=lines(TRACK))

    assert done.code == 2
    assert done.err.startswith(f"error: own.yaml:{told}")
    assert done.out == ""


def test_a_destination_file_that_is_missing_says_how_to_get_one():
    done = run("explain", "--destination", "none.yaml", stdin=lines(TRACK))

    assert done.code == 2
    assert done.err == "error: none.yaml: No such file or directory; `encharge-connector init` writes one\n"


@pytest.mark.parametrize("name", ["userId", "type", "event"])
def test_half_an_emoji_is_shown_and_not_stumbled_over(name):
    event = b'{"type":"track","event":"A","userId":"u1"}'.replace(
        b'"%s":"' % name.encode(), b'"%s":"\\ud83d' % name.encode()
    )

    text, as_json = run("explain", stdin=event), run("explain", "--json", stdin=event)

    assert (text.code, as_json.code) == (0, 0)
    assert r"\ud83d" in text.out
    assert r"\ud83d" in as_json.out


@pytest.mark.parametrize("levels", [150, 230, 253, 400, 900])
def test_a_deeply_nested_event_is_explained(levels):
    deep = b'{"x":' * levels + b"1" + b"}" * levels
    event = b'{"type":"track","event":"A","userId":"u1","properties":%s}' % deep

    text, as_json = run("explain", stdin=event), run("explain", "--json", stdin=event)

    assert (text.code, as_json.code) == (0, 0)
    [mapping] = [row for row in as_json.json["mappings"] if row["matched"]]
    if levels > 300:
        assert mapping["error"]["code"] == "invalid_encoding"
    else:
        assert mapping["request"]["body"]["event"] == "A"


def test_a_deletion_is_told_with_the_request_that_it_is():
    event = {"type": "delete", "userId": "a&b"}

    text = run("explain", stdin=lines(event)).out
    [row] = run("explain", "--json", stdin=lines(event)).json["mappings"]

    assert text.splitlines() == [
        "line 1: delete",
        "  deletePerson: matches, the event asks for the deletion of its person",
        "    DELETE https://api.encharge.io/v1/people?people[0][userId]=a%26b",
    ]
    assert (row["mapping"], row["action"], row["matched"]) == ("", "deletePerson", True)
    assert (row["request"]["method"], row["request"]["body"]) == ("DELETE", None)


def test_a_deletion_of_nobody_sends_nothing():
    text = run("explain", stdin=lines({"type": "delete"})).out

    assert text.splitlines()[1:] == [
        "  deletePerson: no match, the event names nobody",
        "  nothing is sent",
    ]
