"""`encharge-connector check`: does everything that a worker needs work? One line for each thing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import click

from connector.cli.output import json_option, print_json, read_settings, run_async
from connector.errors import ConfigurationError, ConnectorError
from connector.settings import Settings

PROBE_CODE = "probe"


class Finding(NamedTuple):
    """One thing that was checked: which side it belongs to, whether it is right, and what was seen."""

    side: str  # configuration, kafka or encharge
    what: str
    ok: bool
    seen: str


@click.command("check")
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Check configuration, Kafka, topics, dead letters and the Encharge key. Exits 1 on a finding."""
    settings = read_settings()
    findings = run_async(_collect(settings))
    if as_json:
        print_json([each._asdict() for each in findings])
    else:
        for each in findings:
            mark = click.style("ok  ", fg="green") if each.ok else click.style("FAIL", fg="red")
            click.echo(f"{mark} {each.side}: {each.what}: {each.seen}")
    ctx.exit(0 if all(each.ok for each in findings) else 1)


async def _collect(settings: Settings) -> list[Finding]:
    found = [each async for each in _configuration(settings)]
    found += [each async for each in _kafka(settings)]
    found += [each async for each in _encharge(settings)]
    return found


async def _configuration(settings: Settings) -> AsyncIterator[Finding]:
    from connector.edges.destination_file import read_destination_file  # noqa: PLC0415

    file = settings.destination_file
    try:  # without the keys: what is wrong with those is told on the side of Encharge
        destination = read_destination_file(file).compile(api_key="")
    except ConfigurationError as error:
        for problem in error.problems:
            yield Finding("configuration", "destination", ok=False, seen=str(problem))
    else:
        seen = f"{file}: {len(destination.mappings)} enabled mappings"
        yield Finding("configuration", "destination", ok=True, seen=seen)


async def _kafka(settings: Settings) -> AsyncIterator[Finding]:
    from connector.edges.topic_admin import topic_admin  # noqa: PLC0415

    try:
        async with topic_admin(settings) as admin:
            yield Finding("kafka", "broker", ok=True, seen=settings.kafka_bootstrap_servers)
            diffs = await admin.diff()
    except ConnectorError as error:
        yield Finding("kafka", "broker", ok=False, seen=str(error))
        return
    for diff in diffs:
        if not diff.exists:
            seen = "missing; `encharge-connector topics apply` creates it"
        elif diff.changes:
            names = ", ".join(diff.changes)
            seen = f"{names} differ; see `encharge-connector topics diff`"
        else:
            seen = f"{diff.partitions} partitions"
        yield Finding("kafka", f"topic {diff.name}", ok=diff.needs == "nothing", seen=seen)
    if any(diff.exists and diff.name == settings.dead_letter_topic for diff in diffs):
        yield await _dead_letters(settings)


async def _dead_letters(settings: Settings) -> Finding:
    """Write a probe to the dead-letter topic and read it back."""
    what = "dead letters"
    try:
        offset = await _write_and_read(settings)
    except ConnectorError as error:
        return Finding("kafka", what, ok=False, seen=str(error))
    return Finding("kafka", what, ok=True, seen=f"a probe was written and read back (offset {offset})")


async def _write_and_read(settings: Settings) -> int:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # noqa: PLC0415
    from aiokafka.errors import KafkaError  # noqa: PLC0415
    from aiokafka.structs import TopicPartition  # noqa: PLC0415

    from connector.edges.kafka import connection  # noqa: PLC0415
    from connector.errors import OperationalError  # noqa: PLC0415

    arguments: dict[str, Any] = connection(settings, "check")
    producer = AIOKafkaProducer(acks="all", request_timeout_ms=15_000, **arguments)
    consumer = AIOKafkaConsumer(auto_offset_reset="none", **arguments)
    try:
        await producer.start()
        await consumer.start()
        headers = [("encharge.code", PROBE_CODE.encode())]
        written = await producer.send_and_wait(settings.dead_letter_topic, b"{}", headers=headers)
        partition = TopicPartition(settings.dead_letter_topic, written.partition)
        consumer.assign([partition])
        consumer.seek(partition, written.offset)
        found = await consumer.getmany(partition, timeout_ms=10_000)
        if not any(record.offset == written.offset for record in found.get(partition, ())):
            raise OperationalError("a probe was written, but could not be read back within 10 s")
    except KafkaError as error:
        raise OperationalError(f"{settings.dead_letter_topic}: {type(error).__name__}: {error}") from error
    finally:
        await producer.stop()
        await consumer.stop()
    return int(written.offset)


async def _encharge(settings: Settings) -> AsyncIterator[Finding]:
    from connector.core.request import Endpoints, checked_key  # noqa: PLC0415
    from connector.edges.encharge_api import EnchargeApi  # noqa: PLC0415

    try:  # no request tries this key, so that it can be sent is all there is to check
        checked_key(settings.encharge_write_key or "", setting="CONNECTOR_ENCHARGE_WRITE_KEY")
    except ConfigurationError as error:
        yield Finding("encharge", "write key", ok=False, seen=str(error))
    if settings.encharge_api_key is None:
        seen = "CONNECTOR_ENCHARGE_API_KEY (or …_FILE) is not set"
        yield Finding("encharge", "credentials", ok=False, seen=seen)
        return
    endpoints = Endpoints(settings.encharge_api_key, api_url=settings.encharge_api_url)
    async with EnchargeApi(endpoints) as api:
        try:
            credentials = await api.test_credentials()
        except ConnectorError as error:
            yield Finding("encharge", "credentials", ok=False, seen=str(error))
        else:
            seen = f"{settings.encharge_api_url} answers {credentials.answer}"
            yield Finding("encharge", "credentials", ok=credentials.valid, seen=seen)
