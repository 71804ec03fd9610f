"""Rules on single comparisons: what stands beside the operator, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isnan
from typing import Final

from connector.core.lint.contradiction import ORDERS
from connector.core.lint.reading import OPERATORS, Comparison, Reading, in_words
from connector.core.lint.spec import NUMBERS
from connector.core.triggers.conditions import text_to_number
from connector.core.triggers.lexer import Kind, Token

_DOTTED: Final = ("properties", "traits", "context")


def _sane(reading: Reading) -> Iterator[Comparison]:
    return (each for each in reading.comparisons() if each.sane)


def single_quotes(reading: Reading) -> Iterator[str]:
    """`type = 'track'` never matches."""
    for each in _sane(reading):
        if each.value.text.startswith("'"):
            yield (
                f"`{each.written}`{_outcome(each.operator.text)}: single quotes stay part of the value, it is"
                f" compared with the text {each.value.text}, quotes included; use double quotes"
            )
    for call in reading.functions():
        if call.value is not None and call.value.text.startswith("'"):
            yield (
                f"`{call.written}` looks for the single quotes, too, as they stay part of the value;"
                " use double quotes"
            )


def _outcome(operator: str) -> str:
    match operator:
        case "!=":
            return " holds for nearly every event"
        case "=":
            return " never matches"
        case _:
            return " never holds"


def glued_operator(reading: Reading) -> Iterator[str]:
    """`total >=100` is `>` with the value `=`."""
    for each in reading.comparisons():
        operator, value = each.operator, each.value
        if operator.kind is Kind.OPERATOR and value.kind is Kind.OPERATOR:
            written = f"{operator.text}{value.text}"
            better = written if written in OPERATORS else operator.text
            yield (
                f"`{each.written}` compares by `{operator.text}` with the text `{value.text}` and"
                f"{_outcome(operator.text)}; write `{better}` with a space behind it"
            )


def unknown_operator(reading: Reading) -> Iterator[str]:
    """`type is "track"` never holds."""
    for each in reading.comparisons():
        if each.operator.text not in OPERATORS and each.operator.kind is not Kind.DOT:
            yield (
                f"`{each.written}` never holds: {_named(each.operator)} is no operator; there are"
                " = != < <= > >= and contains(…), match(…)"
            )


def cut_path(reading: Reading) -> Iterator[str]:
    r"""`properties.or` ends before the dot; `properties.\or` does not."""
    for each in reading.comparisons():
        if each.operator.kind is Kind.DOT:
            subject, key = each.subject.text, each.value.text.strip("\"'")
            what = _CUT_BY.get(each.value.kind)
            why = (
                f"`{key}` after the dot is {what}; write `{subject}.{_escaped(key)}`"
                if what
                else "no word follows"
            )
            yield f"`{each.written}` never holds, as the path ends at {subject}: {why}"


_CUT_BY: Final = {
    Kind.CONNECTIVE: "a connective",
    Kind.NULL: "the value null",
    Kind.NUMBER: "a number",
    Kind.TEXT: "a text",
}


def _escaped(key: str) -> str:
    r"""Write a key as a word of a trigger: `my key` as `\my\ key`."""
    return "\\" + re.sub(r"(?<!^)[^A-Za-z0-9_-]", lambda found: f"\\{found[0]}", key)


def ignored_path(reading: Reading) -> Iterator[str]:
    """`event.name` is `event`."""
    for each in reading.comparisons():
        subject, dot, path = each.subject.text.partition(".")
        if dot and subject not in _DOTTED:
            yield f"`.{path}` is ignored: `{each.written}` looks at {subject}"


def whole_object(reading: Reading) -> Iterator[str]:
    """`properties != null` looks for properties.properties."""
    names = [each.subject.text for each in _sane(reading)]
    names += [call.argument.text for call in reading.functions() if call.argument is not None]
    for name in names:
        if name in _DOTTED:
            yield f"`{name}` alone looks for {name}.{name}, not for the {name} of the event"


def missing_value(reading: Reading) -> Iterator[str]:
    """`type =` compares with the end of the text."""
    for each in reading.comparisons():
        value = each.value
        if not each.sane and each.operator.text in OPERATORS and value.kind is not Kind.OPERATOR:
            yield (
                f"`{each.written}` has no value: it compares with {_named(value)} and"
                f"{_outcome(each.operator.text)}"
            )


def _named(token: Token) -> str:
    return 'the text "eos"' if token.kind is Kind.END else f"`{token.text}`"


def cut_word(reading: Reading) -> Iterator[str]:
    """`event = an` at the very end compares with `a`."""
    *_, last, end = reading.tokens
    written = reading.text[last.at : end.at].rstrip()
    if last.kind is Kind.WORD and last.text in ("a", "n") and written != last.text:
        yield (
            f"`{written}` at the very end is read as `{last.text}`: words that begin with a or n"
            f' and are shorter than and or null lose their tail there; write "{written}"'
        )


def compared_with_null(reading: Reading) -> Iterator[str]:
    """`event = null` compares with a text."""
    for each in _sane(reading):
        if each.condition.subject in ("type", "event") and each.value.kind is Kind.NULL:
            outcome = "holds" if each.operator.text == "!=" else "does not hold"
            yield (
                f'`{each.written}` compares with the text "null" and {outcome} where there is none: null has'
                " its meaning only for name, userId, properties.…, traits.… and context.…"
            )


def quoted_number(reading: Reading) -> Iterator[str]:
    """`properties.total = "100"` never equals a number."""
    for each in _sane(reading):
        condition, value = each.condition, each.value.text
        number = condition.expected
        if condition.operator not in ("=", "!=") or not value.startswith('"') or not isinstance(number, str):
            continue
        names = NUMBERS.get(condition.subject, frozenset())
        if condition.path in names and number.strip() and not isnan(text_to_number(number)):
            outcome = "never equals a number" if condition.operator == "=" else "holds for every number"
            yield f"`{each.written}` {outcome}: only a text equals a text; leave out the quotes"


def order_of_text(reading: Reading) -> Iterator[str]:
    """`<`, `<=`, `>` and `>=` hold for numbers only."""
    for each in _sane(reading):
        condition, expected = each.condition, each.condition.expected
        if condition.operator not in ORDERS:
            continue
        if condition.subject in ("type", "event", "name"):
            why = f"{condition.subject} is text"
        elif isinstance(expected, str) and isnan(text_to_number(expected)):
            why = f"{each.value.text} is no number; dates and texts have no order here"
        else:
            continue
        yield f"`{each.written}` never holds: {condition.operator} compares numbers only, and {why}"


def unequal_boolean(reading: Reading) -> Iterator[str]:
    """`properties.gift != true` holds for true, too."""
    for each in _sane(reading):
        condition = each.condition
        if (
            condition.operator == "!="
            and each.value.kind is Kind.WORD
            and each.value.text in ("true", "false")
        ):
            other = "false" if each.value.text == "true" else "true"
            yield (
                f'`{each.written}` compares with the text "{each.value.text}" and holds for every boolean;'
                f" write `= {other}`"
            )


def match_pattern(reading: Reading) -> Iterator[str]:
    """Only `"text*"` and `"*text"` mean what they look like."""
    for call in reading.functions():
        if call.name != "match" or call.condition is None or call.value is None or not call.well_formed:
            continue
        pattern = call.value.text
        inner = pattern.strip("\"'")
        at_end = pattern.endswith('*"')
        if (at_end or pattern.startswith('"*')) and "*" not in (inner[:-1] if at_end else inner[1:]):
            continue
        how = "starts" if at_end else "ends"
        yield (
            f'`{call.written}` asks whether it {how} with "{call.condition.expected}":'
            + (
                " every other star is an ordinary character"
                if "*" in inner
                else " the first character is dropped"
            )
            + '; only "text*" (starts with) and "*text" (ends with) are patterns'
        )


def function_without_condition(reading: Reading) -> Iterator[str]:
    """`contains(type, …)` is no condition."""
    for call in reading.functions():
        if call.condition is None:
            what = f"`{call.argument.text}`" if call.argument is not None else "nothing"
            yield (
                f"`{call.written}` is no condition and is left out: {call.name} cannot look at {what},"
                " only at event, name, userId, properties.…, traits.… and context.…"
            )


def function_arguments(reading: Reading) -> Iterator[str]:
    """`contains(event "x")` is read blindly."""
    for call in reading.functions():
        if not call.well_formed and call.condition is not None:
            yield (
                f"`{call.written}` is not of the form {call.name}(name, value) and is read blindly,"
                f" every second token, as `{in_words(call.condition)}`"
            )
