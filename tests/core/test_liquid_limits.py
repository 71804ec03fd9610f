"""Whatever is written in a template and whatever the event holds: text or a FieldsError, and soon."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.liquid import compile_liquid
from connector.core.liquid.filters import DISABLED_FILTERS, FILTERS
from connector.errors import FieldsError

# Ten times what the worst template takes, for slow machines; without limits it would be minutes.
LONGEST_S = 1.0
MOST_BYTES = 10_000_000
TOO_MUCH = "memory alloc limit exceeded"

LARGE = {
    "text": "x y " * 50_000,
    "wide": "aé <😀> &amp;\n" * 50_000,
    "digits": "1" * 200_000,
    "numbers": [1.5] * 100_000,
    "objects": [{"a": {"b": index}} for index in range(50_000)],
    "object": {f"k{index}": index for index in range(50_000)},
    "brackets": "a[" * 50_000,
}


def outcome(template, event):
    """Render within the limits, and give the output, or the error's message without its place."""
    begun_s = time.process_time()
    try:
        return compile_liquid(template)(event)
    except FieldsError as error:
        return error.message.partition(", line:")[0]
    finally:
        assert time.process_time() - begun_s < LONGEST_S


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ (1..100000000) }}", id="a huge range"),
        pytest.param("{{ (1..'Infinity') | size }}", id="an endless range"),
        pytest.param("{{ (9007199254740992..9007199254740994) }}", id="a range that does not advance"),
        pytest.param("{% assign x = 'ab' %}" + "{% assign x = x | append: x %}" * 30, id="doubling"),
        pytest.param(
            "{% capture x %}xxxxxxxxxx{% endcapture %}"
            + ("{% capture x %}" + "{{x}}" * 20 + "{% endcapture %}") * 5,
            id="captures of captures",
        ),
        pytest.param("{{ text | replace: 'x', text }}", id="replacing by itself"),
        pytest.param("{{ text | replace: '', text }}", id="replacing nothing by itself"),
        pytest.param("{{ 1 | date: '%99999999d' }}", id="a wide date"),
        pytest.param("{{ objects | json: 10 }}" * 10, id="much JSON"),
        pytest.param("{{ numbers }}" * 70, id="much output"),
        pytest.param("{{ objects | where: brackets }}", id="a long path"),
        pytest.param("{{ wide }}" * 90, id="much wide text"),
    ],
)
def test_a_bomb_is_stopped_by_the_budget(template):
    assert outcome(template, LARGE) == TOO_MUCH


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{%if a%}" * 120, id="blocks"),
        pytest.param("{% liquid " + "if 1\n" * 180 + "%}", id="lines"),
        pytest.param("{% liquid " + "liquid " * 130 + "%}", id="liquid in liquid"),
        pytest.param("{{ " + "a[" * 490 + "}}", id="brackets"),
        pytest.param("{{ " + "(" * 990 + "}}", id="ranges"),
    ],
)
def test_nesting_beyond_the_limit_is_refused(template):
    assert outcome(template, LARGE) == "liquid template is nested too deeply"


def test_nesting_that_a_template_has_room_for_is_followed():
    assert outcome("{%if 1%}" * 58 + "x" + "{%endif%}" * 58, {}) == "x"
    assert outcome("{{ " + "k[" * 40 + "'k'" + "]" * 40 + " }}", {"k": {"k": "k"}}) == "k"


def test_a_deep_event_is_refused_where_it_is_walked_through():
    event = {"deep": []}
    for _ in range(100_000):
        event = {"deep": [event["deep"]]}

    assert outcome("{{ deep }}", event) == "the event is nested too deeply"
    assert outcome("{{ deep | size }}", event) == "1"


@pytest.mark.parametrize("name", sorted(set(FILTERS) - set(DISABLED_FILTERS)))
def test_no_filter_takes_long_or_much_room_for_any_value(name):
    for value in ("wide", "numbers", "objects"):
        unit = f"{{{{{value}|{name}:{value}}}}}"
        outcome(unit * (1000 // len(unit)), LARGE)

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for value in ("text", "digits"):
        outcome(f"{{{{ {value} | {name}: {value} }}}}", LARGE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < MOST_BYTES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4)
    ),
    max_leaves=12,
)
EVENTS = st.dictionaries(st.sampled_from(["a", "b", "size", "now"]) | st.text(max_size=3), JSON, max_size=5)
WORDS = """
    {{ }} {% %} {%- -%} | : , . .. ( ) [ ] ' " = == < contains and or not a b nil empty blank true 0 1 -1 1.5
    assign capture endcapture if elsif else endif unless endunless cycle increment raw endraw comment endcomment
    liquid echo break block endblock # upcase split join default date where json
"""
PIECES = st.sampled_from([*WORDS.split(), " ", "\n", "\\", "é", "😀", "\ud83d"])
TEMPLATES = (
    st.text(max_size=80)
    | st.lists(PIECES, max_size=30).map("".join)
    | st.lists(PIECES, max_size=30).map(" ".join)
)


@settings(max_examples=200, deadline=None)
@given(TEMPLATES, EVENTS)
def test_any_template_and_any_event_give_text_or_a_fields_error(template, event):
    assert isinstance(outcome(template, event), str)


CALLS = st.lists(
    st.tuples(
        st.sampled_from(sorted(FILTERS)), st.lists(st.sampled_from(["a", "b", "1", "'x'", "nil"]), max_size=3)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(CALLS, EVENTS)
def test_any_filter_takes_any_value_and_arguments(calls, event):
    filters = "".join(f" | {name}: {', '.join(arguments)}" for name, arguments in calls)

    assert isinstance(outcome(f"{{{{ a{filters} }}}}", event), str)


def test_rendering_is_cheap():
    template = compile_liquid("{{ event | downcase }}")
    event = {"event": "Product Viewed"}
    begun_s = time.process_time()

    for _ in range(10_000):
        template(event)

    assert (time.process_time() - begun_s) / 10_000 < 50e-6  # measured: 3 µs
