"""Events of type `delete`: what a destination plans for them, and what its file may say about it."""

import pytest

from connector.core import ConfigurationError, Destination
from connector.core.explain import explain

EVERYTHING = {
    "name": "Everything",
    "action": "addTag",
    "trigger": 'type != "nothing"',
    "fields": {"tag": "seen", "userId": {"@path": "$.userId"}},
}
DELETE = {"type": "delete", "userId": "a+b&c d"}
PEOPLE = "https://api.encharge.io/v1/people?people[0]"


def destination(**deletion):
    config = {"id": "test", "mappings": [EVERYTHING], "deletion": deletion}
    return Destination.from_config(config, api_key="key")


@pytest.mark.parametrize(
    ("deletion", "url"),
    [
        pytest.param({}, f"{PEOPLE}[userId]=a%2Bb%26c%20d", id="by default the id arrives whole"),
        pytest.param({"erase": True}, f"{PEOPLE}[userId]=a%2Bb%26c%20d&force=true", id="erased"),
        pytest.param({"encode": False}, f"{PEOPLE}[userId]=a+b&c%20d", id="as the reference"),
    ],
)
def test_an_event_of_type_delete_deletes_its_person_and_no_mapping_sees_it(deletion, url):
    [planned] = destination(**deletion).plan_event(DELETE)

    assert (planned.mapping_name, planned.action, planned.error) == ("", "deletePerson", None)
    assert (planned.request.method, planned.request.url, planned.request.body) == ("DELETE", url, None)
    assert planned.request.headers["X-Encharge-Token"] == "key"


def test_without_a_user_id_it_is_the_anonymous_id_that_names_the_person():
    [planned] = destination().plan_event({"type": "delete", "anonymousId": "ü"})

    assert planned.request.url == f"{PEOPLE}[segmentAnonymousId]=%C3%BC"


def test_nobody_is_deleted_by_an_event_that_names_nobody():
    assert destination().plan_event({"type": "delete", "userId": ""}) == ()


def test_deletions_switched_off_are_events_like_all_others():
    [planned] = destination(events=False).plan_event(DELETE)

    assert (planned.mapping_name, planned.action) == ("Everything", "addTag")


@pytest.mark.parametrize("type_", ["track", "Delete", None])
def test_other_events_are_planned_as_ever(type_):
    event = {"type": type_, "userId": "u1"}

    assert destination().plan_event(event) == destination().plan(event)
    assert [planned.action for planned in destination().plan_event(event)] == ["addTag"]


def test_the_plan_of_the_mappings_is_the_reference_s_also_for_a_deletion():
    assert [planned.action for planned in destination().plan(DELETE)] == ["addTag"]


def test_an_id_that_the_reference_cannot_send_is_an_error_by_its_words():
    [planned] = destination(encode=False).plan_event({"type": "delete", "userId": "снег"})

    assert planned.request is None
    assert (planned.mapping_name, planned.action) == ("", "deletePerson")
    assert (planned.error.code, planned.error.kind) == ("invalid_action", "TypeError")
    assert planned.error.message == "Request path contains unescaped characters"


def test_an_explanation_says_that_a_deletion_is_made_and_nothing_else():
    [explanation] = explain(destination(), DELETE)
    [nobody] = explain(destination(), {"type": "delete"})
    [as_ever] = explain(destination(events=False), DELETE)

    assert (explanation.name, explanation.action, explanation.matched) == ("", "deletePerson", True)
    assert (explanation.planned,) == destination().plan_event(DELETE)
    assert (nobody.matched, nobody.planned, nobody.deciding) == (False, None, "the event names nobody")
    assert as_ever.name == "Everything"


@pytest.mark.parametrize(
    ("deletion", "path", "message"),
    [
        pytest.param(True, "deletion", "must be an object", id="no object"),
        pytest.param(None, "deletion", "must be an object", id="null"),
        pytest.param({"erase": "yes"}, "deletion.erase", "must be true or false", id="text"),
        pytest.param(
            {"force": True}, "deletion.force", "unknown; known are events, encode, erase", id="unknown"
        ),
    ],
)
def test_what_a_file_says_wrong_about_deletion_is_told_with_its_place(deletion, path, message):
    with pytest.raises(ConfigurationError) as caught:
        Destination.from_config({"id": "test", "deletion": deletion}, api_key="key")

    [problem] = caught.value.problems
    assert (problem.path, problem.message) == (path, message)
