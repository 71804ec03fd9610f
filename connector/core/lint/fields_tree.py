"""Walk through a fields tree: every place that gives a value, and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from connector.core.fields_check import is_directive


@dataclass(frozen=True, slots=True)
class Place:
    """One place in a tree.

    path      "fields.email.@if.then"
    tree      what stands there
    directive its name, empty where it is none
    on_event  paths in it start at the event, not at a list's element or at what @transform made
    unchecked where the check at load does not look: in a list, or in an object inside @literal
    top       it is the outermost thing there that the check could be asked about
    output    its value is a value of the payload, not just something to choose or to make one from
    literal   it is inside @literal, so a text is meant to be one
    """

    path: str
    tree: Any
    on_event: bool = True
    unchecked: bool = False
    top: bool = False
    output: bool = True
    literal: bool = False
    directive: str = field(init=False)

    def __post_init__(self) -> None:
        name = next((key for key in self.tree if key.startswith("@")), "") if is_directive(self.tree) else ""
        object.__setattr__(self, "directive", name)

    @property
    def argument(self) -> Any:
        """The argument of the directive that stands there."""
        return self.tree[self.directive]

    def below(self, key: str | int, tree: Any) -> Place:
        """Give a place inside this one."""
        step = f"[{key}]" if isinstance(key, int) else f".{key}"
        return replace(self, path=self.path + step, tree=tree, top=False)

    def out_of_sight(self) -> Place:
        """Give the same place as one that the check at load does not see."""
        return replace(self, unchecked=True, top=True)


def places(tree: Mapping[str, Any]) -> Iterator[Place]:
    """Give every place of a fields tree, outer ones first."""
    return _walk(Place("fields", tree))


def without_literal(tree: Any) -> Any:
    """Give the tree inside @literal, which stands for the same; any other tree as it is."""
    while is_directive(tree) and "@literal" in tree:
        tree = tree["@literal"]
    return tree


def _walk(place: Place) -> Iterator[Place]:
    yield place
    for inner in _inside(place):
        yield from _walk(inner)


def _inside(place: Place) -> Iterator[Place]:
    match place.tree:
        case Mapping() if place.directive:
            name = place.directive
            argument = place.below(name, place.argument)
            yield from _INSIDE.get(name, _nothing)(argument)
        case Mapping():
            for key, item in place.tree.items():
                if not key.startswith("@"):  # plain data: a directive with other keys beside it
                    yield place.below(str(key), item)
        case list():
            for index, item in enumerate(place.tree):
                yield place.below(index, item).out_of_sight()


Inside: TypeAlias = Callable[[Place], Iterator[Place]]


def _nothing(_argument: Place) -> Iterator[Place]:
    yield from ()


def _computed(argument: Place) -> Iterator[Place]:
    """Give the argument of @path or @template where that comes from a directive."""
    if not isinstance(argument.tree, str):
        yield replace(argument, output=False)


def _members(*names: str) -> Inside:
    """Give the named members of an argument: what the directive chooses from, or makes its value of."""

    def inside(argument: Place) -> Iterator[Place]:
        if isinstance(argument.tree, Mapping):
            for name in names:
                if name in argument.tree:
                    yield replace(argument.below(name, argument.tree[name]), output=False)

    return inside


def _itself(argument: Place) -> Iterator[Place]:
    """Give the argument of a directive that the check at load enters only for a directive."""
    hidden = isinstance(argument.tree, Mapping) and not any(key.startswith("@") for key in argument.tree)
    yield argument.out_of_sight() if hidden else argument


def _as_literal(argument: Place) -> Iterator[Place]:
    for place in _itself(argument):
        yield replace(place, literal=True)


def _list_and_shape(argument: Place) -> Iterator[Place]:
    if not isinstance(argument.tree, list):
        return
    for index, item in enumerate(argument.tree[:2]):
        if index == 0 and not isinstance(item, str):
            yield replace(argument.below(index, item), output=False)
        if index == 1 and isinstance(item, Mapping):
            yield replace(argument.below(index, item), on_event=False)


def _objects(argument: Place) -> Iterator[Place]:
    objects = argument.tree.get("objects") if isinstance(argument.tree, Mapping) else None
    if isinstance(objects, list):
        for index, item in enumerate(objects):
            yield argument.below("objects", objects).below(index, item)


def _applied(argument: Place) -> Iterator[Place]:
    if isinstance(argument.tree, Mapping):
        if "apply" in argument.tree:
            yield replace(argument.below("apply", argument.tree["apply"]), output=False)
        if "mapping" in argument.tree:
            yield replace(argument.below("mapping", argument.tree["mapping"]), on_event=False)


_INSIDE: Final[Mapping[str, Inside]] = {
    "@path": _computed,
    "@template": _computed,
    "@if": _members("exists", "blank", "then", "else"),
    "@case": _members("value"),
    "@replace": _members("value"),
    "@arrayPath": _list_and_shape,
    "@literal": _as_literal,
    "@flatten": _members("separator", "value"),
    "@json": _members("value"),
    "@merge": _objects,
    "@transform": _applied,
    "@excludeWhenNull": _itself,
}
