"""Rules on how a trigger is put together: connectives, negation, groups, words that are skipped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Final

from connector.core.lint.reading import FUNCTIONS, Reading, Turn, in_words
from connector.core.triggers.conditions import Group, Node
from connector.core.triggers.lexer import Kind, Token
from connector.core.triggers.parser import parse
from connector.errors import TriggerError

_CONNECTIVES: Final = ("and", "or")


def mixed_connectives(reading: Reading) -> Iterator[str]:
    """`a and b or c` is `a or b or c`."""
    if any(nested_group(reading)):  # what is outside by mistake brings its connectives along
        return
    for turns, node in reading.levels():
        used = [turn.step.tokens[0].text for turn in turns if turn.made == "connective"]
        if isinstance(node, Group) and len(node.children) > 1 and len(set(used)) > 1:
            yield (
                f"the last connective of a level, `{used[-1]}`, decides for all of it: this is read as"
                f" `{in_words(node)}`; put what belongs together in parentheses"
            )


def ignored_negation(reading: Reading) -> Iterator[str]:
    """`!(…)`, `!type = "x"` and `not` exclude nothing."""
    for turns, _node in reading.levels():
        for turn in turns:
            if turn.made == "negation" or _is_not(turn):
                yield (
                    f"`{turn.step.tokens[0].text}` is ignored here, it works before contains and match only"
                    f" and as `!`: this is read as `{in_words(reading.trigger.root)}`; use != or !contains(…)"
                )


def skipped_words(reading: Reading) -> Iterator[str]:
    """`anonymousId = "x"`, `exists(…)`, `AND` and the like are passed over."""
    innocent = set(_pairs(reading.tokens).values())
    for turns, _node in reading.levels():
        for run in _runs(turns, innocent):
            what = reading.text[run[0].start : run[-1].start + len(run[-1].written)]
            yield (
                f"`{what}` is skipped{_why(run[0].step.tokens[0])};"
                f" what remains is `{in_words(reading.trigger.root)}`"
            )


def _is_not(turn: Turn) -> bool:
    return turn.made == "skipped" and turn.step.tokens[0].text.lower() == "not"


def _runs(turns: Iterable[Turn], innocent: set[int]) -> Iterator[list[Turn]]:
    """Give what is skipped, neighbours together, but for what belongs to a broken comparison before it."""
    told = False
    for skipped, group in groupby(turns, key=lambda turn: turn.made == "skipped"):
        neighbours = list(group)
        if skipped and not told:
            run = [turn for turn in neighbours if not _is_not(turn) and turn.start not in innocent]
            if run:
                yield run
        told = neighbours[-1].broken


def _why(token: Token) -> str:
    if token.kind is Kind.WORD and token.text.lower() in _CONNECTIVES:
        return f": a connective is written in lower case, `{token.text.lower()}`"
    if token.kind is Kind.TEXT:
        return ": a text ends at the next quote, there is no escaping"
    if token.kind is Kind.WORD and re.fullmatch(r"[eE]\d*", token.text):
        return ": numbers have no exponent"
    if token.kind is Kind.WORD:
        return (
            ": only type, event, name, userId, properties.…, traits.… and context.… can be compared,"
            " in this spelling"
        )
    return ""


def nested_group(reading: Reading) -> Iterator[str]:
    """A group ends at its first `)`, also at that of a function."""
    pairs = _pairs(reading.tokens)
    if _as_meant(reading.tokens, pairs) == _flat(reading.trigger.root):
        return
    for turn in reading.turns:
        if turn.made != "group":
            continue
        end = pairs.get(turn.start, len(reading.text))
        left_out = reading.text[turn.step.tokens[-1].at + 1 : end].strip()
        if left_out.strip(")"):
            yield (
                f"the group ends at its first `)`, so `{left_out}` is outside of it: this is read as"
                f" `{in_words(reading.trigger.root)}`; a group holds one contains or match, at its end"
            )


def _as_meant(tokens: tuple[Token, ...], pairs: dict[int, int]) -> Node | None:
    """Read a trigger as if the parentheses of functions closed nothing else."""
    of_functions = {
        pairs.get(token.at)
        for before, token in pairwise(tokens)
        if before.text in FUNCTIONS and token.text == "("
    }
    try:
        return _flat(
            parse(
                # The parser skips whatever stands there.
                replace(token, kind=Kind.COMMA) if token.at in of_functions else token
                for token in tokens
            )
        )
    except TriggerError:
        return None


def _flat(node: Node | None) -> Node | None:
    """Give a tree without groups that make no difference."""
    if not isinstance(node, Group):
        return node
    children: list[Node | None] = []
    for child in map(_flat, node.children):
        if isinstance(child, Group) and child.connective == node.connective:
            children += child.children
        else:
            children.append(child)
    return children[0] if len(children) == 1 else Group(node.connective, tuple(children))


def empty_group(reading: Reading) -> Iterator[str]:
    """`()` cannot be evaluated."""
    root = reading.trigger.root
    for index, child in enumerate(root.children):
        if child is None:
            before = Group(root.connective, root.children[:index])
            yield (
                "the group has no condition that could be evaluated: every event that comes to it fails"
                + _who_comes(before)
            )


def _who_comes(before: Group) -> str:
    if not before.children:
        return ", which is every event"
    if before.connective == "and":
        return f", which is all for which `{in_words(before)}` holds; no event ever matches"
    return f", which is all for which `{in_words(before)}` does not hold"


def _pairs(tokens: Iterable[Token]) -> dict[int, int]:
    """Give where each parenthesis is closed in the sense of whoever wrote it."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for token in tokens:
        if token.kind is Kind.LEFT_PARENTHESIS:
            opened.append(token.at)
        elif token.kind is Kind.RIGHT_PARENTHESIS and opened:
            pairs[opened.pop()] = token.at
    return pairs
