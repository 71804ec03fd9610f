"""`encharge-connector diff`."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.command import run
from tests.strategies import events

OLD = """\
id: production
name: Ours
mappings:
  - name: Orders
    action: trackEvent
    trigger: type = "track"
    fields: {event: {'@path': $.event}, type: track, userId: {'@path': $.userId}}
  - name: Pages
    action: trackPageView
    trigger: type = "page"
    fields: {type: page}
"""
ORDER = {"type": "track", "event": "Order", "userId": "u1"}
PAGE = {"type": "page", "userId": "u1"}
SCREEN = {"type": "screen"}


@pytest.fixture
def files(here):
    """Give the diff of OLD and of what it becomes when texts in it are replaced."""

    def changed(*replacements, events=None, arguments=()):
        new = OLD
        for old_text, new_text in replacements:
            assert old_text in new
            new = new.replace(old_text, new_text)
        (here / "old.yaml").write_text(OLD)
        (here / "new.yaml").write_text(new)
        if events is not None:
            (here / "events.jsonl").write_bytes(lines(*events))
            arguments = (*arguments, "--events", "events.jsonl")
        return run("diff", "old.yaml", "new.yaml", *arguments)

    return changed


def lines(*found):
    return b"".join(json.dumps(event).encode() + b"\n" for event in found)


def test_files_that_say_the_same_do_not_differ(files):
    done = files(("name: Ours", "# Another text, but\nname: 'Ours'"))

    assert (done.code, done.out, done.err) == (0, "The configurations are the same.\n", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("name: Ours", "name: Ours\nenabled: true\nwhen_disabled: hold", id="destination"),
        pytest.param("action: trackEvent", "action: trackEvent\n    enabled: true", id="mapping"),
    ],
)
def test_spelling_out_a_default_is_no_difference(files, old, new):
    assert files((old, new)).code == 0


def test_no_mappings_are_the_presets(here):
    run("init", "--id", "x", "--name", "x", "--source-topic", "x", "--api-key", "k", "--no-verify")
    (here / "short.yaml").write_text("{id: x, name: x}")

    assert run("diff", "destination.yaml", "short.yaml").code == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("name: Pages", "name: Views", ["  - Pages (trackPageView): removed", "  + Views (trackPageView): added"], id="another name"),
        pytest.param('"track"', '"page"', ["  ~ Orders: changed", '      - trigger: "type = \\"track\\""', '      + trigger: "type = \\"page\\""'], id="trigger"),
        pytest.param("action: trackEvent", "action: addTag", ["  ~ Orders: changed", '      - action: "trackEvent"', '      + action: "addTag"'], id="action"),
        pytest.param("action: trackEvent", "action: trackEvent\n    enabled: false", ["  ~ Orders: changed", "      - enabled: true", "      + enabled: false"], id="enabled"),
        pytest.param("$.event", "$.name", ["  ~ Orders: changed", '      - fields.event["@path"]: "$.event"', '      + fields.event["@path"]: "$.name"'], id="fields"),
        pytest.param("name: Ours", "enabled: false", ['  - name: "Ours"', '  + name: ""', "  - enabled: true", "  + enabled: false"], id="destination"),
        pytest.param("name: Ours", "name: Ours\nwhen_disabled: discard", ['  - when_disabled: "hold"', '  + when_disabled: "discard"'], id="a default given up"),
        pytest.param(OLD[OLD.index("  - name: Orders") :], OLD[OLD.index("  - name: Pages") :] + OLD[OLD.index("  - name: Orders") : OLD.index("  - name: Pages")], ["  ~ the mappings stand in another order, so requests of one event are sent in it"], id="order"),
    ],
)  # fmt: skip
def test_a_configuration_that_differs_is_told_mapping_by_mapping(files, old, new, told):
    done = files((old, new))

    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == ["Configuration", *told]


def test_an_event_of_which_something_else_is_made_is_told_path_by_path(files):
    done = files(("type: track", "type: Track"), events=[PAGE, ORDER, SCREEN])

    assert done.code == 1
    assert done.out.splitlines()[4:] == [
        "events.jsonl:2: track Order",
        "  ~ Orders: changed",
        '      - type: "track"',
        '      + type: "Track"',
        "3 events, 1 differ",
        "  Orders: 1 changed",
    ]


def test_a_request_that_vanishes_or_appears_is_told_with_all_of_it(files):
    done = files(("name: Pages", "name: Views"), events=[PAGE])

    text = done.out.splitlines()
    assert "  - Pages: vanished" in text
    assert "  + Views: appeared" in text
    assert '      - (url): "https://ingest.encharge.io/v1"' in text
    assert '      + (body): {"type":"page","context":{},"user":{}}' in text
    assert text[-3:] == ["1 event, 1 differ", "  Pages: 1 vanished", "  Views: 1 appeared"]


def test_a_request_that_becomes_an_error_is_told(files):
    done = files(("event: {'@path': $.event}, ", ""), events=[ORDER])

    assert '      + (error): {"code":"invalid_payload","message":"The root value is missing' in done.out


def test_a_difference_that_no_event_shows_is_summed_up_as_none(files):
    done = files(('"page"', '"screen"'), events=[ORDER, ORDER])

    assert done.code == 1
    assert done.out.splitlines()[-1] == "2 events, 0 differ"


def test_json_is_the_configuration_then_each_event_that_differs_then_the_summary(files):
    done = files(
        ("type: track,", "type: Track,"), ("name: Pages", "name: Views"), events=[SCREEN, ORDER, PAGE, ORDER], arguments=["--json"]
    )  # fmt: skip

    configuration, *found, summary = done.json_lines
    assert configuration == {
        "configuration": {
            "settings": [],
            "removed": [{"mapping": "Pages", "action": "trackPageView"}],
            "added": [{"mapping": "Views", "action": "trackPageView"}],
            "changed": [
                {"mapping": "Orders", "changes": [{"path": "fields.type", "old": "track", "new": "Track"}]}
            ],
            "reordered": False,
        }
    }
    assert [each["line"] for each in found] == [2, 3, 4]
    assert found[0]["differences"] == [
        {
            "mapping": "Orders",
            "kind": "changed",
            "changes": [{"path": "body.type", "old": "track", "new": "Track"}],
        }
    ]
    assert [each["kind"] for each in found[1]["differences"]] == ["vanished", "appeared"]
    assert summary == {
        "summary": {
            "events": 4,
            "differ": 3,
            "mappings": {"Orders": {"changed": 2}, "Pages": {"vanished": 1}, "Views": {"appeared": 1}},
        }
    }


def test_without_events_json_is_the_configuration_alone(files):
    done = files(("name: Ours", "name: Yours"), arguments=["--json"])

    assert done.json["configuration"]["settings"] == [{"path": "name", "old": "Ours", "new": "Yours"}]


def test_events_may_come_from_standard_input(files, here):
    files()

    done = run("diff", "old.yaml", "new.yaml", "--events", "-", stdin=lines(ORDER, {"batch": [PAGE, PAGE]}))

    assert (done.code, done.out) == (0, "The configurations are the same.\n3 events, 0 differ\n")


def test_an_event_that_is_nested_deeper_than_json_is_written_is_shown_cut(files):
    deep = 1
    for _ in range(240):
        deep = [deep]
    replacement = ("type: track,", "type: track, properties: {'@path': $.properties},")
    event = {**ORDER, "properties": {"a": deep}}

    assert "…" in json.dumps(
        files(replacement, events=[event], arguments=["--json"]).json_lines, ensure_ascii=False
    )
    assert "[" * 240 in files(replacement, events=[event]).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["none.yaml", "new.yaml"], "error: none.yaml: No such file or directory", id="no old file"),
        pytest.param(["old.yaml", "none.yaml"], "error: none.yaml: No such file or directory", id="no new file"),
        pytest.param(["old.yaml", "bad.yaml"], "error: bad.yaml:5:13: mappings[0].action: must be one of", id="a mistake"),
        pytest.param(["old.yaml", "new.yaml", "--events", "bad.jsonl"], "error: bad.jsonl:2: the value is not JSON in UTF-8", id="no event"),
        pytest.param(["old.yaml"], "Missing argument 'NEW'", id="one file"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_used_exits_2(files, here, arguments, told):
    files()
    (here / "bad.yaml").write_text(OLD.replace("trackEvent", "track"))
    (here / "bad.jsonl").write_bytes(lines(ORDER) + b"{")

    done = run("diff", *arguments)

    assert done.code == 2
    assert told in done.err


@settings(max_examples=25, deadline=None)
@given(st.lists(events(), max_size=4))
def test_a_file_does_not_differ_from_itself_on_any_events(found):
    with tempfile.TemporaryDirectory() as folder:
        destination = Path(folder) / "destination.yaml"
        destination.write_text("id: presets\n")

        done = run("diff", destination, destination, "--events", "-", "--json", stdin=lines(*found))

    nothing = {"settings": [], "removed": [], "added": [], "changed": [], "reordered": False}
    assert done.code == 0
    assert done.json_lines == [
        {"configuration": nothing},
        {"summary": {"events": len(found), "differ": 0, "mappings": {}}},
    ]
