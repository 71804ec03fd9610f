"""Rules on what a mapping gives its action, with what becomes of events by the engine."""

import json

import pytest

from connector.core import Destination
from connector.core.lint import RULES
from connector.core.lint.samples import SAMPLES
from tests.core.lint.configurations import configuration, found, ids, mapping


def at(path):
    return {"@path": path}


FAILS = "fails"
SENT = "sent"

# rule, bad mapping, good mapping, what becomes of an event that matches the bad one
CASES = [
    ("field-unknown", mapping(fields={"colour": "red"}), mapping(), SENT),
    ("field-unknown", mapping(fields={"page": {"url": at("$.context.page.url"), "hash": "x"}}), mapping(fields={"page": {"url": "x"}}), SENT),
    ("field-unknown", mapping("addTag", 'type = "track"', fields={"tag": "vip", "event": "x"}), mapping("addTag", 'type = "track"', fields={"tag": "vip"}), SENT),
    ("field-required-missing", mapping(without=["event"]), mapping(fields={"event": "Signed up"}), FAILS),
    ("field-required-missing", mapping(fields={"event": ""}), mapping(fields={"event": 0}), FAILS),
    ("field-required-missing", mapping(fields={"type": None}), mapping(fields={"type": ["track"]}), FAILS),
    ("field-required-missing", mapping(fields={"event": at("$.name")}), mapping(fields={"event": at("$.properties.name")}), FAILS),
    ("field-required-missing", mapping(trigger='type = "identify"', without=["properties"]), mapping(trigger='type = "identify"', fields={"event": "Identified"}, without=["properties"]), FAILS),
    ("field-invalid-value", mapping(fields={"properties": "none"}), mapping(fields={"properties": {}}), FAILS),
    ("field-invalid-value", mapping(fields={"properties": [at("$.properties")]}), mapping(fields={"properties": {"@merge": {"direction": "right", "objects": [at("$.properties")]}}}), FAILS),
    ("field-invalid-value", mapping(fields={"properties": {"@template": "{{properties}}"}}), mapping(fields={"properties": at("$.properties.nested")}), FAILS),
    ("field-invalid-value", mapping(fields={"userFields": at("$.event")}), mapping(fields={"userFields": at("$.context")}), FAILS),
    ("field-invalid-value", mapping(fields={"userId": {"path": "$.userId"}}), mapping(fields={"userId": ["u1"]}), FAILS),
    ("field-invalid-value", mapping(fields={"userId": ["u1", "u2"]}), mapping(fields={"userId": [None]}), FAILS),
    ("field-invalid-value", mapping(fields={"email": at("$.context.traits")}), mapping(fields={"email": at("$.context.traits.email")}), FAILS),
    ("field-invalid-value", mapping(fields={"page": {"url": {"href": "x"}}}), mapping(fields={"page": {"url": 5}}), FAILS),
    ("field-invalid-value", mapping(fields={"campaign": "spring"}), mapping(fields={"campaign": {"name": "spring"}}), FAILS),
    ("timestamp-format", mapping(fields={"timestamp": "2026-11-24"}), mapping(fields={"timestamp": "2026-11-24 09:30:00"}), FAILS),
    ("timestamp-format", mapping(fields={"timestamp": 1700000000}), mapping(fields={"timestamp": at("$.receivedAt")}), FAILS),
    ("timestamp-format", mapping(fields={"timestamp": True}), mapping(without=["timestamp"]), FAILS),
    ("timestamp-format", mapping(fields={"timestamp": at("$.messageId")}), mapping(fields={"timestamp": at("$.properties.at")}), FAILS),
    ("tag-default", mapping("addTag", 'type = "track"'), mapping("addTag", 'type = "identify" or type = "group"'), FAILS),
    ("tag-default", mapping("removeTag", 'type = "identify"', without=["tag"]), mapping("removeTag", 'type = "track"', fields={"tag": "vip,beta"}), FAILS),
    ("tag-nobody", mapping("addTag", 'type = "track"', fields={"tag": "vip"}, without=["userId", "email", "segmentAnonymousId"]), mapping("addTag", 'type = "track"', fields={"tag": "vip"}, without=["userId", "email"]), FAILS),
    ("tag-nobody", mapping("addTag", 'type = "track"', fields={"tag": "vip", "userId": "", "email": None}, without=["segmentAnonymousId"]), mapping("addTag", 'type = "track"', fields={"tag": "vip", "email": "a@example.com"}), FAILS),
    ("person-unnamed", mapping(without=["userId", "email", "segmentAnonymousId", "userFields"]), mapping(without=["userId", "email", "segmentAnonymousId"]), SENT),
    ("object-email", mapping("createUpdateObject", without=["userId"]), mapping("createUpdateObject", without=["userId"], fields={"email": at("$.traits.email")}), SENT),
    ("object-email", mapping("createUpdateObject", fields={"userId": at("$.traits.owner")}), mapping("createUpdateObject", fields={"objectType": "account"}), SENT),
    ("object-id-lost", mapping("createUpdateObject", without=["externalId"]), mapping("createUpdateObject", without=["externalId", "objectData"], fields={"id": "5"}), SENT),
    ("object-id-lost", mapping("createUpdateObject", fields={"objectData": {"id": at("$.groupId")}}), mapping("createUpdateObject", fields={"objectData": {"name": at("$.traits.name")}}), SENT),
    ("identify-null-overrides", mapping("identifyUser", fields={"user": {"userId": None, "plan": at("$.traits.plan")}}), mapping("identifyUser", fields={"user": {"plan": None, "userId": at("$.userId")}}), SENT),
    ("identify-null-overrides", mapping(fields={"userFields": {"@literal": {"email": ""}}}), mapping(fields={"userFields": {"email": "a@example.com"}}), SENT),
    ("alias-missing-previous", mapping("aliasUser", without=["previousUserId"]), mapping("aliasUser", fields={"previousUserId": at("$.anonymousId")}), FAILS),
    ("alias-missing-previous", mapping("aliasUser", 'type = "identify"'), mapping("aliasUser", 'type = "identify"', fields={"previousUserId": at("$.traits.oldId")}), FAILS),
    ("alias-of-itself", mapping("aliasUser", fields={"previousUserId": at("$.userId")}), mapping("aliasUser"), SENT),
]  # fmt: skip


def planned(bad):
    """What becomes of Segment's events that match."""
    destination = Destination.from_config(configuration(bad), api_key="")
    return [entry for event in SAMPLES for entry in destination.plan(event)]


@pytest.mark.parametrize(
    ("rule", "bad", "good", "outcome"),
    [pytest.param(*case, id=f"{case[0]} {number}") for number, case in enumerate(CASES)],
)
class TestEachRule:
    def test_it_finds_the_bad_mapping(self, rule, bad, good, outcome):
        assert rule in ids(configuration(bad))

    def test_it_leaves_the_good_neighbour_alone(self, rule, bad, good, outcome):
        assert ids(configuration(good)) == []

    def test_the_events_that_match_fail_or_go_through_as_it_says(self, rule, bad, good, outcome):
        entries = planned(bad)

        assert entries
        assert [FAILS if entry.error else SENT for entry in entries] == [outcome] * len(entries)
        assert ("fail" in found(configuration(bad), rule).message) is (outcome == FAILS)


def test_every_rule_on_payloads_has_a_case():
    kinds = ("tag", "person", "object", "identify", "alias", "timestamp")
    rules = {rule.id for rule in RULES if rule.id.split("-")[0] in kinds}

    assert {case[0] for case in CASES} == rules | {
        "field-unknown",
        "field-required-missing",
        "field-invalid-value",
    }


@pytest.mark.parametrize(
    ("bad", "rule", "path", "words"),
    [
        pytest.param(mapping(fields={"user_id": "x"}), "field-unknown", "fields.user_id", "is userId meant?", id="a close name"),
        pytest.param(mapping(fields={"page": {"hash": "x"}}), "field-unknown", "fields.page.hash", "page has only", id="a member"),
        pytest.param(mapping(without=["event"]), "field-required-missing", "fields", "`event` is required and not mapped", id="not mapped"),
        pytest.param(mapping(trigger='type = "track" or type = "page"', without=["userFields"]), "field-required-missing", "fields.event", "all page events fail; by Segment's spec page events have no event at their root; their name is in name", id="some types"),
        pytest.param(mapping(fields={"userId": {"path": "$.userId"}}), "field-invalid-value", "fields.userId", "every event fails: User ID must be a string but it was an object", id="always"),
        pytest.param(mapping(fields={"userFields": at("$.event")}), "field-invalid-value", "fields.userFields", "every event that has a value there fails", id="when there"),
        pytest.param(mapping(fields={"page": {"url": []}}), "field-invalid-value", "fields.page.url", "URL must be a string but it was an array", id="member"),
        pytest.param(mapping("createUpdateObject", without=["externalId"]), "object-id-lost", "fields.objectData", "the object has no id at all", id="no id"),
        pytest.param(mapping("createUpdateObject", fields={"objectData": {"externalId": "x"}}), "object-id-lost", "fields.objectData.externalId", "is replaced by the field `externalId`", id="replaced"),
        pytest.param(mapping("createUpdateObject", without=["userId"]), "object-email", "fields.email", "linked by nothing at all", id="nobody"),
        pytest.param(mapping("addTag", 'type = "track"'), "tag-default", "fields.tag", "track events have no traits at their root", id="tag"),
    ],
)  # fmt: skip
def test_the_message_says(bad, rule, path, words):
    finding = found(configuration(bad), rule)

    assert finding.path == f"mappings[0].{path}"
    assert words in finding.message


def test_a_null_for_an_id_replaces_it_in_user_but_not_at_the_top():
    bad = mapping("identifyUser", fields={"user": {"userId": None}})

    [entry] = planned(bad)

    body = json.loads(entry.request.body)
    assert (body["userId"], body["user"]["userId"]) == ("u1", None)


def test_a_trait_called_external_id_is_lost_where_the_field_is_not_mapped():
    bad = mapping("createUpdateObject", without=["externalId"])
    event = {"type": "group", "userId": "u1", "traits": {"externalId": "e", "id": "i", "name": "n"}}

    [entry] = Destination.from_config(configuration(bad), api_key="").plan(event)

    assert json.loads(entry.request.body)["properties"] == {"name": "n"}


def test_an_unknown_action_silences_what_depends_on_the_action():
    assert ids(configuration(mapping(action="trackEvent") | {"action": "trackEvents"})) == ["configuration"]
