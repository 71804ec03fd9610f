"""Rules on texts that name a place in the event: paths, templates, and literals that look like them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from connector.core.lint.fields_tree import Place
from connector.core.lint.rules.for_each import Told
from connector.core.lint.subjects import MappingSubject
from connector.core.path import parse_path, without_root
from connector.core.placeholders import WHITE_SPACE

_PLACEHOLDER: Final = re.compile(r"\{\{\{?([^}]+)\}\}\}?")
_LOOKS_LIKE_PATH: Final = re.compile(r"\$\.[A-Za-z_@\[]")
_QUOTE_INSIDE: Final = re.compile(r"""(?!^)["'](?!$)""")
_QUOTED_KEY: Final = re.compile(r"""\[(?P<quote>["'])(?P<key>[^"'\]]*)(?P=quote)\]""")


def unreachable_path(mapping: MappingSubject) -> Iterator[Told]:
    """Keys with dots or quotes, `[abc]`, `[*]`, a lone `$`."""
    for place in mapping.places:
        for path, text in path_texts(place):
            why = _unreachable(text, without_root(text))
            if why:
                yield path, f"`{text}` never finds what it names: {why}"
        for path, text in placeholders(place):
            why = "" if text.startswith("$") or "|" in text else _unreachable(text, text)
            if why:
                yield path, f"`{{{{{text}}}}}` never finds what it names: {why}"


def template_with_dollar(mapping: MappingSubject) -> Iterator[Told]:
    """`{{$.event}}` is empty."""
    for place in mapping.places:
        for path, text in placeholders(place):
            if text.startswith("$"):
                better = text.removeprefix("$").removeprefix(".")
                yield (
                    path,
                    f"`{{{{{text}}}}}` is always empty: templates know no `$.`; write `{{{{{better}}}}}`",
                )


def template_with_filters(mapping: MappingSubject) -> Iterator[Told]:
    """`{{a | b}}` is a path, `{% if %}` stays as it is."""
    for place in mapping.places:
        for path, text in placeholders(place):
            if "|" in text:
                message = "@template has no filters, so all of it is the name of one key"
                yield path, f"`{{{{{text}}}}}` is always empty: {message}; use @liquid"
        if place.directive == "@template" and isinstance(place.argument, str) and "{%" in place.argument:
            yield f"{place.path}.@template", "`{%` is sent as it is: @template has no tags; use @liquid"


def template_braces(mapping: MappingSubject) -> Iterator[Told]:
    """`{{}}` and braces without their partner stay as they are."""
    for place in mapping.places:
        if place.directive == "@template" and isinstance(place.argument, str):
            left = _PLACEHOLDER.sub("", place.argument)
            if "{{" in left or "}}" in left:
                yield (
                    f"{place.path}.@template",
                    "braces that hold nothing, or have no partner, are sent as they are",
                )


def literal_looks_like_path(mapping: MappingSubject) -> Iterator[Told]:
    """A raw text `$.userId` is sent as it is."""
    for place in mapping.places:
        if not isinstance(place.tree, str) or place.literal:
            continue
        if _LOOKS_LIKE_PATH.match(place.tree):
            yield place.path, f"the text `{place.tree}` itself is the value; write {{'@path': {place.tree}}}"
        elif _PLACEHOLDER.search(place.tree):
            yield (
                place.path,
                f"the text `{place.tree}` itself is the value; write {{'@template': …}} to have it filled in",
            )


def path_texts(place: Place) -> Iterator[tuple[str, str]]:
    """Give the paths that a directive looks up, each with where it is written."""
    match place.directive, place.argument if place.directive else None:
        case "@path", str(text):
            yield f"{place.path}.@path", text
        case "@arrayPath", [str(text), *_]:
            yield f"{place.path}.@arrayPath[0]", text


def placeholders(place: Place) -> Iterator[tuple[str, str]]:
    """Give what stands between the braces of a template."""
    if place.directive == "@template" and isinstance(place.argument, str):
        for text in _PLACEHOLDER.findall(place.argument):
            yield f"{place.path}.@template", text.strip(WHITE_SPACE)


def _unreachable(written: str, text: str) -> str:
    """Tell why a path, `text` without its `$.`, finds nothing; empty where it is fine."""
    for quoted in _QUOTED_KEY.finditer(text):
        if "." in quoted["key"]:
            return f"a key with a dot is out of reach, `{quoted[0]}` is {len(parse_path(quoted['key']))} keys"
    keys = parse_path(text)
    if keys and keys[0].startswith("$") and not written.startswith("$."):
        return f"`{keys[0]}` is an ordinary key; only `$.` at the beginning stands for the event"
    if "$" in keys:
        return "only the first `$.` stands for the event, the other is an ordinary key"
    if text != written and not written.startswith("$."):
        return f"`$.` is taken out of the middle, which leaves `{text}`"
    if any("[" in key or "]" in key for key in keys):
        return (
            "brackets hold digits or a quoted key; others are part of the key."
            " Use @arrayPath for all elements of a list"
        )
    if any(_QUOTE_INSIDE.search(piece) for piece in _QUOTED_KEY.sub("", text).split(".")):
        return "quotes are deleted from keys, so a key with a quote is out of reach"
    if any(key != key.strip(WHITE_SPACE) for key in keys):
        return "white space is part of the key"
    return ""
