"""Which types of events a trigger can select at all, by Segment's spec."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Final

from connector.core.lint.contradiction import Term, holds, impossible
from connector.core.lint.spec import TYPES, has
from connector.core.triggers.conditions import Condition, Group, Node

MOST_TERMS: Final = 500
"""Combinations of alternatives that are looked at; nobody writes a trigger with more."""


def types_of(node: Node | None) -> frozenset[str]:
    """Give the types of which an event may satisfy the trigger; it may not for any other type."""
    return frozenset(type_ for type_ in TYPES if _may_hold(node, type_) is not False)


def types_by_name(term: Term) -> frozenset[str]:
    """Give the types that the conditions on `type` leave."""
    named = [condition for condition in term if condition.subject == "type"]
    return frozenset(type_ for type_ in TYPES if all(_may_hold(each, type_) for each in named))


def terms_of(node: Node | None) -> tuple[Term, ...] | None:
    """Give the alternatives of a trigger, each a list of conditions that must all hold; None for too many."""
    terms = tuple(islice(_terms(node), MOST_TERMS + 1))
    return terms if len(terms) <= MOST_TERMS else None


def _terms(node: Node | None) -> Iterator[Term]:
    match node:
        case Condition():
            yield (node,)
        case Group("and", children):
            alternatives = [tuple(islice(_terms(child), MOST_TERMS + 1)) for child in children]
            for combination in product(*alternatives):
                yield tuple(condition for term in combination for condition in term)
        case Group(_, children):
            for child in children:
                if child is None:
                    return  # evaluating it raises: what follows is never asked
                yield from _terms(child)


def _may_hold(node: Node | None, type_: str) -> bool | None:
    """Tell whether a condition holds for every event of a type, or for none; None where it depends."""
    match node:
        case Condition() if impossible(node):
            return False
        case Condition(subject="type"):
            return holds(node, {"type": type_})
        case Condition(subject=subject):
            return holds(node, {}) if has(type_, subject) is False else None
        case Group(connective, children):
            decisive = connective == "or"
            found = [_may_hold(child, type_) for child in children]
            if decisive in found:
                return decisive
            return None if None in found else not decisive
        case _:
            return None
