"""A trigger as it is really read: every token with what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from connector.core.triggers import Trigger, compile_trigger
from connector.core.triggers.conditions import Condition, Group, Node
from connector.core.triggers.lexer import Kind, Token, tokenize
from connector.core.triggers.parser import Step, read_steps
from connector.errors import TriggerError

FUNCTIONS: Final = ("contains", "match")

OPERATORS: Final = frozenset(
    "= != < <= > >= number_equals number_not_equals exists not_exists is_true is_false"
    " contains not_contains starts_with not_starts_with ends_with not_ends_with".split()
)
"""What the engine can evaluate, also as a word between subject and value."""

_VALUES: Final = (Kind.TEXT, Kind.NUMBER, Kind.WORD, Kind.NULL)

Made: TypeAlias = Literal["comparison", "function", "group", "connective", "negation", "skipped"]


class Comparison(NamedTuple):
    """`subject operator value` as it was written, and the condition made of it.

    written  with what is skipped behind it, where it is not sane: `total >=100`
    """

    written: str
    subject: Token
    operator: Token
    value: Token
    condition: Condition

    @property
    def sane(self) -> bool:
        """Whether operator and value are what they should be."""
        return _is_sane(self.operator, self.value)


class Function(NamedTuple):
    """`contains(argument, value)` as it was written; a token that is missing is None.

    condition  None where the argument cannot be looked at
    """

    written: str
    name: str
    argument: Token | None
    value: Token | None
    condition: Condition | None
    well_formed: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of the reading, and where its text stands."""

    step: Step
    start: int
    written: str
    inner: tuple[Turn, ...]

    @property
    def made(self) -> Made:
        """What was made of the tokens."""
        first = self.step.tokens[0]
        match first.kind:
            case Kind.CONNECTIVE:
                return "connective"
            case Kind.LEFT_PARENTHESIS:
                return "group"
            case Kind.OPERATOR if first.text == "!":
                return "negation" if len(self.step.tokens) == 1 else "function"
            case Kind.WORD if first.text in FUNCTIONS:
                return "function"
            case Kind.WORD if self.step.nodes:
                return "comparison"
            case _:
                return "skipped"

    @property
    def broken(self) -> bool:
        """Whether it is a comparison whose operator or value is not what it should be."""
        return self.made == "comparison" and not _is_sane(*self.step.tokens[1:3])


@dataclass(frozen=True, slots=True)
class Reading:
    """A trigger that compiles, with the turns in which it was read."""

    trigger: Trigger
    tokens: tuple[Token, ...]
    turns: tuple[Turn, ...]

    @property
    def text(self) -> str:
        """The trigger as it stands in the file."""
        return self.trigger.text

    def levels(self) -> Iterator[tuple[tuple[Turn, ...], Node | None]]:
        """Give the trigger itself, then each of its groups, with what it was read as."""
        yield self.turns, self.trigger.root
        for turn in self.turns:
            if turn.made == "group":
                yield turn.inner, turn.step.nodes[0]

    def comparisons(self) -> Iterator[Comparison]:
        """Give every comparison, in the order of the text."""
        for turns, _node in self.levels():
            for index, turn in enumerate(turns):
                if turn.made == "comparison":
                    subject, operator, value = turn.step.tokens
                    condition = turn.step.nodes[0]
                    assert isinstance(condition, Condition)
                    comparison = Comparison(turn.written, subject, operator, value, condition)
                    if not comparison.sane:
                        comparison = comparison._replace(written=self._with_skipped(turns[index:]))
                    yield comparison

    def functions(self) -> Iterator[Function]:
        """Give every use of contains and match, in the order of the text."""
        for turn in (turn for turns, _node in self.levels() for turn in turns if turn.made == "function"):
            tokens = turn.step.tokens[1:] if turn.step.tokens[0].text == "!" else turn.step.tokens
            name, argument, value = tokens[0].text, _at(tokens, 2), _at(tokens, 4)
            condition = turn.step.nodes[0] if turn.step.nodes else None
            assert condition is None or isinstance(condition, Condition)
            yield Function(turn.written, name, argument, value, condition, _well_formed(tokens))

    def _with_skipped(self, turns: tuple[Turn, ...]) -> str:
        *_, last = turns[0], *takewhile(lambda turn: turn.made == "skipped", turns[1:])
        return self.text[turns[0].start : last.start + len(last.written)]


def _is_sane(operator: Token, value: Token) -> bool:
    if value.kind is Kind.NUMBER and not any(map(str.isdigit, value.text)):
        return False  # a sign alone
    return operator.text in OPERATORS and value.kind in _VALUES


def read_trigger(text: Any) -> Reading | None:
    """Read a trigger; None where it does not compile."""
    try:
        trigger = compile_trigger(text)
        tokens = tuple(tokenize(text))
        return Reading(trigger, tokens, _turns(text, read_steps(tokens), len(text)))
    except TriggerError:
        return None


def _turns(text: str, steps: tuple[Step, ...], end: int) -> tuple[Turn, ...]:
    starts = [step.tokens[0].at for step in steps]
    return tuple(
        Turn(step, start, text[start:stop].strip(), _turns(text, step.inner, step.tokens[-1].at))
        for step, start, stop in zip(steps, starts, [*starts, end][1:], strict=True)
    )


def _at(tokens: tuple[Token, ...], index: int) -> Token | None:
    return tokens[index] if index < len(tokens) else None


def _well_formed(tokens: tuple[Token, ...]) -> bool:
    match [token.kind for token in tokens[1:]]:
        case [
            Kind.LEFT_PARENTHESIS,
            Kind.WORD,
            Kind.COMMA,
            Kind.TEXT | Kind.NUMBER | Kind.WORD | Kind.NULL,
            # A parenthesis that closes a group as well is the group's end.
            Kind.RIGHT_PARENTHESIS | Kind.END,
        ]:
            return True
        case _:
            return False


def in_words(node: Node | None) -> str:
    """Write what is evaluated as a trigger: `type = "track" and (event = "A" or event = "B")`."""
    match node:
        case None:
            return "()"
        case Condition():
            return _condition_in_words(node)
        case Group(connective, children):
            return f" {connective} ".join(
                f"({in_words(child)})" if isinstance(child, Group) else in_words(child) for child in children
            )


def _condition_in_words(condition: Condition) -> str:
    subject = f"{condition.subject}.{condition.path}" if condition.path else condition.subject
    expected = condition.expected
    match condition.operator:
        case "exists":
            return f"{subject} != null"
        case "not_exists":
            return f"{subject} = null"
        case "is_true" | "is_false" as operator:
            return f"{subject} = {operator.removeprefix('is_')}"
        case "contains" | "not_contains":
            call = f'contains({subject}, "{expected}")'
        case "starts_with" | "not_starts_with":
            call = f'match({subject}, "{expected}*")'
        case "ends_with" | "not_ends_with":
            call = f'match({subject}, "*{expected}")'
        case _:
            return str(condition)
    return f"!{call}" if condition.operator.startswith("not_") else call
