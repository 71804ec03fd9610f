"""Logs on standard error: lines for people or JSON, from structlog and from the libraries alike."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

# Heard from warnings on, but for level debug. Not even then aiokafka.conn below info: it logs requests, and
# one of them holds the SASL password.
LIBRARIES = ("aiokafka", "aiokafka.conn", "faust", "mode", "asyncio", "aiohttp.access", "httpx", "httpcore")


def set_up_logs(
    level: Literal["debug", "info", "warning", "error"], style: Literal["console", "json"]
) -> None:
    """Send everything through one formatter; to be called once, before anything logs."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any
    if style == "json":
        renderer = structlog.processors.JSONRenderer()
        final: list[Any] = [structlog.processors.format_exc_info, renderer]
    else:
        # Plain tracebacks: others print local variables, which are people's data and keys.
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        final = [renderer]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING) if level != "debug" else root.level)
    if level == "debug":
        logging.getLogger("aiokafka.conn").setLevel(logging.INFO)
