"""The rules of @liquid that a mapping's author meets; liquid_cases.jsonl holds all the finer ones."""

import copy
from pathlib import Path

import pytest

from connector.core.fields import compile_fields
from connector.core.liquid import compile_liquid
from connector.core.liquid.filters import DISABLED_FILTERS, FILTERS
from connector.core.liquid.tags import DISABLED_TAGS, TAGS
from connector.errors import FieldsError

EVENT = {
    "event": "Order Completed",
    "receivedAt": "2024-05-06T07:08:09.010Z",
    "timestamp": "2024-02-29T13:05:09.123Z",
    "traits": {"email": "Ann@Example.com", "age": 41, "vip": False, "note": None, "tags": ["a", "b"]},
    "count": 3,
}


def render(template, event=EVENT):
    return compile_liquid(template)(event)


def error_of(template, event=EVENT):
    with pytest.raises(FieldsError) as caught:
        render(template, event)
    return caught.value.kind, caught.value.message


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param("{{ traits.email | downcase }}", "ann@example.com", id="filter"),
        pytest.param("{{ traits.nope.deeper }}", "", id="an unknown variable is empty"),
        pytest.param("{{ event | nope | upcase }}", "ORDER COMPLETED", id="an unknown filter does nothing"),
        pytest.param("{{ '<b>' }}", "<b>", id="nothing is escaped"),
        pytest.param("{{ 7 | divided_by: 2 }}", "3.5", id="division is not of integers"),
        pytest.param("{{ traits.tags }}{{ traits }}", "ab[object Object]", id="lists and objects"),
        pytest.param("{% if '' and 0 %}yes{% endif %}", "yes", id="zero and empty text are true"),
        pytest.param("{% if traits.vip or traits.note %}yes{% endif %}", "", id="false and nil are not"),
        pytest.param("{{ '' | default: 'x' }}{{ false | default: 'y' }}", "xy", id="default"),
        pytest.param("{% if true or false and false %}yes{% endif %}", "yes", id="right to left"),
        pytest.param("{% assign event = 'mine' %}{{ event }}", "mine", id="a variable hides the event's"),
        pytest.param(" a {{- 1 -}} b ", " a1b ", id="hyphens trim"),
        pytest.param("a{% break %}b", "a", id="break without a loop ends the template"),
    ],
)
def test_a_template_is_read_by_the_rules_of_liquidjs(template, text):
    assert render(template) == text


@pytest.mark.parametrize(
    "template", ["", "{{ count }}", "{{ traits.vip }}", "{{ traits.note }}", "{{ nope }}"]
)
def test_the_output_is_always_text(template):
    assert type(render(template)) is str


@pytest.mark.parametrize("tag", sorted(DISABLED_TAGS))
def test_a_disabled_tag_is_named_with_its_place(tag):
    assert error_of(f"a\n {{% {tag} x %}}") == ("ParseError", f'tag "{tag}" is disabled, line:2, col:2')


@pytest.mark.parametrize("name", DISABLED_FILTERS)
def test_a_disabled_filter_is_named_with_its_place(name):
    template = f"{{% if true %}}\n{{{{ traits.tags | {name} }}}}{{% endif %}}"

    assert error_of(template) == ("RenderError", f'filter "{name}" is disabled, line:2, col:1')


def test_every_tag_and_filter_is_on_the_page():
    page = (Path(__file__).parents[2] / "docs" / "liquid.md").read_text()

    assert {name for name in (*FILTERS, *TAGS, *DISABLED_TAGS) if f"`{name}`" not in page} == set()


@pytest.mark.parametrize(
    ("template", "kind", "message"),
    [
        pytest.param("{{ a", "TokenizationError", 'output "{{ a" not closed, line:1, col:1', id="output"),
        pytest.param("x {% if", "TokenizationError", 'tag "{% if" not closed, line:1, col:3', id="tag"),
        pytest.param("{% if a %}", "ParseError", "tag {% if a %} not closed, line:1, col:1", id="block"),
        pytest.param("😀\n😀{% no %}", "ParseError", 'tag "no" not found, line:2, col:3', id="UTF-16 units"),
        pytest.param("{{ '%' | url_decode }}", "RenderError", "URI malformed, line:1, col:1", id="filter"),
    ],
)
def test_an_error_has_the_references_kind_text_and_place(template, kind, message):
    assert error_of(template) == (kind, message)


def test_a_template_of_1000_units_is_the_longest():
    assert render("😀" * 500) == "😀" * 500
    assert error_of("a" * 1001) == ("Error", "liquid template values are limited to 1000 characters")


def test_a_wrong_template_is_loaded_and_complains_about_each_event():
    fields = compile_fields({"v": {"@liquid": "{% for a in b %}"}})

    for _ in range(2):
        with pytest.raises(FieldsError) as caught:
            fields(EVENT)
        assert caught.value.kind == "ParseError"


def test_what_is_no_text_inside_a_list_is_refused_when_it_is_met():
    fields = compile_fields({"v": [{"@liquid": 5}]})

    with pytest.raises(FieldsError, match=r"^liquid template value must be a string$"):
        fields(EVENT)


def test_an_element_of_array_path_is_the_event_of_its_template():
    fields = compile_fields(
        {"v": {"@arrayPath": ["$.traits.tags", {"t": {"@liquid": "{{ length }}{{ [0] }}"}}]}}
    )

    assert fields(EVENT) == {"v": [{"t": "1a"}, {"t": "1b"}]}


def test_no_template_changes_the_event_or_the_next_rendering():
    template = compile_liquid("{% increment count %}{% assign event = 1 %}{% cycle 'a', 'b' %}{{ count }}")
    event = copy.deepcopy(EVENT)

    assert [template(event), template(event)] == ["3a4", "3a4"]
    assert event == EVENT


@pytest.mark.parametrize(
    "template",
    [
        "{{ event.__class__ }}{{ event.upper }}{{ traits.items }}{{ traits.keys }}{{ count.real }}",
        "{{ ''.__class__.__mro__ }}{{ nil.__init__ }}{{ nil.members }}{{ nil.value }}",
        "{{ __proto__ }}{{ constructor }}{{ traits.constructor }}{{ event.trim }}",
        "{{ traits['__class__'] }}{{ traits.tags['append'] }}{{ (1..2).__len__ }}",
    ],
)
def test_a_template_reaches_no_attribute_of_python_or_javascript(template):
    assert render(template) == ""


@pytest.mark.parametrize("word", ["now", "today"])
def test_now_is_when_the_event_was_received(word):
    template = f"{{{{ '{word}' | date: '%Y-%m-%d %H:%M' }}}}"

    assert render(template) == "2024-05-06 07:08"
    assert render(template, {"receivedAt": "soon", "timestamp": EVENT["timestamp"]}) == "2024-02-29 13:05"
    assert error_of(template, {}) == (
        "RenderError",
        'the time "now" needs receivedAt or timestamp in the event, line:1, col:1',
    )


def test_a_random_choice_is_refused_unless_there_is_none():
    assert render("{{ traits.tags | shift | sample }}{{ nope | sample }}") == "b"
    assert error_of("{{ traits.tags | sample }}") == (
        "RenderError",
        'filter "sample" is not supported: its result is random, line:1, col:1',
    )


def test_a_time_zone_is_found_by_name_whatever_its_case():
    zone = "{{ timestamp | date: '%H:%M %z', 'asia/KOLKATA' }}"

    assert render(zone) == "18:35 +0530"
    assert error_of("{{ 0 | date: '%H', '../zones' }}") == (
        "RenderError",
        "Invalid time zone specified: ../zones, line:1, col:1",
    )
