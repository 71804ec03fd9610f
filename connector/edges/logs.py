"""Logs on standard error: lines for people or JSON, from structlog and from the libraries alike.

Whatever is logged goes through one handler: lines that repeat themselves are left out and counted
(connector.edges.log_repeats), and what is secret or personal is taken out (connector.edges.log_redaction).
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Literal, NamedTuple, TextIO

import structlog

from connector.edges.clocks import monotonic_clock
from connector.edges.log_redaction import Fields, LogRedaction, ShownException, exception_text
from connector.edges.log_repeats import LeftOut, Repeats

# Never heard below info: the first logs requests, one of which holds the SASL password, the second key and
# value of every record that is written.
LOG_CONTENTS: Final = ("aiokafka.conn", "aiokafka.producer.producer")
# Heard from warnings on, but for level debug.
LIBRARIES = ("aiokafka", *LOG_CONTENTS, "faust", "mode", "asyncio", "aiohttp.access", "httpx", "httpcore")

LONGEST_KIND: Final = 300  # characters of a text by which lines are told apart

_CALLBACK: Final = "Exception in callback"

_DIGITS = re.compile(r"\d+")
_redaction: Final = LogRedaction()  # of this process, as its secrets are


def keep_out_of_logs(secrets: Iterable[str]) -> None:
    """Let these values never be logged, whoever logs them; to be called with every secret that is read."""
    _redaction.know(secrets)


def set_up_logs(
    level: Literal["debug", "info", "warning", "error"],
    style: Literal["console", "json"],
    *,
    clock: Callable[[], float] = monotonic_clock,
) -> None:
    """Send everything through one formatter; to be called before anything logs."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        # Plain tracebacks: others print local variables, which are people's data and keys.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = LogHandler(sys.stderr, clock)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                _add_count,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.ExceptionRenderer(exception_text),
                _redaction,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    for before in root.handlers:
        if isinstance(before, LogHandler):
            before.close()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING) if level != "debug" else root.level)
    if level == "debug":
        for name in LOG_CONTENTS:
            logging.getLogger(name).setLevel(logging.INFO)
    sys.excepthook = log_uncaught
    # But not in place of somebody else's, as a test runner's.
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _log_uncaught_of_thread
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _log_unraisable


def log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Let what ends the process be a line like others, instead of Python's own with the text as it is."""
    if issubclass(kind, Exception):
        if not any(isinstance(each, LogHandler) for each in logging.getLogger().handlers):
            set_up_logs("error", "console")
        logging.getLogger("connector").error("ended by an unexpected error", exc_info=(kind, error, trace))
    else:
        sys.__excepthook__(kind, error, trace)


def _log_uncaught_of_thread(told: threading.ExceptHookArgs) -> None:
    if not issubclass(told.exc_type, SystemExit):
        error = told.exc_value or told.exc_type()
        _log_trouble("a thread ended by an unexpected error", error, told.exc_traceback)


def _log_unraisable(told: sys.UnraisableHookArgs) -> None:
    error = told.exc_value or told.exc_type()
    _log_trouble("an unexpected error where none can be raised", error, told.exc_traceback)


def _log_trouble(text: str, error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("connector").error(text, exc_info=(type(error), error, trace))


def log_trouble_of_loop(_loop: asyncio.AbstractEventLoop, told: Mapping[str, Any]) -> None:
    """Log what an event loop has nobody to tell; its own text quotes the arguments of callbacks."""
    before, callback, _ = str(told.get("message", "")).partition(_CALLBACK)
    text = before + callback or "unexpected error in the event loop"
    logging.getLogger("asyncio").error(text, exc_info=told.get("exception"))


class LogHandler(logging.StreamHandler[TextIO]):
    """Writes lines but for those that repeat themselves; `close` tells what was left out."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        super().__init__(stream)
        self._clock = clock
        self._repeats: Repeats[_Seen] = Repeats()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless the same was written too often of late."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_quotes, record.args))
        if record.levelno <= logging.DEBUG:  # who asks for each step is to see each
            super().emit(record)
            return
        try:
            seen = _seen(record)
            noted = self._repeats.note(_kind(record, seen), seen, self._clock())
        except Exception:  # a text that does not fit its values; as the base class does
            self.handleError(record)
            return
        for left_out in noted.before:
            super().emit(_summary(left_out))
        if noted.shown:
            record.repeated = noted.repeated
            super().emit(record)

    def close(self) -> None:
        """Tell what was left out, and write nothing more."""
        with self.lock:  # type: ignore[union-attr]  # made by the base class
            for left_out in self._repeats.end():
                super().emit(_summary(left_out))
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Say that a line could not be written; the base class would write text and values as they are."""
        if record.name == __name__:
            return  # nor can this be written
        kind = getattr(sys.exc_info()[0], "__name__", "")
        text = f"a line of {record.name} could not be logged"
        told = logging.LogRecord(__name__, logging.ERROR, "", 0, text, (), None)
        told.error = kind
        self.emit(told)


def _without_quotes(value: object) -> object:
    return ShownException(value) if isinstance(value, BaseException) else value


class _Seen(NamedTuple):
    """What is kept of a line that was left out: no exception, as its frames hold all that they worked on."""

    logger: str
    level: int
    text: str
    code: str | None


def _seen(record: logging.LogRecord) -> _Seen:
    if not isinstance(record.msg, dict):
        return _Seen(record.name, record.levelno, record.getMessage()[:LONGEST_KIND], None)
    code = record.msg.get("code")
    text = str(record.msg.get("event"))[:LONGEST_KIND]
    return _Seen(record.name, record.levelno, text, None if code is None else str(code))


def _kind(record: logging.LogRecord, seen: _Seen) -> Hashable:
    """Give what makes lines the same: logger, level, text but for its numbers, code, class of exception."""
    return seen._replace(text=_DIGITS.sub("0", seen.text)), _raised(record)


def _raised(record: logging.LogRecord) -> object:
    """Give the class of the exception of a line, None without one; of ours it is among the fields."""
    match record.msg.get("exc_info") if isinstance(record.msg, dict) else record.exc_info:
        case (kind, _, _):
            return kind
        case BaseException() as error:
            return type(error)
        case True:
            return sys.exc_info()[0]
    return None


def _summary(left_out: LeftOut[_Seen]) -> logging.LogRecord:
    """Make the line that tells how many of a kind were left out."""
    last = left_out.line
    summary = logging.LogRecord(last.logger, last.level, "", 0, last.text, (), None)
    summary.repeated, summary.code = left_out.repeated, last.code
    return summary


def _add_count(_logger: object, _name: str, event_dict: Fields) -> Fields:
    """Add what the handler knows of a line: how many were left out before it, and the code of a summary."""
    record = event_dict["_record"]
    for key in ("repeated", "code", "error"):
        value = getattr(record, key, None)
        if value:
            event_dict.setdefault(key, value)
    return event_dict
