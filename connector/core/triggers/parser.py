"""Read the tokens of a trigger into conditions, as loosely as the reference does.

There is no grammar: tokens are taken from left to right, unknown ones are skipped, the last `and` or
`or` of a level decides for the whole level, and a group ends at the first closing parenthesis.

Source: segmentio/action-destinations, packages/destination-subscriptions/src/parse-fql.ts
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from connector.core.javascript import FUNCTION, missing_member, number_text
from connector.core.triggers.conditions import Condition, Group, Node, Scalar, text_to_number
from connector.core.triggers.lexer import Kind, Token
from connector.errors import TriggerError

_WHOLE: Final = ("type", "event", "name", "userId")
_DOTTED: Final = ("properties", "traits", "context")
_FUNCTIONS: Final = ("contains", "match")

NOTHING_FOUND: Final = "the trigger has no condition"


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the reading, for whoever tells what a trigger really says.

    tokens  what it used up; one token alone and no node: it was skipped
    nodes   what it made of them: a condition, a group, a hole, or nothing
    inner   the steps inside a group
    """

    tokens: tuple[Token, ...]
    nodes: tuple[Node | None, ...]
    inner: tuple[Step, ...] = ()


def parse(tokens: Iterable[Token]) -> Group:
    """Read all tokens.

    Raises: TriggerError where the reference fails to parse
    """
    node = _Level(_join_words(tokens)).read()
    match node:
        case None:
            raise TriggerError(NOTHING_FOUND)
        case Group():
            return node
        case _:
            return Group("and", (node,))


def read_steps(tokens: Iterable[Token]) -> tuple[Step, ...]:
    """Tell what becomes of every token; together the nodes are those of `parse`.

    Raises: TriggerError where `parse` raises it while reading
    """
    level = _Level(_join_words(tokens))
    level.read()
    return tuple(level.steps)


def _join_words(tokens: Iterable[Token]) -> deque[Token]:
    """Join `word . word` to one dotted word; white space around the dots does not matter."""
    joined: deque[Token] = deque()
    for token in tokens:
        if (
            token.kind is Kind.WORD
            and len(joined) >= 2
            and joined[-1].kind is Kind.DOT
            and joined[-2].kind is Kind.WORD
        ):
            joined.pop()
            first = joined.pop()
            joined.append(Token(Kind.WORD, f"{first.text}.{token.text}", first.at))
        else:
            joined.append(token)
    return joined


class _Level:
    """The trigger itself, or what stands between two parentheses."""

    def __init__(self, tokens: deque[Token]) -> None:
        self.steps: list[Step] = []
        self._tokens = tokens
        self._taken: list[Token] = []
        self._nodes: list[Node | None] = []
        self._connective: Literal["and", "or"] = "and"

    def read(self) -> Node | None:
        while (token := self._take()) is not None and token.kind is not Kind.END:
            count, inner = len(self._nodes), []
            match token.kind:
                case Kind.WORD:
                    self._word(token)
                case Kind.OPERATOR if token.text == "!":
                    self._negation()
                case Kind.LEFT_PARENTHESIS:
                    group = _Level(self._group_tokens())
                    self._nodes.append(group.read())
                    inner = group.steps
                case Kind.CONNECTIVE:
                    self._connective = "and" if token.text == "and" else "or"
            self.steps.append(Step(tuple(self._taken), tuple(self._nodes[count:]), tuple(inner)))
            self._taken.clear()
        if len(self._nodes) > 1:
            return Group(self._connective, tuple(self._nodes))
        return self._nodes[0] if self._nodes else None

    def _take(self) -> Token | None:
        if not self._tokens:
            return None
        self._taken.append(self._tokens[0])
        return self._tokens.popleft()

    def _expect(self, complaint: str) -> Token:
        token = self._take()
        if token is None:
            raise TriggerError(complaint)
        return token

    def _word(self, token: Token) -> None:
        subject = token.text.partition(".")[0]
        if subject in _WHOLE or subject in _DOTTED:
            self._nodes.append(self._comparison(token, subject))
        elif missing_member(subject) is FUNCTION or subject == "__proto__":
            # The reference finds JavaScript's own members in its table of subjects and skips two tokens.
            self._comparison(token, subject)
        if token.text in _FUNCTIONS:
            self._function(token.text, negated=False)

    def _comparison(self, token: Token, subject: str) -> Condition:
        """Take the next two tokens, whatever they are, as operator and value."""
        operator = self._expect("Operator token is missing").text
        value = self._expect("Value token is missing")
        path = _path_of(token.text, subject) if subject in _DOTTED else ""
        match operator, value.text:
            case "!=", "null" if subject not in ("type", "event"):
                return Condition(subject, "exists", path=path)
            case "=", "null" if subject not in ("type", "event"):
                return Condition(subject, "not_exists", path=path)
            case "=", "true" | "false" if subject == "userId" or subject in _DOTTED:
                return Condition(subject, f"is_{value.text}", path=path)
        expected = _value_of(value)
        if subject not in _DOTTED:
            return Condition(subject, operator, _text_value(value))
        if value.kind is Kind.NUMBER and operator in ("=", "!="):
            name = "number_equals" if operator == "=" else "number_not_equals"
            return Condition(subject, name, expected, path)
        return Condition(subject, operator, expected, path)

    def _negation(self) -> None:
        following = self._tokens[0] if self._tokens else None
        if following is None:
            raise TriggerError("nothing follows '!'")
        if following.kind is Kind.WORD and following.text in _FUNCTIONS:
            self._take()
            self._function(following.text, negated=True)

    def _function(self, function: str, *, negated: bool) -> None:
        """Read `( name , value )` blindly: every second token is skipped."""
        self._take()
        name = self._expect(f"{function}() is missing a 1st argument").text
        self._take()
        value = self._expect(f"{function}() is missing a 2nd argument")
        self._take()
        expected = _text_value(value)
        if function == "contains":
            operator = "contains"
        elif value.text.endswith('*"'):
            operator, expected = "starts_with", expected[:-1]
        else:
            operator, expected = "ends_with", expected[1:]
        if negated:
            operator = f"not_{operator}"
        if name in ("event", "name", "userId"):
            self._nodes.append(Condition(name, operator, expected))
        for subject in _DOTTED:
            if name.startswith(subject):
                path = _path_of(name, subject)
                self._nodes.append(Condition(subject, operator, expected, path))

    def _group_tokens(self) -> deque[Token]:
        tokens: deque[Token] = deque()
        while (token := self._expect("a group has no ')'")).kind is not Kind.RIGHT_PARENTHESIS:
            tokens.append(token)
        tokens.append(Token(Kind.END, "eos", token.at))
        return tokens


def _path_of(word: str, subject: str) -> str:
    """Give what follows `properties.`; the bare word stands for a member of its own name."""
    return word.removeprefix(f"{subject}.")


def _value_of(token: Token) -> Scalar:
    match token:
        case Token(Kind.TEXT, text):
            return text.removeprefix('"').removesuffix('"')  # single quotes remain
        case Token(Kind.NUMBER, text):
            return text_to_number(text)
        case Token(Kind.WORD, "true" | "false" as text):
            return text == "true"
        case _:
            return token.text


def _text_value(token: Token) -> str:
    match _value_of(token):
        case str(text):
            return text
        case bool(truth):
            return "true" if truth else "false"
        case number:
            return number_text(number)
