"""Says on the control topic that a worker lives and what it does: every few seconds, and when that changes.

One record `worker/<instance>`, replaced by the next one; a clean stop takes it back. Each minute and at the
end another, `history/<instance>`: what was counted by when. It stays for a day after the stop. All this never
disturbs delivery: what cannot be written is told once and tried again, and without the topic nothing is said.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Hashable, Mapping
from typing import Any, Final, Protocol

import orjson
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import BrokerResponseError, KafkaError

from connector.edges.aiokafka_internals import describe_topics
from connector.edges.clocks import monotonic_clock, wall_clock
from connector.edges.control_topic import ControlReader
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import in_words
from connector.edges.producer import Producer
from connector.errors import OperationalError
from connector.settings import Settings

WORKER_PREFIX: Final = "worker/"
HISTORY_PREFIX: Final = "history/"
BEAT_S: Final = 5.0
HISTORY_S: Final = 60.0
LOOK_S: Final = 1.0  # how often a change is looked for that is worth telling at once
SILENT_S: Final = 20.0  # four beats: a worker that was not heard for so long is shown as silent
FORGET_S: Final = 86_400.0  # after so long whoever starts removes the records of a silent or stopped worker
MISSING_AGAIN_S: Final = 60.0  # until the topic is looked for again
# A refusal makes the shared producer change its client, see edges/producer.py; not more often than this.
REFUSED_AGAIN_S: Final = 600.0
STOP_S: Final = 2.0

log = structlog.get_logger(__name__)


def new_instance() -> str:
    """Make a name that no other worker process has or had: host, process id, chance."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Facts(Protocol):
    """What there is to tell."""

    def __call__(self) -> Mapping[str, Any]:
        """Give the facts as JSON."""
        ...

    def shape(self) -> Hashable:
        """Give what is told at once when it changes."""
        ...

    def mark(self) -> None:
        """Remember what is counted now; called every second or so."""
        ...

    def history(self, *, ended: bool = False) -> Mapping[str, Any]:
        """Give what was counted by when as JSON; `ended` when nothing will be counted any more."""
        ...


class Heartbeat:
    """Tells the facts of one worker from `start` to `stop`."""

    def __init__(
        self,
        settings: Settings,
        producer: Producer,
        instance: str,
        facts: Facts,
        every_s: float = BEAT_S,
    ) -> None:
        self._settings, self._producer = settings, producer
        self._key = f"{WORKER_PREFIX}{instance}".encode()
        self._history_key = f"{HISTORY_PREFIX}{instance}".encode()
        self._history_due_s = 0.0
        self._facts, self._every_s = facts, every_s
        self._task: asyncio.Task[None] | None = None
        self._told: Hashable = None
        self._has_topic = self._was_heard = self._has_failed = self._has_cleaned = False

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Beat no more, leave the counts, and take back the rest: this worker is not missed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._was_heard:
            try:
                async with asyncio.timeout(STOP_S):
                    # In this order: without the history the heartbeat is the last word on what was counted.
                    await self._write(self._history_key, orjson.dumps(self._facts.history(ended=True)))
                    await self._write(self._key, None)
            except (KafkaError, TimeoutError) as error:
                log.warning("heartbeat not taken back, status will show this worker as silent",
                            error=type(error).__name__)  # fmt: skip

    async def _run(self) -> None:
        while True:
            try:
                wait_s = await self._beat()
            except (KafkaError, OperationalError, OSError) as error:
                refused = isinstance(error, BrokerResponseError) and not error.retriable
                wait_s = REFUSED_AGAIN_S if refused else self._every_s
                self._tell_failure(in_words(error))
            except Exception:  # the outermost guard: telling must not end because something cannot be told
                log.exception("heartbeat failed")
                wait_s = REFUSED_AGAIN_S
            await self._pause(wait_s)

    async def _pause(self, wait_s: float) -> None:
        """Wait so long, or while beats go well until there is something new to tell."""
        end_s = monotonic_clock() + wait_s
        while (left_s := end_s - monotonic_clock()) > 0:
            await asyncio.sleep(min(left_s, LOOK_S))
            self._facts.mark()
            if not self._has_failed and self._facts.shape() != self._told:
                return

    def _tell_failure(self, error: str) -> None:
        if not self._has_failed:
            self._has_failed = True
            log.warning("heartbeat cannot be written, will repeat", topic=self._settings.control_topic,
                        error=error)  # fmt: skip

    async def _beat(self) -> float:
        """Say once what there is to say; give the seconds until the next time."""
        if not self._has_topic:
            self._has_topic = await self._is_there()
            if not self._has_topic:
                if not self._has_failed:
                    self._has_failed = True
                    log.warning(
                        "control topic is missing, `status` will not hear of this worker;"
                        " `encharge-connector topics apply` makes it",
                        topic=self._settings.control_topic,
                    )
                return MISSING_AGAIN_S
        self._told = self._facts.shape()
        await self._write(self._key, orjson.dumps(self._facts()))
        self._was_heard, self._has_failed = True, False
        now_s = monotonic_clock()
        if now_s >= self._history_due_s:
            await self._write(self._history_key, orjson.dumps(self._facts.history()))
            self._history_due_s = now_s + HISTORY_S
        if not self._has_cleaned:
            self._has_cleaned = True
            await self._forget_the_dead()
        return self._every_s

    async def _is_there(self) -> bool:
        """Look for the topic in a way that does not make it, as a producer's look would."""
        admin = AIOKafkaAdminClient(**connection(self._settings, "heartbeat"))
        try:
            await admin.start()
            [found] = await describe_topics(admin, [self._settings.control_topic])
        finally:
            await admin.close()
        return not found["error_code"]

    async def _forget_the_dead(self) -> None:
        """Remove the records of workers that have been silent or stopped for a day."""
        control = ControlReader(self._settings)
        await control.read_to_end()
        now = wall_clock()
        for key, value in control.values.items():
            if key.startswith((WORKER_PREFIX, HISTORY_PREFIX)) and _is_dead(value, now):
                await self._write(key.encode(), None)

    async def _write(self, key: bytes, value: bytes | None) -> None:
        await self._producer.send_and_wait(self._settings.control_topic, value, key=key, headers=())


def _is_dead(value: Any, now: float) -> bool:
    at = value.get("at") if isinstance(value, dict) else None
    return not isinstance(at, (int, float)) or now - at > FORGET_S
