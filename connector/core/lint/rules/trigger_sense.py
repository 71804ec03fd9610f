"""Rules on what a trigger comes to: which events it can select at all."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from connector.core.lint.contradiction import Term, clashing, holds, impossible
from connector.core.lint.reading import Reading, in_words
from connector.core.lint.spec import KNOWN_TYPES, TYPES, hint, nowhere
from connector.core.lint.spec import in_words as types_in_words
from connector.core.lint.trigger_types import terms_of, types_by_name, types_of
from connector.core.triggers.conditions import Condition, Group, Node
from connector.core.triggers.lexer import Kind


def never_matches(reading: Reading) -> Iterator[str]:
    """Conditions that exclude each other."""
    root = reading.trigger.root
    for condition in dict.fromkeys(_conditions(root)):
        if condition.expected == "" and impossible(condition):
            yield f"`{in_words(condition)}` never holds: every text has the empty text in it"
    terms = terms_of(root)
    if not terms:
        return
    if all(map(clashing, terms)):
        # A condition that is impossible by itself has a rule of its own.
        if not all(any(map(impossible, term)) for term in terms):
            yield f"no event can match: {_together(next(filter(_clash_of_several, terms)))}"
        return
    if root.connective == "or":
        for child in root.children:
            own = terms_of(child) if isinstance(child, Group) else None
            if own and all(clashing(term) and not any(map(impossible, term)) for term in own):
                yield f"`{in_words(child)}` can never hold: {_together(own[0])}"


def _clash_of_several(term: Term) -> bool:
    return len(clashing(term)) > 1


def _together(term: Term) -> str:
    return " and ".join(f"`{in_words(each)}`" for each in clashing(term)) + " exclude each other"


def unknown_type(reading: Reading) -> Iterator[str]:
    """`type = "Track"` never matches."""
    for each in reading.comparisons():
        condition, expected = each.condition, each.condition.expected
        if condition.subject != "type" or condition.operator not in ("=", "!=") or expected in KNOWN_TYPES:
            continue
        if not each.sane or each.value.kind is Kind.NULL or each.value.text.startswith("'"):
            continue
        close = get_close_matches(str(expected).lower(), TYPES, n=1)
        outcome = "never holds" if condition.operator == "=" else "always holds"
        yield (
            f"`{each.written}` {outcome}: Segment's types are {', '.join(TYPES)}"
            + (f"; is {close[0]} meant?" if close else "")
        )


def missing_type(reading: Reading) -> Iterator[str]:
    """Nothing says which type of event is meant."""
    root = reading.trigger.root
    types = types_of(root)
    named = any(each.subject == "type" for each in _conditions(root))
    if not named and len(types) > 1 and not types <= {"page", "screen"}:
        yield (
            f"no condition on type: {types_in_words(types)} match if `{in_words(root)}` holds;"
            f' add e.g. type = "{next(each for each in TYPES if each in types)}"'
        )


def never_has_value(reading: Reading) -> Iterator[str]:
    """`type = "track" and traits.plan = "pro"` looks where track events have nothing."""
    terms = terms_of(reading.trigger.root) or ()
    for condition in dict.fromkeys(each for term in terms for each in term):
        types = [types_by_name(term) for term in terms if condition in term]
        if condition.subject != "type" and all(nowhere(each, condition.subject) for each in types):
            selected = frozenset().union(*types)
            outcome = "always" if holds(condition, {}) else "never"
            lack = (
                f"{types_in_words(selected)} have no {condition.subject}{hint(selected, condition.subject)}"
            )
            yield f"`{in_words(condition)}` {outcome} holds: by Segment's spec {lack}"


def _conditions(node: Node | None) -> Iterator[Condition]:
    match node:
        case Condition():
            yield node
        case Group(_, children):
            for child in children:
                yield from _conditions(child)
