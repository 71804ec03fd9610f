"""The few things we need of aiokafka that it does not offer in public; pinned by its version.

Checked against aiokafka 0.14; tests/edges/test_aiokafka_internals.py fails when they change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, CloseReason, OAuthAuthenticator
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

CANCEL_AGAIN_S = 0.05

# No topic may have an empty name, so getmany() of this partition gives nothing and drops nothing.
_NO_PARTITION = TopicPartition("", 0)


def notice_closed_transports() -> None:
    """Let every connection of aiokafka tell a write to a closed transport as what it is, a lost connection.

    asyncio's transports swallow such a write; uvloop's raise RuntimeError, which aiokafka does not expect. It
    ends the task that keeps a client's metadata, and the client then waits for ever: after a crash of the
    broker a worker neither sent heartbeats nor committed until it was restarted (aio-libs/aiokafka#1038).
    """
    for name in ("send", "_send_sasl_token"):
        original = getattr(AIOKafkaConnection, name)
        if not hasattr(original, "__wrapped__"):
            setattr(AIOKafkaConnection, name, _noticing(original))


def _noticing(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def send(self: AIOKafkaConnection, *arguments: Any, **options: Any) -> Any:
        try:
            return original(self, *arguments, **options)
        except RuntimeError as error:
            self.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(f"Connection at {self.host}:{self.port} broken: {error}") from error

    return send


def notice_refused_tokens() -> None:
    """Let a login by OAUTHBEARER fail when the broker refuses the token.

    A broker says so in an answer without an error code, whose text should be empty, and waits for us to say
    that we have read it (RFC 7628, section 3.2.3). aiokafka takes it for a yes; the broker then ends the
    connection at the first request, without a word.
    """
    original = OAuthAuthenticator.step
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def step(self: OAuthAuthenticator, payload: bytes | None) -> Any:
        if self._token_sent and payload:
            raise SaslAuthenticationFailed("the broker refuses the token")
        return await original(self, payload)

    OAuthAuthenticator.step = step


def ask_for_the_password() -> None:
    """Let a password be a function that every new connection calls, so that it may change.

    A client hands what it was given to each of its connections, and a connection to its authenticator.
    """
    for name in ("authenticator_plain", "authenticator_scram"):
        original = getattr(AIOKafkaConnection, name)
        if not hasattr(original, "__wrapped__"):
            setattr(AIOKafkaConnection, name, _asking(original))


def _asking(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def authenticator(self: AIOKafkaConnection) -> Any:
        if callable(self._sasl_plain_password):
            self._sasl_plain_password = self._sasl_plain_password()
        return original(self)

    return authenticator


def hear_late_commits() -> None:
    """Let a commit whose caller has given up end without a traceback in the log.

    aiokafka shields a commit from being cancelled, so it goes on when our time for it is over, and nobody is
    there to take its error.
    """
    original = GroupCoordinator._do_commit_offsets  # noqa: SLF001
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def commit(self: GroupCoordinator, assignment: Any, offsets: Any) -> Any:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await original(self, assignment, offsets)

    GroupCoordinator._do_commit_offsets = commit  # noqa: SLF001


def end_fetches_first() -> None:
    """Let a consumer end what it is fetching before it closes its fetcher.

    The fetcher cancels its requests and waits for each, so a request that was really cancelled looks to its
    caller like a cancellation of the caller, and the consumer's connections stay open: when the broker is
    away, there is a request that waits to try again. And after a new assignment the fetcher's own task does
    the same, and takes a cancellation of itself for one of a request: then it goes on, and stop() for ever.
    """
    original = Fetcher.close
    if hasattr(original, "__wrapped__"):
        return

    @wraps(original)
    async def close(self: Fetcher) -> None:
        while going_on := [task for task in (self._fetch_task, *self._pending_tasks) if not task.done()]:
            for task in going_on:
                task.cancel()
            await asyncio.wait(going_on, timeout=CANCEL_AGAIN_S)
        self._pending_tasks.clear()
        await original(self)

    Fetcher.close = close


async def committed_with_metadata(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Fetch committed offsets and their metadata, which `committed()` drops."""
    found: dict[TopicPartition, OffsetAndMetadata] = await consumer._coordinator.fetch_committed_offsets(  # noqa: SLF001
        list(partitions)
    )
    return found


def is_member(consumer: AIOKafkaConsumer) -> bool:
    """Tell whether the group still knows us; a commit of a stranger may pass when the group is empty."""
    return bool(consumer._coordinator.generation > 0)  # noqa: SLF001


def note_heartbeats(
    consumer: AIOKafkaConsumer, clock: Callable[[], float], note: Callable[[float], None]
) -> None:
    """Call `note` after every heartbeat that the broker answered well, with the time when it was sent."""
    coordinator = consumer._coordinator  # noqa: SLF001
    beat = coordinator._do_heartbeat  # noqa: SLF001

    async def noted() -> bool:
        sent_s = clock()
        is_well = bool(await beat())
        if is_well:
            note(sent_s)
        return is_well

    coordinator._do_heartbeat = noted  # noqa: SLF001


async def heartbeat(consumer: AIOKafkaConsumer) -> bool:
    """Send a heartbeat now; tell whether the broker knows us."""
    return bool(await consumer._coordinator._do_heartbeat())  # noqa: SLF001


async def stay_in_group(consumer: AIOKafkaConsumer) -> None:
    """Show that we are alive without taking records.

    aiokafka leaves the group when nobody calls getmany() for max_poll_interval. Calling it for paused
    partitions would throw their prefetched records away, so it is called for no partition at all.
    """
    await consumer.getmany(_NO_PARTITION)


def rejoin(consumer: AIOKafkaConsumer) -> None:
    """Ask for a new assignment."""
    consumer._coordinator.request_rejoin()  # noqa: SLF001


def let_others_first(consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
    """Put a partition's prefetched records behind those of all others.

    getmany() empties the prefetched partitions one after the other, and one of them may hold a thousand
    records of few people.
    """
    records = consumer._fetcher._records  # noqa: SLF001
    if partition in records:
        records.move_to_end(partition)


async def describe_topics(admin: AIOKafkaAdminClient, names: Iterable[str]) -> list[dict[str, Any]]:
    """Describe topics without making those that are missing.

    The public method makes them, with the broker's number of partitions, where the broker's
    auto.create.topics.enable allows it, and that is Kafka's default.
    """
    request = MetadataRequest(list(names), allow_auto_topic_creation=False)
    response = await admin._send_request(request)  # noqa: SLF001
    topics: list[dict[str, Any]] = response.to_object()["topics"]
    return topics


async def ask_for_no_topics(connection: AIOKafkaConnection) -> None:
    """Send the smallest request that needs a login where the broker wants one.

    Raises: KafkaError
    """
    await connection.send(MetadataRequest([], allow_auto_topic_creation=False))


async def stop_producer(producer: AIOKafkaProducer, within_s: float) -> bool:
    """Stop a producer; tell whether it could write everything that it held.

    An idempotent producer tries for as long as the broker is away, and its own stop() waits for that. After
    `within_s` the futures of what is not written are cancelled; whether it arrived is not known.
    """
    flushing = asyncio.ensure_future(producer.flush())
    await asyncio.wait([flushing], timeout=within_s)
    is_written = bool(flushing.done())
    if not is_written:
        flushing.cancel()
        await producer.client.close()  # what waits for an answer ends,
        await producer._sender.close()  # noqa: SLF001  and nobody tries again
        _forget(producer._message_accumulator)  # noqa: SLF001
    await producer.stop()
    return is_written


def _forget(held: Any) -> None:
    """Give up the records of an accumulator, whose sender has ended."""
    batches = [batch for waiting in held._batches.values() for batch in waiting]  # noqa: SLF001
    for batch in (*batches, *held._pending_batches):  # noqa: SLF001
        for written, _ in batch._msg_futures:  # noqa: SLF001
            written.cancel()
    held._batches.clear()  # noqa: SLF001
    held._pending_batches.clear()  # noqa: SLF001
