"""What hypothesis makes up: JSON, events, fields trees, triggers; sensible and senseless alike."""

from hypothesis import strategies as st

from connector.core.actions import ACTIONS

KEYS = (
    "type", "event", "name", "userId", "anonymousId", "messageId", "groupId", "previousId", "timestamp",
    "email", "traits", "properties", "context", "ip", "page", "url", "campaign", "location", "personas",
    "tag", "total", "products", "length", "0", "1", "toString", "__proto__", "a", "a.b", "$", "", "_metadata",
)  # fmt: skip
TYPES = ("track", "identify", "page", "screen", "group", "alias", "delete", "Track", "")
DIRECTIVES = (
    "@path", "@template", "@if", "@case", "@replace", "@arrayPath", "@literal", "@flatten", "@json", "@merge",
    "@transform", "@excludeWhenNull", "@liquid", "@nothing", "@",
)  # fmt: skip

texts = st.text(max_size=12)
numbers = st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts | st.sampled_from(KEYS)
keys = st.sampled_from(KEYS) | texts
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
objects = st.dictionaries(keys, json_values, max_size=6)

ids = st.text(min_size=1, max_size=8) | st.integers(0, 10**9)
times = st.sampled_from(
    (
        "2026-11-24T09:30:00.000Z",
        "2026-02-30T00:00:00Z",
        "2024-02-29 23:59:60",
        "yesterday",
        "2026-11-24",
        1764000000,
    )
)


@st.composite
def events(draw):
    """Events as producers write them, with a few members turned into anything."""
    type_ = draw(st.sampled_from(TYPES[:6] * 3 + TYPES[6:]))
    event = {
        "type": type_,
        "userId": draw(ids),
        "timestamp": draw(times),
        "messageId": draw(texts),
        "context": draw(
            objects | st.fixed_dictionaries({"traits": objects, "page": objects, "campaign": objects})
        ),
    }
    if type_ in ("track", "page", "screen"):
        event["properties"] = draw(objects)
        event["event" if type_ == "track" else "name"] = draw(texts)
    else:
        event |= {"traits": draw(objects), "groupId": draw(ids), "previousId": draw(ids)}
    for key in draw(st.lists(st.sampled_from(sorted(event)), max_size=2)):
        event[key] = draw(json_values)
    return event


paths = st.sampled_from(
    (
        "$.userId", "$.traits.email", "$.properties.products[0].sku", "$.context.page.url", "$.properties.total",
        "$", "$.", "", ".", "a[0]b", "['a.b']", "$.traits.length", "$.userId[0]", "$.context.page.search",
    )
) | texts  # fmt: skip
templates = (
    st.sampled_from(
        ("{{userId}}", "{{{traits}}} {{ type }}", "{{$.event}}", "{{}}", "{{ }}", "Hello {{traits.email}}!")
    )
    | texts
)
liquids = (
    st.sampled_from(
        (
            "{{ event | downcase }}",
            "{% if userId %}a{% else %}b{% endif %}",
            "{{ x | default: 'y' }}",
            "{% for a in b %}",
            "{{",
        )
    )
    | texts
)


def _directives(inner):
    arguments = {
        "@path": paths,
        "@template": templates,
        "@liquid": liquids,
        "@literal": inner,
        "@excludeWhenNull": inner,
        "@if": st.fixed_dictionaries({}, optional={"exists": inner, "blank": inner, "then": inner, "else": inner}),
        "@case": st.fixed_dictionaries({"operator": st.sampled_from(("lower", "upper", "odd"))}, optional={"value": inner}),
        "@replace": st.fixed_dictionaries(
            {"pattern": st.text(max_size=11), "value": inner},
            optional={
                "replacement": st.text(max_size=11), "pattern2": texts, "replacement2": texts,
                "ignorecase": st.booleans(), "global": st.booleans(),
            },
        ),
        "@arrayPath": st.tuples(paths | inner, inner).map(list),
        "@flatten": st.fixed_dictionaries({"separator": texts, "value": inner}, optional={"omitArrays": st.booleans()}),
        "@json": st.fixed_dictionaries({"value": inner, "mode": st.sampled_from(("encode", "decode", "Encode"))}),
        "@merge": st.fixed_dictionaries(
            {"objects": st.lists(inner, max_size=3), "direction": st.sampled_from(("left", "right", "LEFT"))}
        ),
        "@transform": st.fixed_dictionaries({"apply": inner, "mapping": inner}),
    }  # fmt: skip
    return st.one_of(
        *(argument.map(lambda value, name=name: {name: value}) for name, argument in arguments.items())
    )


def _trees(inner):
    senseless = st.dictionaries(st.sampled_from(DIRECTIVES) | keys, inner, max_size=3)
    return st.one_of(
        _directives(inner), st.dictionaries(keys, inner, max_size=4), st.lists(inner, max_size=3), senseless
    )


trees = st.recursive(scalars | paths.map(lambda path: {"@path": path}), _trees, max_leaves=14)
field_trees = st.dictionaries(st.sampled_from(KEYS) | st.sampled_from(DIRECTIVES), trees, max_size=6)


subjects = st.sampled_from(
    (
        "type", "event", "name", "userId", "properties.total", "properties.a.b", "traits.email", "traits.plan",
        "context.page.path", "properties", "anonymousId", "type.x", "not", r"properties.\or", "toString",
    )
)  # fmt: skip
operators = st.sampled_from(
    ("=", "!=", "<", "<=", ">", ">=", " = ", " != ", " < ", " <= ", " > ", " >= ", "", "!")
)
literals = st.one_of(
    st.sampled_from(('"track"', '"identify"', '"a"', "5", "true", "null")),
    st.sampled_from(
        ('"track"', '"identify"', "'track'", "true", "false", "null", "an", "5", "-1.5", "1.", "+", '"')
    ),
    st.text(alphabet='ab*"\\', max_size=4).map(lambda text: f'"{text}"'),
)
comparisons = st.tuples(subjects, operators, literals).map("".join)
functions = st.tuples(
    st.sampled_from(("contains", "!contains", "match", "!match", "exists")), subjects, literals
).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})")
type_triggers = st.sampled_from(TYPES[:6]).map(lambda type_: f'type = "{type_}"')
likely_triggers = st.one_of(
    type_triggers,
    st.tuples(type_triggers, st.sampled_from((" and ", " or ")), comparisons | functions).map("".join),
)
sensible_triggers = st.recursive(
    comparisons | functions | st.just("()"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from((" and ", " or ", "and", " ")), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"!{text}"),
    ),
    max_leaves=6,
)
triggers = (
    sensible_triggers
    | st.text(alphabet="typeventandor=!<>()[].,\"'\\ \t\n\r0123456789+-*é", max_size=60)
    | texts
)

actions = st.sampled_from(sorted(ACTIONS))


@st.composite
def mappings(draw):
    """A mapping: an action's default fields, a few of them replaced, under any trigger; or all of it by chance."""
    action = draw(actions)
    if draw(st.integers(0, 3)):
        fields = dict(ACTIONS[action].default_fields)
        for key in draw(st.lists(st.sampled_from(sorted(fields)) | st.sampled_from(KEYS), max_size=3)):
            fields[key] = draw(trees)
    else:
        fields = draw(field_trees)
    return {
        "name": draw(st.uuids()).hex,
        "action": action,
        "enabled": draw(st.integers(0, 4)) > 0,
        "trigger": draw(likely_triggers if draw(st.integers(0, 3)) else triggers),
        "fields": fields,
    }
