"""Compile a fields tree into a function event -> payload.

A tree is JSON: literals stand for themselves, objects and lists are resolved member by member, and an
object like {"@path": "$.userId"} is a directive. Values found in the event are never resolved again.

Source: segmentio/action-destinations, packages/core/src/mapping-kit/index.ts
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.core.directives import DIRECTIVES, LEAVES_UNDEFINED, constant, failing
from connector.core.fields_check import check_fields, is_directive
from connector.core.javascript import UNDEFINED, missing_member, object_keys, type_name, utf16_units
from connector.core.path import Getter, compile_keys, parse_path, without_root
from connector.errors import FieldsError

_ROOT_DIRECTIVE: Final = "__segment_internal_directive"


class Fields:
    """A compiled fields tree.

    Called with an event (a JSON object) it gives the payload: JSON, or UNDEFINED.
    """

    __slots__ = ("members", "resolve", "tree")

    def __init__(self, tree: Any, resolve: Getter, members: Mapping[str, Getter]) -> None:
        self.tree = tree
        self.resolve = resolve
        """The same without looking whether the event is an object."""
        self.members = members
        """The getters of a plain object's members by key; empty where the whole tree is a directive."""

    def __call__(self, event: Any) -> Any:
        """Resolve one event.

        Raises: FieldsError when a directive cannot do its work, or the event is no object
        """
        return _checked(self.resolve, event)


def compile_fields(tree: Any) -> Fields:
    """Check and compile a fields tree.

    Raises: FieldsError with one message for each problem, as `check_fields` tells them
    """
    try:
        tree = _root_tree(tree)
        check_fields(tree)
        return _compile_root(tree)
    except RecursionError:
        raise FieldsError("fields are nested too deeply") from None


def _compile_root(tree: Mapping[str, Any]) -> Fields:
    compiler = _Compiler()
    if is_directive(tree):
        return Fields(tree, compiler.tree(tree), {})
    members = {key: compiler.tree(tree[key]) for key in object_keys(tree)}
    return Fields(tree, _object_of(tuple(members.items())), members)


def _checked(resolve: Getter, event: Any) -> Any:
    if type(event) is not dict:
        raise FieldsError(f"data must be an object, got {type_name(event)}")
    try:
        return resolve(event)
    except RecursionError:
        raise FieldsError("the event is nested too deeply") from None


def _root_tree(tree: Any) -> Mapping[str, Any]:
    """Spread the tree into an object, and unfold the reference's internal root directive."""
    match tree:
        case Mapping():
            spread = dict(tree)
        case list() | str():
            items = utf16_units(tree) if isinstance(tree, str) else tree
            spread = {str(index): item for index, item in enumerate(items)}
        case _:
            spread = {}
    if _ROOT_DIRECTIVE not in spread:
        return spread
    root = spread.pop(_ROOT_DIRECTIVE)
    if isinstance(root, (Mapping, list, str)) and len(root) > 1:
        raise FieldsError("The root mapping must only have a single directive object")
    if not (isinstance(root, Mapping) and root):
        raise FieldsError("The root directive must be an object")
    ((name, argument),) = root.items()
    if not isinstance(argument, Mapping):
        raise FieldsError("The root directive must be an object")
    return {name: {**argument, "mapping": spread}}


class _Compiler:
    """Compiles trees; `keep` says whether undefined members stay in their objects."""

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep

    def tree(self, tree: Any, *, keep: bool = False) -> Getter:
        if keep and not self._keep:
            return _Compiler(keep=True).tree(tree)
        match tree:
            case Mapping():
                return self._directive(tree) if is_directive(tree) else self._object(tree)
            case list():
                return self._list(tree)
            case _:
                return constant(tree)

    def transform(self, tree: Mapping[str, Any]) -> Getter:
        try:
            fields = compile_fields(tree)
        except FieldsError as error:  # in a list, where the check of the whole tree does not look
            return failing(error.messages, kind=error.kind)
        return fields

    def _directive(self, tree: Mapping[str, Any]) -> Getter:
        name = next(key for key in object_keys(tree) if key.startswith("@"))
        directive = DIRECTIVES.get(name)
        if directive is None:
            return failing(f"{name} is not a valid directive, got undefined")
        get = directive(tree[name], self)
        if self._keep or name not in LEAVES_UNDEFINED:
            return get
        return lambda event: _without_undefined(get(event))

    def _object(self, tree: Mapping[str, Any]) -> Getter:
        if self._keep:
            members = tuple((key, self.tree(tree[key])) for key in object_keys(tree))
            return lambda event: {key: get(event) for key, get in members}
        return _pick_of(tree) or _object_of(tuple((key, self.tree(tree[key])) for key in object_keys(tree)))

    def _list(self, tree: list[Any]) -> Getter:
        getters = tuple(self.tree(item) for item in tree)
        return lambda event: [get(event) for get in getters]


def _object_of(members: tuple[tuple[str, Getter], ...]) -> Getter:
    def get(event: Any) -> Any:
        return {key: value for key, get in members if (value := get(event)) is not UNDEFINED}

    return get


def _pick_of(tree: Mapping[str, Any]) -> Getter | None:
    """Compile an object whose members are all paths below the same parent: one walk for all of them.

    This is the shape of `campaign`, `page` and `location` in every preset.
    """
    picks: list[tuple[str, str]] = []
    parents: set[tuple[str, ...]] = set()
    for key in object_keys(tree):
        match tree[key]:
            case {"@path": str(text), **others} if not others:
                keys = parse_path(without_root(text))
                if not keys:
                    return None
                parents.add(keys[:-1])
                picks.append((key, keys[-1]))
            case _:
                return None
    if len(parents) != 1 or any(missing_member(leaf) is not UNDEFINED for _, leaf in picks):
        return None
    parent_getter = compile_keys(parents.pop())
    slowly = _object_of(tuple((key, compile_keys((leaf,))) for key, leaf in picks))

    def get(event: Any) -> Any:
        parent = parent_getter(event)
        if type(parent) is dict:
            return {key: parent[leaf] for key, leaf in picks if leaf in parent}
        return {} if parent is UNDEFINED else slowly(parent)

    return get


def _without_undefined(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_undefined(item) for key, item in value.items() if item is not UNDEFINED}
        case list():
            return [_without_undefined(item) for item in value]
        case _:
            return value
