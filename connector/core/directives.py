"""The @-directives of the mapping language, each compiled once into a function of the event.

A directive is a function (argument, compiler) -> Getter. It looks at its argument when the
configuration is loaded and leaves only work that depends on the event. A directive that is wrong where
the load-time check does not look (inside lists) complains when it meets an event, as in the reference.

Source: segmentio/action-destinations, packages/core/src/mapping-kit/index.ts
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

from connector.core.fields_check import LONGEST_PATTERN
from connector.core.javascript import (
    UNDEFINED,
    is_falsy,
    object_keys,
    text_of,
    type_name,
    utf16_length,
    utf16_units,
)
from connector.core.json_text import ReadError, json_text, read_json
from connector.core.liquid import compile_liquid
from connector.core.path import Getter, compile_path, without_root
from connector.core.placeholders import compile_template
from connector.core.text_replace import replace_text
from connector.errors import FieldsError


class Compiler(Protocol):
    """Compiles what is inside a directive."""

    def tree(self, tree: Any, *, keep: bool = ...) -> Getter:
        """Compile a subtree; with `keep` its undefined members stay until somebody looks at them."""
        ...

    def transform(self, tree: Mapping[str, Any]) -> Getter:
        """Compile a whole fields tree of its own; it insists on an object as its event."""
        ...


Directive: TypeAlias = Callable[[Any, Compiler], Getter]


def failing(messages: str | tuple[str, ...], kind: str = "Error") -> Getter:
    """Make a getter that complains about every event it meets."""

    def get(_event: Any) -> Any:
        raise FieldsError(messages, kind=kind)

    return get


def constant(value: Any) -> Getter:
    """Make a getter that gives the same value for every event."""
    return lambda _event: value


_compile_cached = lru_cache(maxsize=4096)(compile_path)
_template_cached = lru_cache(maxsize=4096)(compile_template)


def _at_path(argument: Any, compiler: Compiler) -> Getter:
    """Give the value at a path: {"@path": "$.traits.email"}; the path may come from a directive."""
    return _on_text("@path", argument, compiler, lambda text: _compile_cached(without_root(text)))


def _template(argument: Any, compiler: Compiler) -> Getter:
    """Fill {{path}} and {{{path}}} into a text; the text may come from a directive."""
    return _on_text("@template", argument, compiler, _template_cached)


def _on_text(name: str, argument: Any, compiler: Compiler, compile_text: Callable[[str], Getter]) -> Getter:
    if isinstance(argument, str):
        return compile_text(argument)
    text_getter = compiler.tree(argument)

    def get(event: Any) -> Any:
        text = text_getter(event)
        if not isinstance(text, str):
            raise FieldsError(f"{name}: expected string, got {type_name(text)}")
        return compile_text(text)(event)

    return get


def _liquid(argument: Any, _compiler: Compiler) -> Getter:
    """Render a template of the Liquid language: {"@liquid": "{{ traits.email | downcase }}"}.

    A template that cannot be compiled complains about every event, as in the reference.
    """
    if not isinstance(argument, str):
        return failing("liquid template value must be a string")
    try:
        return compile_liquid(argument)
    except FieldsError as error:
        return failing(error.messages, kind=error.kind)


def _if(argument: Any, compiler: Compiler) -> Getter:
    """Choose between `then` and `else`: {"exists" | "blank": tree, "then": tree, "else": tree}.

    `exists` holds for anything but undefined and null. `blank` holds, against its name, for anything
    that is not blank. A false `else` as written (0, "", false, null) is ignored.
    """
    if not isinstance(argument, Mapping):
        return failing('@if requires an object with an "exists" key')
    if is_falsy(argument.get("exists")) and is_falsy(argument.get("blank")):
        return failing('@if requires an "exists" key or a "blank" key')
    holds = _is_not_blank if "exists" not in argument else _exists
    subject = compiler.tree(argument["exists"] if "exists" in argument else argument["blank"])
    then = compiler.tree(argument["then"]) if "then" in argument else constant(UNDEFINED)
    otherwise = constant(UNDEFINED) if is_falsy(argument.get("else")) else compiler.tree(argument["else"])

    def get(event: Any) -> Any:
        return then(event) if holds(subject(event)) else otherwise(event)

    return get


def _exists(value: Any) -> bool:
    return value is not None and value is not UNDEFINED


def _is_not_blank(value: Any) -> bool:
    # Loose comparison with "": 0 and false are blank, and lists whose comma-joined text is empty.
    if isinstance(value, list):
        return text_of(value) != ""
    return not is_falsy(value)


def _case(argument: Any, compiler: Compiler) -> Getter:
    """Change the case of a text: {"operator": "lower" | "upper", "value": tree}."""
    if not isinstance(argument, Mapping):
        return failing('@case requires an object with a "operator" key')
    operator = argument.get("operator")
    if is_falsy(operator):
        return failing('@case requires a "operator" key')
    if is_falsy(argument.get("value")):
        return constant(UNDEFINED)
    value_getter = compiler.tree(argument["value"])

    def get(event: Any) -> Any:
        value = value_getter(event)
        if not isinstance(value, str):
            return value
        if operator == "lower":
            return value.lower()
        if operator == "upper":
            return value.upper()
        raise FieldsError('operator key should have a value of "lower" or "upper"')

    return get


def _replace(argument: Any, compiler: Compiler) -> Getter:
    """Replace plain text: {"pattern", "replacement"?, "pattern2"?, "replacement2"?, "ignorecase"?,
    "global"?, "value": tree}. Numbers and booleans become text first; other values give "".
    """  # noqa: D205
    if not isinstance(argument, Mapping):
        return failing('@replace requires an object with a "pattern" key')
    if is_falsy(argument.get("pattern")):
        return failing('@replace requires a "pattern" key')
    if is_falsy(argument.get("value")):
        return constant(UNDEFINED)
    ignore_case = _or_default(argument.get("ignorecase"), False)
    everywhere = _or_default(argument.get("global"), True)
    pairs = [(argument["pattern"], _or_default(argument.get("replacement"), ""))]
    usable = all(isinstance(part, str) for part in pairs[0])
    usable = usable and isinstance(ignore_case, bool) and isinstance(everywhere, bool)
    second = (argument.get("pattern2"), _or_default(argument.get("replacement2"), ""))
    if second[0] and all(isinstance(part, str) for part in second):
        pairs.append(second)
    value_getter = compiler.tree(argument["value"])

    def get(event: Any) -> Any:
        value = value_getter(event)
        if isinstance(value, (bool, int, float)):
            value = text_of(value)
        if not (usable and isinstance(value, str)):
            return ""
        for pattern, replacement in pairs:
            _refuse_long("pattern", pattern)
            _refuse_long("replacement", replacement)
            value = replace_text(value, pattern, replacement, ignore_case=ignore_case, everywhere=everywhere)
        return value

    return get


def _or_default(value: Any, default: Any) -> Any:
    return default if value is None else value


def _refuse_long(what: str, text: str) -> None:
    if utf16_length(text) > LONGEST_PATTERN:
        raise FieldsError(f'@replace requires a "{what}" less than {LONGEST_PATTERN} characters')


def _array_path(argument: Any, compiler: Compiler) -> Getter:
    """Shape each element of a list: [path or tree, shape]; an object counts as a list of itself."""
    if not isinstance(argument, list):
        return failing(f"@arrayPath expected array, got {type_name(argument)}")
    source = argument[0] if argument else UNDEFINED
    root_getter = compile_path(without_root(source)) if isinstance(source, str) else compiler.tree(source)
    shape = argument[1] if len(argument) > 1 else None
    if not (isinstance(shape, Mapping) and shape):
        return root_getter
    shaped = compiler.tree(shape)

    def get(event: Any) -> Any:
        root = root_getter(event)
        match root:
            case list():
                return [shaped(item) for item in root]
            case dict():
                return [shaped(root)]
            case _:
                return root

    return get


def _literal(argument: Any, compiler: Compiler) -> Getter:
    """Give the argument; directives inside it do run."""
    return compiler.tree(argument)


def _flatten(argument: Any, compiler: Compiler) -> Getter:
    """Make one flat object: {"separator": text, "value": tree, "omitArrays"?}."""
    if not isinstance(argument, Mapping):
        return failing('@flatten requires an object with a "separator" key')
    if is_falsy(argument.get("separator")):
        return failing('@flatten requires a "separator" key')
    separator_getter = compiler.tree(argument["separator"])
    value_getter = compiler.tree(argument.get("value", UNDEFINED), keep=True)
    into_lists = is_falsy(argument.get("omitArrays"))

    def get(event: Any) -> Any:
        separator = separator_getter(event)
        if not isinstance(separator, str):
            raise FieldsError("@flatten requires a string separator")
        flat: dict[str, Any] = {}
        _flatten_into(flat, "", value_getter(event), separator, into_lists)
        return flat

    return get


def _flatten_into(flat: dict[str, Any], prefix: str, value: Any, separator: str, into_lists: bool) -> None:
    match value:
        case dict():
            items = [(key, value[key]) for key in object_keys(value)]
        case list() if into_lists:
            items = [(str(index), item) for index, item in enumerate(value)]
        case _:
            flat[prefix] = value
            return
    for key, item in items:
        _flatten_into(flat, f"{prefix}{separator}{key}" if prefix else key, item, separator, into_lists)


def _json(argument: Any, compiler: Compiler) -> Getter:
    """Write or read JSON text: {"value": tree, "mode": "encode" | "decode"}."""
    if not isinstance(argument, Mapping):
        return failing('@json requires an object with a "value" key')
    if is_falsy(argument.get("mode")):
        return failing('@json requires a "mode" key')
    if is_falsy(argument.get("value")):
        return failing('@json requires a "value" key')
    value_getter = compiler.tree(argument["value"])
    match argument["mode"]:
        case "encode":
            return lambda event: json_text(value_getter(event))
        case "decode":
            return lambda event: _decoded(value_getter(event))
        case _:  # "Encode" passes the check but selects nothing
            return lambda event: (value_getter(event), UNDEFINED)[1]


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return read_json(value)
    except ReadError:
        return value


def _merge(argument: Any, compiler: Compiler) -> Getter:
    """Merge objects: {"objects": [tree, …], "direction": "left" | "right"}; right lets later ones win."""
    if not isinstance(argument, Mapping):
        return failing('@merge requires an object with an "objects" key and a "direction" key')
    if is_falsy(argument.get("direction")):
        return failing('@merge requires a "direction" key')
    direction_getter = compiler.tree(argument["direction"])
    objects = argument.get("objects")
    if is_falsy(objects):
        return _after(direction_getter, failing('@merge requires a "objects" key'))
    if not isinstance(objects, list):
        return _after(direction_getter, failing(f"@merge: expected opts.array, got {_typeof(objects)}"))
    getters = [compiler.tree(tree, keep=True) for tree in objects]

    def get(event: Any) -> Any:
        direction = direction_getter(event)
        values = [getter(event) for getter in getters]
        if direction == "left":
            values.reverse()
        merged: dict[str, Any] = {}
        for value in values:
            match value:
                case dict():
                    merged.update(value)
                case list():
                    merged.update((str(index), item) for index, item in enumerate(value))
                case str():
                    merged.update((str(index), unit) for index, unit in enumerate(utf16_units(value)))
        return merged

    return get


def _after(first: Getter, second: Getter) -> Getter:
    """Resolve one thing, which may complain, and give another."""
    return lambda event: (first(event), second(event))[1]


def _typeof(value: Any) -> str:
    name = type_name(value)
    return "object" if name in ("array", "null") else name


def _transform(argument: Any, compiler: Compiler) -> Getter:
    """Resolve `mapping` on the result of `apply`: {"apply": tree, "mapping": tree}."""
    if not isinstance(argument, Mapping):
        return failing('@transform requires an object with an "apply" key and a "mapping" key')
    if is_falsy(argument.get("mapping")):
        return failing('@transform requires a "mapping" key')
    if is_falsy(argument.get("apply")):
        return failing('@transform requires a "apply" key')
    if not isinstance(argument["apply"], Mapping):
        return failing('@transform "apply" key should be an object')
    apply = compiler.transform(argument["apply"])
    mapping_getter = compiler.tree(argument["mapping"])
    return lambda event: mapping_getter(apply({} if event is UNDEFINED else event))


def _exclude_when_null(argument: Any, compiler: Compiler) -> Getter:
    """Drop null: a null value, and null members of objects at all depths; lists are not entered."""
    value_getter = compiler.tree(argument)

    def get(event: Any) -> Any:
        value = value_getter(event)
        return UNDEFINED if value is None else _without_nulls(value)

    return get


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: UNDEFINED if item is None else _without_nulls(item) for key, item in value.items()}


DIRECTIVES: Final[Mapping[str, Directive]] = {
    "@path": _at_path,
    "@template": _template,
    "@liquid": _liquid,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@literal": _literal,
    "@flatten": _flatten,
    "@json": _json,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _exclude_when_null,
}

LEAVES_UNDEFINED: Final = frozenset(("@flatten", "@merge", "@excludeWhenNull"))
"""Directives whose result may hold members that are undefined, for whoever looks next to drop."""
