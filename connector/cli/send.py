"""`encharge-connector send`: events from a file to the source topic."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, BinaryIO, NoReturn

import click

from connector.cli.output import TopicName, json_option, print_json, read_settings, run_async
from connector.errors import ConfigurationError, OperationalError, Problem, UnreadableRecord
from connector.settings import Settings

MOST_OUTSTANDING = 1000  # records handed to the producer and not acknowledged


@click.command("send")
@click.argument("file", type=click.File("rb"))
@click.option("--topic", type=TopicName(), help="Another topic than CONNECTOR_SOURCE_TOPIC.")
@click.option("--unchecked", is_flag=True, help="Send every line as it is, also what is no event.")
@json_option
def command(file: BinaryIO, *, topic: str | None, unchecked: bool, as_json: bool) -> None:
    """Send events (JSON Lines; - for standard input) to the source topic, keyed by person.

    \b
    Example:
      echo '{"type":"identify","userId":"u1","traits":{"email":"a@example.com"}}' \\
        | encharge-connector send -
    """
    settings = read_settings()
    topic = topic or settings.source_topic
    name = getattr(file, "name", "<stdin>")
    if file.seekable() and not unchecked:  # refuse the whole file before anything of it is sent
        for _ in _records(file, name, unchecked=False):
            pass
        file.seek(0)
    with _interruptible_reading():
        sent = run_async(_send(settings, topic, _records(file, name, unchecked=unchecked)))
    if as_json:
        print_json({"topic": topic, "sent": sent})
    else:
        click.echo(f"{_events(sent)} sent to {topic}")


@contextmanager
def _interruptible_reading() -> Iterator[None]:
    """Let Ctrl-C end the wait for another line of input; asyncio's own handler lets it go on."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _records(file: BinaryIO, name: str, *, unchecked: bool) -> Iterator[tuple[bytes | None, bytes]]:
    from connector.core.event import events_of, message_key, person_key, read_object  # noqa: PLC0415

    for number, raw in enumerate(file, start=1):
        line = raw.strip(b"\r\n \t")
        if not line:
            continue
        try:
            record = read_object(line, largest=sys.maxsize)
            first = next(iter(events_of(record)), {})
        except UnreadableRecord as error:
            if not unchecked:
                raise ConfigurationError(Problem(error.message, file=name, line=number)) from error
            yield None, line
            continue
        key = person_key(first) or message_key(first)
        yield (None if key is None else key.encode("utf-8", "surrogatepass")), line


async def _send(settings: Settings, topic: str, records: Iterator[tuple[bytes | None, bytes]]) -> int:
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    from connector.edges.kafka import connection  # noqa: PLC0415
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    async with topic_admin(settings) as admin:
        if not await admin.partition_counts([topic]):
            hint = "; `encharge-connector topics apply` creates it" if topic == settings.source_topic else ""
            raise OperationalError(f"topic {topic} does not exist{hint}")
    producer = AIOKafkaProducer(
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_request_size=2**30,
        **connection(settings, "send"),
    )
    sending = _Sending(producer, topic)
    try:
        await producer.start()
        for key, value in records:
            await sending.send(key, value)
        await sending.acknowledged()
    except (ConfigurationError, KafkaError) as error:
        with suppress(KafkaError):
            await sending.acknowledged()
        if isinstance(error, KafkaError):
            told = f"{_events(sending.sent)} sent, but not all of them: {type(error).__name__}"
            raise OperationalError(told) from error
        # A faulty line of input that cannot be read twice.
        click.echo(f"{_events(sending.sent)} sent before the faulty line", err=True)
        raise
    finally:
        await producer.stop()
    return sending.sent


class _Sending:
    """Events on their way, at most MOST_OUTSTANDING of them, and how many have arrived."""

    def __init__(self, producer: Any, topic: str) -> None:
        self._producer, self._topic = producer, topic
        self._outstanding: list[Any] = []
        self.sent = 0

    async def send(self, key: bytes | None, value: bytes) -> None:
        self._outstanding.append(await self._producer.send(self._topic, value, key=key))
        if len(self._outstanding) >= MOST_OUTSTANDING:
            await self.acknowledged()

    async def acknowledged(self) -> None:
        """Wait for all events on their way.

        Raises: the first error of Kafka, after all of them are counted
        """
        results = await asyncio.gather(*self._outstanding, return_exceptions=True)
        self._outstanding.clear()
        errors = [result for result in results if isinstance(result, BaseException)]
        self.sent += len(results) - len(errors)
        if errors:
            raise errors[0]


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"
