"""Every error the connector raises on purpose, by what happens next.

ConnectorError                  the command line prints it as one line and exits with `exit_code`
├── ConfigurationError          do not start: a setting or the destination file is wrong
├── TriggerError                a trigger cannot be compiled
├── FieldsError                 a fields tree cannot be compiled, or not resolved for one event
├── PayloadError                an action cannot use the payload of one event: dead letter, never repeated
├── UnreadableRecord            a source record holds no event: dead letter with its raw bytes
├── OperationalError            something outside did not do what we need: Kafka, the network, the disk
└── LeaseExpired                group membership is too old to send for; the record is somebody else's now

Trouble on the wire to Encharge is an `Outcome` (connector.delivery.outcome), not an error.
Messages name fields, files and rules; never a key, a token or a person's data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias


class ConnectorError(Exception):
    """Base of all errors raised on purpose."""

    code: ClassVar[str] = "connector"  # stable: log field, metric label, dead-letter header
    exit_code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the configuration, and where."""

    message: str
    path: str = ""  # "mappings[2].trigger", or the name of a setting
    file: str = ""
    line: int | None = None  # from 1
    column: int | None = None  # from 1

    def __str__(self) -> str:
        """Render as `file:line:column: path: message`, leaving out what is not known."""
        position = self.file
        if self.line is not None:
            position += f":{self.line}" + (f":{self.column}" if self.column is not None else "")
        return ": ".join(part for part in (position, self.path, self.message) if part)


class ConfigurationError(ConnectorError):
    """A setting or the destination file is wrong; all problems found are told together."""

    code = "configuration"
    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem] | str) -> None:
        match problems:
            case str():
                self.problems: tuple[Problem, ...] = (Problem(problems),)
            case Problem():
                self.problems = (problems,)
            case _:
                self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class TriggerError(ConnectorError):
    """A trigger cannot be compiled; `message` says why, in the reference's words where it has any."""

    code = "trigger"
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class FieldsError(ConnectorError):
    """A fields tree is wrong (`at_load`), or cannot be resolved for one event.

    `kind` is the reference's error class: AggregateError and ValidationError come from the check
    before resolving, Error and the names of liquid's errors from resolving. `paths` tells where in the
    tree each message belongs, as far as that is known.
    """

    code = "fields"
    exit_code = 2

    def __init__(
        self,
        messages: Iterable[str] | str,
        *,
        kind: str = "Error",
        paths: Iterable[tuple[str, ...]] = (),
    ) -> None:
        self.messages = (messages,) if isinstance(messages, str) else tuple(messages)
        self.kind = kind
        self.paths = tuple(paths) or ((),) * len(self.messages)
        super().__init__(" ".join(self.messages))

    @property
    def message(self) -> str:
        """All messages in one text."""
        return " ".join(self.messages)


class PayloadError(ConnectorError):
    """An action cannot use its payload.

    `kind` and `status` are the reference's: AggregateAjvError or PayloadValidationError, both 400.
    """

    code = "payload"

    def __init__(self, message: str, *, kind: str, status: int | None = 400) -> None:
        super().__init__(message)
        self.message, self.kind, self.status = message, kind, status


UnreadableReason: TypeAlias = Literal["empty", "too_large", "not_json", "not_an_object", "no_identity"]


class UnreadableRecord(ConnectorError):
    """A source record holds no deliverable event; the dead letter's code is `unreadable_` and the reason."""

    code = "unreadable"

    def __init__(self, reason: UnreadableReason, message: str) -> None:
        super().__init__(message)
        self.reason: UnreadableReason = reason
        self.message = message


class OperationalError(ConnectorError):
    """Kafka, the network or this machine did not do what is needed; the message says what to do."""

    code = "operational"


class LeaseExpired(ConnectorError):
    """Group membership was not confirmed for longer than the session timeout."""

    code = "lease_expired"
