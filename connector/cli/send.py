"""`encharge-connector send`: events from a file to the source topic."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, BinaryIO, TypeAlias

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.cli.parameters import TopicName
from connector.errors import ConfigurationError, OperationalError, Problem, UnreadableRecord
from connector.settings import Settings

MOST_OUTSTANDING = 1000  # records handed to the producer and not acknowledged
LONGEST_LINE = 2**30  # bytes, from a pipe

Record: TypeAlias = tuple[bytes | None, bytes]  # key and value


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
        for number, line in enumerate(file, start=1):
            _record(line, name, number, unchecked=False)
        file.seek(0)
    sent = run_async(_send(settings, topic, _records(file, name, unchecked=unchecked)))
    if as_json:
        print_json({"topic": topic, "sent": sent})
    else:
        click.echo(f"{_events(sent)} sent to {topic}")


async def _records(file: BinaryIO, name: str, *, unchecked: bool) -> AsyncIterator[Record]:
    number = 0
    async for line in _lines(file):
        number += 1
        record = _record(line, name, number, unchecked=unchecked)
        if record is not None:
            yield record


async def _lines(file: BinaryIO) -> AsyncIterator[bytes]:
    """Give the lines of a file, or of a pipe or terminal as they come; waiting can be interrupted."""
    if file.seekable():
        for line in file:
            yield line
        return
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), file)
    while line := await reader.readline():
        yield line


def _record(line: bytes, name: str, number: int, *, unchecked: bool) -> Record | None:
    """Give key and value of a line, None for an empty one.

    Raises: ConfigurationError for a line that is no event, with its number in the file of this name
    """
    from connector.core.event import events_of, message_key, person_key, read_object  # noqa: PLC0415

    line = line.strip(b"\r\n \t")
    if not line:
        return None
    try:
        record = read_object(line, largest=sys.maxsize)
        first = next(iter(events_of(record)), {})
    except UnreadableRecord as error:
        if not unchecked:
            raise ConfigurationError(Problem(error.message, file=name, line=number)) from error
        return None, line
    key = person_key(first) or message_key(first)
    return (None if key is None else key.encode("utf-8", "surrogatepass")), line


async def _send(settings: Settings, topic: str, records: AsyncIterator[Record]) -> int:
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    from connector.edges.kafka import connection  # noqa: PLC0415
    from connector.edges.kafka_trouble import in_words  # noqa: PLC0415
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
        async for key, value in records:
            await sending.send(key, value)
        await sending.acknowledged()
    except (ConfigurationError, KafkaError) as error:
        with suppress(KafkaError):
            await sending.acknowledged()
        if isinstance(error, KafkaError):
            told = f"{_events(sending.sent)} sent, but not all of them: {in_words(error)}"
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
