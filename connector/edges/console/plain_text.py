"""Texts of others without what would change how the text around them reads."""

from __future__ import annotations


def plain(text: str) -> str:
    """Replace what is not printable, such as marks that turn the direction; anybody may have written it."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
