"""What is said of Segment's events agrees with the samples, with the JSON Schema and with itself."""

import jsonschema
import pytest

from connector.core.lint.samples import SAMPLES
from connector.core.lint.spec import EVERYWHERE, TYPES, has, hint, in_words, nowhere
from schemas import load_schema


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event["type"])
class TestEachSample:
    def test_it_has_only_members_that_its_type_has(self, event):
        assert {name for name in event if not has(event["type"], name)} == set()

    def test_it_has_all_of_them(self, event):
        names = {*EVERYWHERE, "event", "properties", "name", "category", "traits", "groupId", "previousId"}

        assert {name for name in names if has(event["type"], name)} == set(event)

    def test_it_is_an_event_by_the_schema(self, event):
        jsonschema.validate(event, load_schema("segment/event.json"))


def test_there_is_a_sample_of_every_type():
    assert tuple(event["type"] for event in SAMPLES) == TYPES


@pytest.mark.parametrize(
    ("name", "types", "there"),
    [
        pytest.param("userId", ["track"], True, id="everywhere"),
        pytest.param("traits", ["track"], False, id="of other types"),
        pytest.param("traits", ["track", "identify"], True, id="of one of the types"),
        pytest.param("email", ["identify"], False, id="of traits"),
        pytest.param("ip", ["track"], False, id="of the context"),
        pytest.param("user_id", ["track"], False, id="misspelt"),
        pytest.param("something", ["track"], True, id="unknown"),
        pytest.param("traits", [], True, id="no type known"),
    ],
)
def test_a_name_is_nowhere_only_where_the_spec_says_so(name, types, there):
    assert nowhere(types, name) is not there


@pytest.mark.parametrize(
    ("name", "types", "told"),
    [
        pytest.param("traits", {"track"}, "; the person's traits are in context.traits", id="traits of track"),
        pytest.param("properties", {"identify"}, "; what they carry is in traits", id="properties of identify"),
        pytest.param("event", {"page"}, "; their name is in name", id="event of page"),
        pytest.param("name", {"identify"}, "; it is at traits.name", id="name of identify"),
        pytest.param("email", {"identify"}, "; look in traits.email", id="email of identify"),
        pytest.param("email", {"track"}, "; look in context.traits.email or properties.email", id="email of track"),
        pytest.param("email", {"track", "identify"}, "; look in traits.email or context.traits.email or properties.email", id="email of both"),
        pytest.param("groupId", {"track"}, "; the group that other events happen in is at context.groupId", id="group"),
        pytest.param("previousId", {"track"}, "", id="nowhere else"),
    ],
)  # fmt: skip
def test_it_is_told_where_to_look_instead(name, types, told):
    assert hint(frozenset(types), name) == told


@pytest.mark.parametrize(
    ("types", "words"),
    [
        (["page"], "page events"),
        (["page", "track"], "track and page events"),
        (["group", "page", "track"], "track, page and group events"),
        (TYPES, "events of every type"),
    ],
)
def test_types_are_named_in_one_order(types, words):
    assert in_words(types) == words
