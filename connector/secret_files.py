"""Secrets in files: one that a setting names, or one of a directory that was mounted.

A file of the directory (CONNECTOR_SECRETS_DIRECTORY) is named like the setting it holds, in one of two ways:

    encharge-api-key              as `init` writes it: without CONNECTOR_, in small letters, with hyphens
    CONNECTOR_ENCHARGE_API_KEY    as the variable

What else lies there belongs to others and is left alone: a volume of Kubernetes has `..data` and often
certificates, /run/secrets of Docker the secrets of other services. Only a name that begins with CONNECTOR_
and is no secret setting is a mistake for certain.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

PREFIX: Final = "CONNECTOR_"
DIRECTORY: Final = f"{PREFIX}SECRETS_DIRECTORY"

_GROUP_CAN_READ: Final = 0o040
_OTHERS_CAN_READ: Final = 0o004


class FileSecret(str):
    """A secret that knows the file it was read from, so that it can be read again."""

    __slots__ = ("file",)
    file: Path

    def __new__(cls, text: str, file: Path) -> Self:
        """Make one."""
        secret = super().__new__(cls, text)
        secret.file = file
        return secret


class Mounted(NamedTuple):
    """What a directory holds: files by variable, and names that begin with CONNECTOR_ without being one."""

    files: dict[str, list[Path]]
    strangers: list[str]


def read_secret(file: Path) -> FileSecret:
    """Read a secret from a file, without the line break at its end.

    Raises: ValueError that names the file, never what it holds
    """
    try:
        secret = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None
    if not secret:
        raise ValueError(f"{file} is empty")
    return FileSecret(secret, file)


def names_of(variable: str) -> tuple[str, str]:
    """Give the two names that the file of a secret setting may have."""
    return variable.removeprefix(PREFIX).lower().replace("_", "-"), variable


def mounted(directory: Path, variables: Iterable[str]) -> Mounted:
    """Look into a directory.

    Raises: ValueError when it cannot be read
    """
    try:
        names = {name for name in os.listdir(directory) if not name.startswith(".")}  # noqa: PTH208  names do
    except OSError as error:
        raise ValueError(f"{directory} cannot be read: {error.strerror}") from None
    wanted = {variable: names_of(variable) for variable in variables}
    files = {
        variable: [directory / name for name in spellings if name in names]
        for variable, spellings in wanted.items()
    }
    return Mounted(
        {variable: found for variable, found in files.items() if found},
        sorted(name for name in names if name.startswith(PREFIX) and name not in wanted),
    )


def possible_files(directory: Path, variables: Iterable[str]) -> Iterator[Path]:
    """Give where the files of these settings are, or would be."""
    for variable in variables:
        for name in names_of(variable):
            yield directory / name


def who_else_can_read(file: Path) -> str | None:
    """Say who can read a file beside its owner; None for nobody, or when it cannot be told.

    A group is no trouble where the file belongs to root and reaches us by the group, as the volumes of a pod
    with an fsGroup do.
    """
    try:
        status = file.stat()
    except OSError:
        return None
    if status.st_mode & _OTHERS_CAN_READ:
        return f"everybody on this machine (mode {status.st_mode & 0o777:04o})"
    by_group = status.st_uid == 0 and os.geteuid() != 0
    if status.st_mode & _GROUP_CAN_READ and not by_group:
        return f"its group (mode {status.st_mode & 0o777:04o})"
    return None
