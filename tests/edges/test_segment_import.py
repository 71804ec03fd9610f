"""Subscriptions of Segment as a destination file: they do there what they did in Segment."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core import Destination
from connector.core.actions import ACTIONS
from connector.core.segment_import import import_subscriptions
from connector.edges.destination_file import read_destination_file
from connector.edges.destination_template import imported_text
from connector.errors import ConfigurationError
from tests.strategies import events, mappings
from tests.vectors_io import parametrize_vectors

API = {
    "id": "eoeXaMeAYcB2XvEApJDrQs",
    "name": "Orders",
    "actionId": "uD9jEQ4DxJZzhzVqppM7UD",
    "actionSlug": "trackEvent",
    "destinationId": "fP7qoQw2HTWt9WdMr718gn",
    "modelId": "",
    "enabled": True,
    "trigger": 'type = "track"',
    "settings": {"event": {"@path": "$.event"}, "type": "track"},
}
FRAMEWORK = {
    "name": "Orders",
    "partnerAction": "trackEvent",
    "subscribe": 'type = "track"',
    "enabled": True,
    "mapping": {"event": {"@path": "$.event"}, "type": "track"},
}
ORDERS = {
    "name": "Orders",
    "action": "trackEvent",
    "enabled": True,
    "trigger": 'type = "track"',
    "fields": {"event": {"@path": "$.event"}, "type": "track"},
}
FIELDS = {"a": 1, "@b": [None, True, 1.0, "it's", {"@c": "x" * 120}], "long " * 30: {}}


def pytest_generate_tests(metafunc):
    parametrize_vectors(metafunc, "presets", "custom")


def configured(imported, folder):
    """What a file with the imported mappings says."""
    file = folder / "destination.yaml"
    text = imported_text(id="x", name="x", mappings=imported.mappings, left_out=imported.left_out)
    file.write_text(text, encoding="utf-8")
    return read_destination_file(file)


def page(*subscriptions, **pagination):
    return {"data": {"subscriptions": list(subscriptions), "pagination": pagination}}


def problems(document):
    with pytest.raises(ConfigurationError) as raised:
        import_subscriptions(document)
    return str(raised.value)


# What it does is what it did


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("imported")


def test_an_imported_subscription_plans_the_requests_that_it_did(vector, folder):
    subscription = vector["mapping"]
    direct = planned_directly(subscription, vector["event"])

    file = configured(import_subscriptions(subscription), folder)

    assert file.compile(api_key="k").plan(vector["event"]) == direct


def planned_directly(subscription, event):
    mapping = {
        "name": subscription["name"],
        "action": subscription["partnerAction"],
        "enabled": subscription["enabled"],
        "trigger": subscription["subscribe"],
        "fields": subscription["mapping"],
    }
    try:
        return Destination.from_config({"id": "x", "mappings": [mapping]}, api_key="k").plan(event)
    except ConfigurationError:
        return ()  # its fields fail for every event: nothing is sent


@settings(max_examples=50, deadline=None)
@given(st.lists(mappings(), min_size=1, max_size=4), events())
def test_whatever_is_imported_compiles_and_loses_nothing(tmp_path_factory, drawn, event):
    subscriptions = [
        {"name": each["name"], "actionSlug": each["action"], "enabled": each["enabled"], "trigger": each["trigger"], "settings": each["fields"]}
        for each in drawn
    ]  # fmt: skip

    imported = import_subscriptions(subscriptions)
    file = configured(imported, tmp_path_factory.getbasetemp())

    assert json.dumps(file.config["mappings"]) == json.dumps(imported.mappings)
    kept = [*imported.mappings, *(each.mapping for each in imported.left_out)]
    assert {each["name"]: each for each in kept} == {each["name"]: each for each in drawn}
    file.compile(api_key="k").plan(event)


# Shapes


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(page(API), id="List Subscriptions from Destination"),
        pytest.param({"data": {"subscription": API}}, id="Get Subscription from Destination"),
        pytest.param({"data": {"destinationSubscription": API}}, id="Create Destination Subscription"),
        pytest.param({"data": page(API)}, id="the answer inside another envelope"),
        pytest.param([API], id="a list"),
        pytest.param(API, id="one object"),
        pytest.param(FRAMEWORK, id="one object of the destinations framework"),
        pytest.param([FRAMEWORK], id="a list of the destinations framework"),
        pytest.param({"subscriptions": [FRAMEWORK]}, id="a list under its name"),
        pytest.param([page(API, next="x"), page()], id="a list of pages"),
        pytest.param({**FRAMEWORK, "settings": {"apiKey": "secret"}}, id="settings of the destination beside the mapping"),
    ],
)  # fmt: skip
def test_every_shape_of_a_subscription_becomes_the_same_mapping(document):
    imported = import_subscriptions(document)

    assert imported.mappings == (ORDERS,)
    assert (imported.left_out, imported.notes, imported.complete) == ((), (), True)


def test_a_subscription_without_fields_resolves_none_as_in_the_reference():
    assert import_subscriptions({**API, "settings": None}).mappings == ({**ORDERS, "fields": {}},)


def test_the_order_and_the_flags_stay():
    document = page(*({**API, "name": name, "enabled": name != "b"} for name in "cab"))

    assert [(each["name"], each["enabled"]) for each in import_subscriptions(document).mappings] == [
        ("c", True),
        ("a", True),
        ("b", False),
    ]


def test_a_page_that_is_not_the_last_is_incomplete():
    assert not import_subscriptions(page(API, current="MA==", next="MQ==")).complete
    assert import_subscriptions(page(API, current="MA==", next=None)).complete


# Names


def test_a_name_that_is_given_twice_is_made_unique_and_told():
    imported = import_subscriptions([{**API, "name": name} for name in ("A", "A", "A (2)", "A")])

    assert [each["name"] for each in imported.mappings] == ["A", "A (3)", "A (2)", "A (4)"]
    assert imported.notes == (
        "subscription 2, named 'A' like an earlier one, is now 'A (3)'",
        "subscription 4, named 'A' like an earlier one, is now 'A (4)'",
    )


@pytest.mark.parametrize("name", [None, "", 5])
def test_a_subscription_without_a_name_is_called_like_its_action(name):
    imported = import_subscriptions({**API, "name": name})

    assert [each["name"] for each in imported.mappings] == ["Track Event"]
    assert imported.notes == ("subscription 1 has no name and is called 'Track Event'",)


# What is left out


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"actionSlug": "sendEmail"}, "action 'sendEmail' is none of trackEvent, ", id="action"),
        pytest.param({"actionSlug": ""}, "action '' is none of trackEvent, ", id="no action"),
        pytest.param({"trigger": "properties.total>5"}, "its trigger cannot be compiled and never matches in Segment either", id="trigger"),
        pytest.param({"trigger": ""}, "its trigger cannot be compiled", id="empty trigger"),
        pytest.param({"trigger": None}, "its trigger cannot be compiled", id="no trigger"),
        pytest.param({"trigger": {"a": [1]}}, "its trigger cannot be compiled", id="trigger no text"),
        pytest.param({"enabled": False, "trigger": "nonsense"}, "its trigger cannot be compiled", id="disabled"),
        pytest.param({"settings": {"event": {"@pth": "$.event"}}}, "its fields cannot be compiled and fail for every event in Segment, too: /event has an invalid", id="fields"),
    ],
)  # fmt: skip
def test_what_a_file_cannot_hold_is_left_out_with_the_reason_and_kept_as_a_comment(tmp_path, change, reason):
    imported = import_subscriptions([API, {**API, "name": "Other", **change}])

    [left_out] = imported.left_out
    assert left_out.reason.startswith(reason)
    assert imported.mappings == (ORDERS,)
    file = configured(imported, tmp_path)
    file.compile(api_key="k")
    assert f"## {reason}" in file.path.read_text()
    assert uncommented(file.path)["mappings"] == [ORDERS, left_out.mapping]


@pytest.mark.parametrize(
    "mapping",
    [
        {"name": "a\nb: c\u2028#\ud800", "action": "sendEmail", "trigger": "a\n# b\x85c", "settings": FIELDS},
        {"name": "#", "action": "- x", "trigger": "", "settings": {"#": "#", "\n": "\n"}},
    ],
    ids=ascii,
)
def test_no_text_ends_a_comment_early(tmp_path, mapping):
    imported = import_subscriptions([API, {**API, "actionSlug": mapping.pop("action"), **mapping}])

    file = configured(imported, tmp_path)

    assert file.config["mappings"] == [ORDERS]
    assert uncommented(file.path)["mappings"] == [ORDERS, imported.left_out[0].mapping]


def test_nothing_but_left_out_subscriptions_make_a_file_that_sends_nothing(tmp_path):
    file = configured(import_subscriptions({**API, "actionSlug": "sendEmail"}), tmp_path)

    assert file.config["mappings"] == []
    assert file.compile(api_key="k").plan({"type": "track", "event": "A"}) == ()
    assert len(uncommented(file.path)["mappings"]) == 1


def uncommented(path):
    """Do what the comment says: take the first # off each line."""
    head, mark, comments = path.read_text(encoding="utf-8").partition("## Left out")
    text = head.replace("mappings: []", "mappings:") + "".join(
        f"{line[1:]}\n" for line in (mark + comments).split("\n")
    )
    path.with_name("uncommented.yaml").write_text(text, encoding="utf-8")
    return read_destination_file(path.with_name("uncommented.yaml")).config


# What is refused


@pytest.mark.parametrize(
    ("document", "told"),
    [
        pytest.param([], "holds no subscription", id="an empty list"),
        pytest.param(page(), "holds no subscription", id="an empty answer"),
        pytest.param([5], "subscriptions[0]: is no subscription: must be an object", id="no object"),
        pytest.param(None, "subscriptions[0]: is no subscription: must be an object", id="null"),
        pytest.param({"data": {"destination": {}}}, "subscriptions[0]: is no subscription: names no action", id="another answer"),
        pytest.param([API, {**API, "enabled": "yes"}], "subscriptions[1].enabled: must be true or false", id="enabled"),
        pytest.param({**API, "settings": [1]}, "subscriptions[0].settings: must be an object", id="settings"),
        pytest.param({**FRAMEWORK, "mapping": "{}"}, "subscriptions[0].mapping: must be an object", id="mapping"),
        pytest.param({**API, "settings": {"a": float("inf")}}, "subscriptions[0]: holds a number that is no JSON", id="infinity"),
        pytest.param([API] * 51, "holds 51 subscriptions, at most 50 are allowed", id="too many"),
        pytest.param(
            {"errors": [{"type": "forbidden", "message": "Not authorized"}]},
            "is an error of Segment, not its subscriptions: Not authorized",
            id="an error of the API",
        ),
    ],
)  # fmt: skip
def test_what_holds_no_subscriptions_is_refused(document, told):
    assert problems(document).startswith(told)


def test_fields_that_no_file_could_hold_are_refused():
    deep = "x"
    for _ in range(500):
        deep = [deep]

    assert problems({**API, "settings": {"event": deep}}) == "subscriptions[0]: is nested too deeply"


def test_fifty_subscriptions_are_taken():
    assert len(import_subscriptions([API] * 50).mappings) == 50


# How it is written


def test_the_file_is_written_for_people():
    imported = import_subscriptions(
        {**API, "settings": {**API["settings"], "properties": {"a": {"@path": "$.a"}, "b": "two words"}}}
    )

    text = imported_text(id="x", name="My Encharge", mappings=imported.mappings)

    assert text[text.index("id: x") :] == (
        "id: x\n"
        "name: My Encharge\n"
        "enabled: true  # false: hold events (when_disabled: hold) or discard them\n"
        "mappings:\n"
        "  - name: Orders\n"
        "    action: trackEvent\n"
        "    enabled: true\n"
        "    trigger: 'type = \"track\"'\n"
        "    fields:\n"
        "      event: {'@path': $.event}\n"
        "      type: track\n"
        "      properties: {a: {'@path': $.a}, b: two words}\n"
    )


def test_the_actions_that_are_told_are_those_of_the_connector():
    [left_out] = import_subscriptions({**API, "actionSlug": "x"}).left_out

    assert left_out.reason == f"action 'x' is none of {', '.join(ACTIONS)}"
