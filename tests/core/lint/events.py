"""Events and triggers to draw at random: any values, and events that keep to Segment's spec."""

from hypothesis import strategies as st

from connector.core.lint.spec import EVERYWHERE, TYPES, has

TEXTS = ("", "a", "b", "ab", "track", "page", "100", "null", "true", "'a'", "=", "eos")
NUMBERS = (0, 1, 4, 5, 5.5, 6, 100)
SCALARS = st.sampled_from((*TEXTS, *NUMBERS, True, False, None))
VALUES = st.one_of(SCALARS, st.just([]), st.just(["a"]), st.just({}), st.just({"a": "b"}))

ROOTS = (*EVERYWHERE, "event", "properties", "name", "category", "traits", "groupId", "previousId")
KEYS = st.sampled_from(("a", "b", "n", "email", "traits", "properties", "page"))
OBJECTS = st.dictionaries(KEYS, st.one_of(VALUES, st.dictionaries(KEYS, VALUES, max_size=2)), max_size=4)


def _member(name):
    if name in ("properties", "traits", "context", "integrations"):
        return OBJECTS
    if name in ("userId", "anonymousId", "groupId", "previousId"):
        return st.sampled_from(("u1", "a", "", 5, None))
    return st.sampled_from(("a", "b", "track", "2026-11-24T09:30:00Z"))


@st.composite
def spec_events(draw):
    """An event with no members but those that its type has by the spec; any of them may be missing."""
    type_ = draw(st.sampled_from(TYPES))
    names = [name for name in ROOTS if name != "type" and has(type_, name)]
    event = {name: draw(_member(name)) for name in draw(st.lists(st.sampled_from(names), unique=True))}
    context = event.get("context")
    if isinstance(context, dict):
        for name in ("page", "traits"):  # objects by the spec
            if not isinstance(context.get(name, {}), dict):
                del context[name]
    return {"type": type_, **event}


ANY_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.one_of(st.sampled_from(TYPES), VALUES),
        "event": VALUES,
        "name": VALUES,
        "userId": VALUES,
        "properties": st.one_of(OBJECTS, VALUES),
        "traits": st.one_of(OBJECTS, VALUES),
        "context": st.one_of(OBJECTS, VALUES),
    },
)

_SUBJECTS = (
    "event",
    "name",
    "userId",
    "properties.a",
    "properties.n",
    "traits.a",
    "context.a",
    "context.page.a",
)
_PLAIN = st.builds(
    "{} {} {}".format,
    st.sampled_from(_SUBJECTS),
    st.sampled_from(("=", "!=", "<", "<=", ">", ">=")),
    st.sampled_from(('"a"', '"ab"', '"100"', "5", "4.5", "-1", "true", "false", "null", "a")),
)
_TYPE = st.builds('type {} "{}"'.format, st.sampled_from(("=", "!=")), st.sampled_from((*TYPES, "other")))
_CALL = st.builds(
    "{}{}({}, {})".format,
    st.sampled_from(("", "!")),
    st.sampled_from(("contains", "match")),
    st.sampled_from(_SUBJECTS),
    st.sampled_from(('"a"', '"ab"', '"b*"', '"*b"', '""')),
)
_CONDITION = st.one_of(_PLAIN, _PLAIN, _TYPE, _CALL)


def _joined(conditions):
    return st.lists(conditions, min_size=1, max_size=4).flatmap(
        lambda texts: st.sampled_from((" and ", " or ")).map(lambda connective: connective.join(texts))
    )


TRIGGERS = _joined(st.one_of(_CONDITION, _joined(st.one_of(_PLAIN, _TYPE)).map("({})".format)))
"""Triggers that are read as they are written."""
