"""Takes Segment's webhooks and writes their events to the source topic, keyed by person.

    Segment "Webhooks (Actions)"  --POST /segment-->  this program  -->  CONNECTOR_SOURCE_TOPIC

200  every event of the body is written to all in-sync replicas
401  the signature is missing or wrong; 400  the body is no event; 413  it is too large
503  Kafka does not answer, or too much waits for it. Nothing was promised: Segment is asked to come again

A repeat writes all events of a body again, so an event can be on the topic twice, with the same messageId.
How Kafka is reached is set by CONNECTOR_KAFKA_... as for the connector. docs/integrations/segment-webhooks.md

Signature: segmentio/action-destinations, destinations/webhook/index.ts. HMAC-SHA1 as hex. X-Signature is made
of the body, but of a batch only of its first event; X-Segment-Signature is made of the whole body always.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog
import uvloop
from aiohttp import web
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from connector.core.event import message_key, person_key
from connector.core.json_text import WriteError, read_json, write_json
from connector.edges.log_redaction import secrets_of
from connector.edges.logs import keep_out_of_logs, set_up_logs
from connector.edges.producer import Producer, start_producer
from connector.errors import ConnectorError
from connector.running import or_stop, stop_on_signals
from connector.settings import Settings

LARGEST_BODY_BYTES: Final = 16 * 1024**2
HELD_BYTES: Final = 128 * 1024**2  # of bodies that wait for Kafka; one beyond it is told to come again
RETRY_AFTER_S: Final = 10
GRACE_S: Final = 5.0  # at a stop, for answers

Events: TypeAlias = list[tuple[bytes | None, bytes]]  # key and value of each

log = structlog.get_logger("bridge")


@dataclass(frozen=True)
class BridgeSettings:
    """What BRIDGE_... says; `batch_signature` is what a batch must be signed of: `first` event or `whole`."""

    secrets: tuple[bytes, ...]
    host: str
    port: int
    batch_signature: str
    kafka_timeout_s: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> BridgeSettings:
        """Read them; the file of secrets has one a line. Ends the program with what is wrong."""
        given = {"HOST": "127.0.0.1", "PORT": "8080", "BATCH_SIGNATURE": "first", "KAFKA_TIMEOUT_S": "5"}
        given |= {name[7:]: value for name, value in environment.items() if name.startswith("BRIDGE_")}
        try:
            lines = map(bytes.strip, Path(given["SECRET_FILE"]).read_bytes().splitlines())
            port, signs = int(given["PORT"]), given["BATCH_SIGNATURE"]
            timeout_s = float(given["KAFKA_TIMEOUT_S"])
            found = cls(tuple(filter(None, lines)), given["HOST"], port, signs, timeout_s)
        except (KeyError, OSError, ValueError) as error:
            raise SystemExit(f"BRIDGE_... settings: {error!r}") from None
        if not found.secrets or signs not in ("first", "whole"):
            raise SystemExit("BRIDGE_SECRET_FILE must hold a secret; BRIDGE_BATCH_SIGNATURE: first or whole")
        return found


def is_signed(headers: Mapping[str, str], body: bytes, settings: BridgeSettings) -> bool:
    """Tell whether a body comes from who knows a secret."""
    given = headers.get("X-Segment-Signature") or headers.get("X-Signature", "")
    takes_first = settings.batch_signature == "first" and "X-Segment-Signature" not in headers
    signed = [body, _first_of(body)] if takes_first else [body]
    return any(_matches(given, each, settings.secrets) for each in signed)


def _matches(given: str, signed: bytes, secrets: Sequence[bytes]) -> bool:
    right = [hmac.new(secret, signed, "sha1").hexdigest().encode() for secret in secrets]
    return any(hmac.compare_digest(each, given.encode("utf-8", "replace")) for each in right)


def _first_of(body: bytes) -> bytes:
    """Give the bytes of the first event of a batch as Segment wrote and signed them."""
    with suppress(ValueError, RecursionError):
        text = body.decode()
        if text.startswith("["):
            return text[1 : json.JSONDecoder().raw_decode(text, 1)[1]].encode()
    return body


def events_in(body: bytes) -> Events:
    """Give key and value of each event: a single one as it came. Raises ValueError when it is none."""
    parsed = read_json(body)
    is_batch = type(parsed) is list
    events: list[Any] = parsed if is_batch else [parsed]
    if not all(type(event) is dict for event in events):
        raise ValueError("no event, and no list of events")
    return [(_key(event), write_json(event) if is_batch else body) for event in events]


def _key(event: dict[str, Any]) -> bytes | None:
    key = person_key(event) or message_key(event)
    return key.encode("utf-8", "surrogatepass") if key else None


class Bridge:
    """Answers requests; `producer` is there once Kafka was reached."""

    def __init__(self, settings: BridgeSettings, topic: str) -> None:
        self._settings, self._topic, self._held_bytes = settings, topic, 0
        self.producer: Producer | None = None
        self.application = web.Application(client_max_size=LARGEST_BODY_BYTES)
        self.application.add_routes([web.post("/segment", self._take), web.get("/health", self._health)])

    async def _health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ready\n") if self.producer else _later("waits for Kafka")

    async def _take(self, request: web.Request) -> web.Response:
        size = min(request.content_length or LARGEST_BODY_BYTES, LARGEST_BODY_BYTES)
        if self._held_bytes + size > HELD_BYTES:
            return _later("too much waits for Kafka")
        self._held_bytes += size
        try:
            return await self._answer(request.headers, await request.read())
        finally:
            self._held_bytes -= size

    async def _answer(self, headers: Mapping[str, str], body: bytes) -> web.Response:
        if not is_signed(headers, body, self._settings):
            return _refused(401, "signature is missing or wrong")
        try:
            events = events_in(body)
        except (WriteError, ValueError):
            return _refused(400, "no event, and no list of events")
        try:
            async with asyncio.timeout(self._settings.kafka_timeout_s):
                await self._write(events)
        except MessageSizeTooLargeError:
            return _refused(413, "larger than Kafka takes")
        except (KafkaError, TimeoutError) as error:
            log.warning("events are not written", events=len(events), error=type(error).__name__)
            return _later("Kafka does not acknowledge")
        return web.Response(text="ok\n")

    async def _write(self, events: Events) -> None:
        """Write in the order of the body; what is queued when it is cancelled goes all the same."""
        if self.producer is None:
            raise TimeoutError
        topic, send = self._topic, self.producer.send
        queued = [await send(topic, value, key=key, headers=()) for key, value in events]
        await asyncio.gather(*map(asyncio.shield, queued))


def _refused(status: int, why: str) -> web.Response:
    log.warning("refused", status=status, why=why)
    return web.Response(status=status, text=f"{why}\n")


def _later(why: str) -> web.Response:
    return web.Response(status=503, text=f"{why}\n", headers={"Retry-After": str(RETRY_AFTER_S)})


async def run(environment: Mapping[str, str]) -> None:
    """Serve until SIGTERM or SIGINT, then answer what is under way and write what is queued."""
    settings, own = Settings.from_environment(environment), BridgeSettings.from_environment(environment)
    set_up_logs(settings.log_level, settings.log_format)
    keep_out_of_logs([*secrets_of(settings), *(secret.decode("utf-8", "replace") for secret in own.secrets)])
    stop = stop_on_signals()
    bridge = Bridge(own, settings.source_topic)
    patience_s = own.kafka_timeout_s + GRACE_S
    runner = web.AppRunner(bridge.application, access_log=None, shutdown_timeout=patience_s)
    await runner.setup()
    try:
        await web.TCPSite(runner, own.host, own.port).start()
        log.info("listening", host=own.host, port=own.port, topic=settings.source_topic)
        bridge.producer = await or_stop(start_producer(settings), stop)
        await stop.wait()
    finally:
        await runner.cleanup()
        if bridge.producer is not None:
            await bridge.producer.stop()  # gives up what it cannot write; nobody was told 200 for that


if __name__ == "__main__":
    try:
        uvloop.run(run(os.environ))
    except ConnectorError as problem:
        raise SystemExit(str(problem)) from None
