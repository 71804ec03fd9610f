"""`encharge-connector send`: events from a file to the source topic."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.errors import ConfigurationError, OperationalError, Problem, UnreadableRecord
from connector.settings import Settings

MOST_OUTSTANDING = 1000  # records handed to the producer and not acknowledged


@click.command("send")
@click.argument("file", type=click.File("rb"))
@click.option("--topic", help="Another topic than CONNECTOR_SOURCE_TOPIC.")
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
    name = getattr(file, "name", "-")
    if file.seekable() and not unchecked:  # refuse the whole file before anything of it is sent
        for _ in _records(file, name, unchecked=False):
            pass
        file.seek(0)
    sent = run_async(_send(settings, topic, _records(file, name, unchecked=unchecked)))
    if as_json:
        print_json({"topic": topic, "sent": sent})
    else:
        click.echo(f"{sent} event{'' if sent == 1 else 's'} sent to {topic}")


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
            raise OperationalError(
                f"topic {topic} does not exist; `encharge-connector topics apply` creates it"
            )
    producer = AIOKafkaProducer(
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_request_size=2**30,
        **connection(settings, "send"),
    )
    await producer.start()
    outstanding: list[Any] = []
    sent = 0
    try:
        for key, value in records:
            outstanding.append(await producer.send(topic, value, key=key))
            if len(outstanding) >= MOST_OUTSTANDING:
                sent += await _acknowledged(outstanding)
        sent += await _acknowledged(outstanding)
    except ConfigurationError:
        sent += await _acknowledged(outstanding)
        click.echo(f"{sent} events before the faulty line were sent", err=True)
        raise
    except KafkaError as error:
        raise OperationalError(f"{sent} events were sent, then: {type(error).__name__}: {error}") from error
    finally:
        await producer.stop()
    return sent


async def _acknowledged(outstanding: list[Any]) -> int:
    for future in outstanding:
        await future
    count = len(outstanding)
    outstanding.clear()
    return count
