"""Fields trees in words: `@path` with `$.properties.x` is "from properties.x"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from connector.core.explain_json import cut
from connector.core.fields_check import is_directive
from connector.core.javascript import is_falsy
from connector.core.json_text import write_json
from connector.core.path import without_root

LONGEST: Final = 2000  # characters


def in_words(tree: Any) -> str:
    """Say what a tree gives."""
    try:
        text = _words(tree, inside=False)
    except RecursionError:
        return "nested too deeply to be told"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def directive_of(tree: Any) -> str:
    """Give the directive a tree is; literal or object for one that is none."""
    if is_directive(tree):
        return next(str(key) for key in tree if key.startswith("@"))
    return "object" if isinstance(tree, Mapping) else "literal"


def _words(tree: Any, *, inside: bool = True) -> str:
    """Say what a tree gives; `inside` a sentence a path is only named."""
    if is_directive(tree):
        name = directive_of(tree)
        say = _DIRECTIVES.get(name)
        argument = tree[name]
        if say is None:
            return f"{name}, which is no directive"
        text = say(argument)
        return text if inside or name != "@path" else f"from {text}"
    match tree:
        case Mapping() if tree:
            members = ", ".join(f"{key}: {_words(item)}" for key, item in tree.items())
            return f"an object with {members}"
        case list() if any(isinstance(item, (Mapping, list)) for item in tree):
            return f"a list of {', '.join(map(_words, tree))}"
        case str():
            return f"the text {_json(tree)}"
        case _:
            return f"the value {_json(tree)}"


def _json(value: Any) -> str:
    return write_json(cut(value)).decode()


def _path(argument: Any) -> str:
    if not isinstance(argument, str):
        return f"what stands at the path that {_words(argument)} names"
    return without_root(argument) or "the whole event"


def _template(argument: Any) -> str:
    return f"the text {_json(argument)} with {{{{…}}}} filled in from the event"


def _liquid(argument: Any) -> str:
    return f"the Liquid template {_json(argument)}"


def _if(argument: Any) -> str:
    if not isinstance(argument, Mapping):
        return _raw("@if", argument)
    # `blank` holds, against its name, for what is not blank.
    test, question = ("exists", "is there") if "exists" in argument else ("blank", "is not blank")
    if test not in argument:
        return _raw("@if", argument)
    subject = _words(argument[test])
    then = _words(argument["then"]) if "then" in argument else "nothing"
    otherwise = "nothing" if is_falsy(argument.get("else")) else _words(argument["else"])
    if then == subject and test == "exists":
        return f"{subject}, or where that is not there {otherwise}"
    return f"if {subject} {question}: {then}; else {otherwise}"


def _case(argument: Any) -> str:
    if not isinstance(argument, Mapping) or "value" not in argument:
        return _raw("@case", argument)
    match argument.get("operator"):
        case "lower" | "upper" as case:
            how = f"in {case} case"
        case other:
            how = f"with case {_json(other)}"
    return f"{_words(argument['value'])} {how}"


def _replace(argument: Any) -> str:
    if not isinstance(argument, Mapping) or "value" not in argument:
        return _raw("@replace", argument)
    pairs = [(argument.get("pattern"), argument.get("replacement", ""))]
    if argument.get("pattern2"):
        pairs.append((argument["pattern2"], argument.get("replacement2", "")))
    changes = ", ".join(f"{_json(old)} replaced by {_json(new)}" for old, new in pairs)
    return f"{_words(argument['value'])} with {changes}"


def _array_path(argument: Any) -> str:
    if not isinstance(argument, list) or not argument:
        return _raw("@arrayPath", argument)
    source = without_root(argument[0]) if isinstance(argument[0], str) else _words(argument[0])
    if len(argument) == 1:
        return f"the list {source}"
    return f"for each item of {source}: {_words(argument[1])}"


def _literal(argument: Any) -> str:
    return _words(argument)


def _flatten(argument: Any) -> str:
    if not isinstance(argument, Mapping) or "value" not in argument:
        return _raw("@flatten", argument)
    return (
        f"{_words(argument['value'])} as one flat object, names joined by {_json(argument.get('separator'))}"
    )


def _as_json(argument: Any) -> str:
    if not isinstance(argument, Mapping) or "value" not in argument:
        return _raw("@json", argument)
    how = "written as JSON text" if argument.get("mode") == "encode" else "read from JSON text"
    return f"{_words(argument['value'])}, {how}"


def _merge(argument: Any) -> str:
    if not isinstance(argument, Mapping) or not isinstance(argument.get("objects"), list):
        return _raw("@merge", argument)
    winner = "the first" if argument.get("direction") == "left" else "the last"
    return f"{' and '.join(map(_words, argument['objects']))} merged; where they differ {winner} one counts"


def _transform(argument: Any) -> str:
    if not isinstance(argument, Mapping):
        return _raw("@transform", argument)
    return f"{_words(argument.get('mapping'))}, looked up in {_words(argument.get('apply'))}"


def _without_null(argument: Any) -> str:
    return f"{_words(argument)}, without what is null"


def _raw(name: str, argument: Any) -> str:
    return f"{name} {_json(argument)}"


_DIRECTIVES: Final[Mapping[str, Callable[[Any], str]]] = {
    "@path": _path,
    "@template": _template,
    "@liquid": _liquid,
    "@if": _if,
    "@case": _case,
    "@replace": _replace,
    "@arrayPath": _array_path,
    "@literal": _literal,
    "@flatten": _flatten,
    "@json": _as_json,
    "@merge": _merge,
    "@transform": _transform,
    "@excludeWhenNull": _without_null,
}
