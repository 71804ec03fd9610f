"""`encharge-connector import-segment`."""

import json

import pytest

from connector.core.actions import ACTIONS
from connector.edges.destination_file import read_destination_file
from tests.cli.command import run

ORDERS = {
    "id": "eoeXaMeAYcB2XvEApJDrQs",
    "name": "Orders",
    "actionId": "uD9jEQ4DxJZzhzVqppM7UD",
    "actionSlug": "trackEvent",
    "destinationId": "fP7qoQw2HTWt9WdMr718gn",
    "modelId": "",
    "enabled": False,
    "trigger": 'type = "track"',
    "settings": {"event": {"@path": "$.event"}, "type": "track"},
}
BROKEN = {**ORDERS, "name": "Broken", "trigger": "properties.total>5"}
MAIL = {**ORDERS, "name": "Mail", "actionSlug": "sendEmail"}

NO_TRIGGER = (
    "its trigger cannot be compiled and never matches in Segment either:"
    " expected termination character after identifier, got > (character 17)"
)
NO_ACTION = f"action 'sendEmail' is none of {', '.join(ACTIONS)}"


def answer(*subscriptions, **pagination):
    return json.dumps({"data": {"subscriptions": subscriptions, "pagination": pagination}}).encode()


def mappings(path):
    return read_destination_file(path).config["mappings"]


def test_subscriptions_become_a_destination_file(here):
    done = run("import-segment", "-", stdin=answer(ORDERS))

    assert (done.code, done.out, done.err) == (0, "wrote destination.yaml: 1 mapping\n", "")
    file = read_destination_file(here / "destination.yaml")
    assert (file.config["id"], file.config["name"]) == ("production", "Encharge production")
    assert file.config["mappings"] == [
        {
            "name": "Orders",
            "action": "trackEvent",
            "enabled": False,
            "trigger": 'type = "track"',
            "fields": {"event": {"@path": "$.event"}, "type": "track"},
        }
    ]


def test_the_answer_may_be_in_a_file_and_everything_be_named(here):
    (here / "subscriptions.json").write_bytes(answer(ORDERS))

    done = run(
        "import-segment", "subscriptions.json", "--output", "own.yaml", "--id", "eu", "--name", "Europe"
    )

    assert done.out == "wrote own.yaml: 1 mapping\n"
    file = read_destination_file(here / "own.yaml")
    assert (file.config["id"], file.config["name"]) == ("eu", "Europe")


def test_what_is_left_out_is_told_and_the_rest_is_written(here):
    done = run("import-segment", "-", stdin=answer(BROKEN, ORDERS, MAIL, ORDERS))

    assert (done.code, done.err) == (1, "")
    assert done.out.splitlines() == [
        "wrote destination.yaml: 2 mappings",
        "note: subscription 4, named 'Orders' like an earlier one, is now 'Orders (2)'",
        f"left out: Broken: {NO_TRIGGER}",
        f"left out: Mail: {NO_ACTION}",
    ]
    assert [each["name"] for each in mappings(here / "destination.yaml")] == ["Orders", "Orders (2)"]
    assert "#  - name: Broken\n" in (here / "destination.yaml").read_text()


def test_json_lists_what_was_written_and_what_was_left_out(here):
    done = run("import-segment", "-", "--json", stdin=answer(ORDERS, MAIL))

    assert done.code == 1
    assert done.json == {
        "written": "destination.yaml",
        "mappings": [{"name": "Orders", "action": "trackEvent", "enabled": False}],
        "left_out": [
            {
                "name": "Mail",
                "action": "sendEmail",
                "reason": NO_ACTION,
            }
        ],
        "notes": [],
        "complete": True,
    }


def test_a_page_that_is_not_the_last_is_a_finding(here):
    done = run("import-segment", "-", stdin=answer(ORDERS, next="MQ=="))

    assert done.code == 1
    assert done.out.splitlines()[-1] == "incomplete: Segment has further pages of subscriptions"


def test_a_file_that_exists_is_overwritten_only_by_force(here):
    (here / "destination.yaml").write_text("mine")

    refused = run("import-segment", "-", stdin=answer(ORDERS))

    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "error: destination.yaml: exists; --force overwrites it\n"
    assert (here / "destination.yaml").read_text() == "mine"
    assert run("import-segment", "-", "--force", stdin=answer(ORDERS)).code == 0
    assert len(mappings(here / "destination.yaml")) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b'{\n "data": x}', "<stdin>:2:10: is not JSON in UTF-8", id="no JSON"),
        pytest.param(b"", "<stdin>:1:1: is not JSON in UTF-8", id="nothing"),
        pytest.param(b'{"a":"\xff"}', "<stdin>:1:1: is not JSON in UTF-8", id="not UTF-8"),
        pytest.param(b"[]", "<stdin>: holds no subscription", id="no subscription"),
        pytest.param(answer(*[ORDERS] * 51), "<stdin>: holds 51 subscriptions, at most 50 are allowed", id="too many"),
        pytest.param(answer({**ORDERS, "enabled": 1}), "<stdin>: subscriptions[0].enabled: must be true or false", id="enabled"),
        pytest.param(b'{"errors":[{"type":"x","message":"Not authorized"}]}', "<stdin>: is an error of Segment, not its subscriptions: Not authorized", id="an error"),
    ],
)  # fmt: skip
def test_what_cannot_be_imported_is_told_and_nothing_is_written(here, content, told):
    done = run("import-segment", "-", stdin=content)

    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {told}\n"
    assert list(here.iterdir()) == []


def test_an_id_that_cannot_be_part_of_a_consumer_group_is_a_usage_error(here):
    done = run("import-segment", "-", "--id", "my id", stdin=answer(ORDERS))

    assert done.code == 2
    assert "Invalid value for '--id'" in done.err
    assert list(here.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_operational_error(here):
    done = run("import-segment", "-", "--output", "none/destination.yaml", stdin=answer(ORDERS))

    assert done.code == 3
    assert done.err == "error: none/destination.yaml cannot be written: No such file or directory\n"


def test_the_key_of_a_destination_is_neither_written_nor_printed(here):
    framework = {
        "partnerAction": "trackEvent", "name": "Orders", "subscribe": 'type = "track"', "enabled": True,
        "mapping": {"event": "A", "type": "track"}, "settings": {"apiKey": "the-secret"},
    }  # fmt: skip

    done = run("import-segment", "-", "--json", stdin=json.dumps(framework).encode())

    assert done.code == 0
    assert "the-secret" not in done.out + done.err + (here / "destination.yaml").read_text()
