"""Cut a template into texts, {{ outputs }} and {% tags %}, and trim the texts beside `{%-`, `-%}` and such.

Inside `{% raw %}` everything up to `{% endraw %}` is one text. The lines of a `{% liquid %}` tag are tags
without delimiters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.liquid.scanner import BLANK, Scanner
from connector.core.liquid.units import joined

_TAG: Final = ("{%", "%}")
_OUTPUT: Final = ("{{", "}}")


@dataclass(slots=True)
class _Part:
    """Any part of a template, and where it is."""

    source: str
    begin: int
    end: int

    def raw(self) -> str:
        """Give the part as it is written."""
        return joined(self.source[self.begin : self.end])


@dataclass(slots=True)
class Text(_Part):
    """Everything between outputs and tags."""

    trims_start: bool = False
    trims_end: bool = False

    def trimmed(self) -> str:
        """Give the text without the blanks that its neighbours take away."""
        text = self.source[self.begin : self.end]
        if self.trims_end:
            text = text.rstrip(BLANK)
        if self.trims_start:
            text = text.lstrip(BLANK)
        return joined(text)


@dataclass(slots=True)
class Output(_Part):
    """{{ value | filter }}."""

    scanner: Scanner
    trims_before: bool
    trims_behind: bool


@dataclass(slots=True)
class Tag(_Part):
    """{% name arguments %}; the scanner stands before the arguments."""

    name: str
    scanner: Scanner
    trims_before: bool = False
    trims_behind: bool = False

    def arguments(self) -> str:
        """Give what has not been read of the arguments."""
        return joined(self.source[self.scanner.at : self.scanner.end])

    def not_closed(self) -> str:
        """Complain that the tag's end is missing."""
        return f"tag {self.raw()} not closed"


Token: TypeAlias = Text | Output | Tag


def read_tokens(source: str) -> list[Token]:
    """Cut a template, given in UTF-16 units.

    Raises: FieldsError of kind TokenizationError where a delimiter is missing
    """
    scanner = Scanner(source)
    tokens: list[Token] = []
    raw_begin: int | None = None
    while not scanner.at_end():
        token: Token
        if raw_begin is not None:
            token = _read_raw(scanner, raw_begin)
            if isinstance(token, Tag):
                raw_begin = None
        elif scanner.follows(_TAG[0]):
            token = _read_tag(scanner)
            if token.name == "raw":
                raw_begin = token.begin
        elif scanner.follows(_OUTPUT[0]):
            token = _read_output(scanner)
        else:
            token = _read_text(scanner)
        tokens.append(token)
    _mark_trims(tokens)
    return tokens


def read_lines(scanner: Scanner) -> list[Token]:
    """Cut the rest of a `{% liquid %}` tag into tags, one a line."""
    tokens: list[Token] = []
    while True:
        scanner.skip_blank()
        if scanner.at_end():
            return tokens
        begin = scanner.at
        scanner.take_to("\n")
        inner, *_ = _inside(scanner.source, begin, scanner.at)
        tokens.append(_tag(scanner.source, begin, scanner.at, inner, "illegal liquid tag syntax"))


def _read_text(scanner: Scanner) -> Text:
    source, begin = scanner.source, scanner.at
    stops = [place for place in (source.find(_TAG[0], begin), source.find(_OUTPUT[0], begin)) if place >= 0]
    scanner.at = min(stops, default=scanner.end)
    return Text(source, begin, scanner.at)


def _read_tag(scanner: Scanner) -> Tag:
    begin = scanner.at
    if not scanner.take_to(_TAG[1]):
        raise scanner.error(f"tag {scanner.snapshot(begin)} not closed", begin)
    return _delimited_tag(scanner.source, begin, scanner.at)


def _delimited_tag(source: str, begin: int, end: int) -> Tag:
    inner, trims_before, trims_behind = _inside(source, begin + 2, end - 2)
    tag = _tag(source, begin, end, inner, "illegal tag syntax, tag name expected")
    tag.trims_before, tag.trims_behind = trims_before, trims_behind
    return tag


def _tag(source: str, begin: int, end: int, inner: tuple[int, int], complaint: str) -> Tag:
    scanner = Scanner(source, *inner)
    scanner.skip_blank()
    if scanner.source[scanner.at : scanner.at + 1] == "#":
        scanner.at += 1
        name = "#"
    else:
        name = scanner.name()
    if not name:
        raise scanner.error(complaint)
    scanner.skip_blank()
    return Tag(source, begin, end, name, scanner)


def _read_output(scanner: Scanner) -> Output:
    source, begin = scanner.source, scanner.at
    while not scanner.at_end():
        if scanner.peek() in "'\"":
            scanner.quoted_text()
            continue
        scanner.at += 1
        if scanner.passed(_OUTPUT[1]):
            inner, trims_before, trims_behind = _inside(source, begin + 2, scanner.at - 2)
            return Output(source, begin, scanner.at, Scanner(source, *inner), trims_before, trims_behind)
    raise scanner.error(f"output {scanner.snapshot(begin)} not closed", begin)


def _inside(source: str, begin: int, end: int) -> tuple[tuple[int, int], bool, bool]:
    """Give the content between two places without blanks and hyphens, and which hyphens there were.

    A lone hyphen counts twice, and the content then ends before it begins, as in the reference.
    """
    hyphen_before = source[begin : begin + 1] == "-"
    hyphen_behind = end > 0 and source[end - 1] == "-"
    begin += hyphen_before
    end -= hyphen_behind
    while begin < end and source[begin] in BLANK:
        begin += 1
    while end > begin and source[end - 1] in BLANK:
        end -= 1
    return (begin, end), hyphen_before, hyphen_behind


def _read_raw(scanner: Scanner, raw_begin: int) -> Text | Tag:
    """Read the text of a raw tag, or its end."""
    source, begin = scanner.source, scanner.at
    tag_begin = _take_to_tag(scanner)
    while not scanner.at_end():
        if scanner.name() != "endraw":
            tag_begin = _take_to_tag(scanner)
            continue
        while scanner.at <= scanner.end:
            if scanner.passed(_TAG[1]):
                if tag_begin == begin:
                    return _delimited_tag(source, begin, scanner.at)
                scanner.at = tag_begin
                return Text(source, begin, tag_begin)
            if scanner.passed(_TAG[0]):
                break
            scanner.at += 1
    raise scanner.error(f"raw {scanner.snapshot(raw_begin)} not closed", begin)


def _take_to_tag(scanner: Scanner) -> int:
    scanner.take_to(_TAG[0])
    return scanner.at - len(_TAG[0])


def _mark_trims(tokens: list[Token]) -> None:
    in_raw = False
    for index, token in enumerate(tokens):
        if isinstance(token, Text):
            continue
        before = tokens[index - 1] if index else None
        behind = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.trims_before and not in_raw and isinstance(before, Text):
            before.trims_end = True
        if isinstance(token, Tag) and token.name in ("raw", "endraw"):
            in_raw = token.name == "raw"
        if token.trims_behind and not in_raw and isinstance(behind, Text):
            behind.trims_start = True
