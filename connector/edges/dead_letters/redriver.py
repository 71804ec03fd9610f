"""Sends letters again, and remembers which: both in one transaction, so that each is sent once.

    begin -> the records of a batch -> the new value of `redriven/<topic>/<partition>` -> commit

A redrive that is interrupted between these leaves nothing that anybody reads; whoever comes next reads the
control topic and goes on behind the last commit. The transactional id is the same for all redrives of a
group: the one that begins later ends the earlier one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import InvalidProducerEpoch, KafkaError, MessageSizeTooLargeError, ProducerFenced

from connector.delivery.letter import Letter, read_letter
from connector.delivery.redrive import redriven_headers
from connector.delivery.redriven import Redriven, control_key, read_redriven
from connector.edges.dead_letters.plan import RedrivePlan, goes_to_source
from connector.edges.dead_letters.reader import DeadLetterReader
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import RIGHTS, missing_topic, trouble
from connector.edges.producer import LARGEST_REQUEST_BYTES
from connector.edges.topic_admin import topic_admin
from connector.errors import OperationalError
from connector.settings import Settings

BATCH: Final = 200  # letters in one transaction
LARGEST_BATCH_BYTES: Final = 16 * 1024**2
LARGEST_VALUE_BYTES: Final = 900_000  # of a control record; a broker takes 1 MB by default

# A redrive that was killed in a transaction holds back whoever reads these partitions for so long, unless it
# is started again. A transaction itself takes some milliseconds.
TRANSACTION_TIMEOUT_MS: Final = 10_000


class Redriver:
    """Sends the letters of a plan; `sent` counts what is committed.

    rate     letters a second, None for as fast as Kafka takes them
    on_sent  called after each transaction with the number of letters that were sent so far
    """

    def __init__(
        self,
        settings: Settings,
        *,
        batch: int = BATCH,
        rate: float | None = None,
        on_sent: Callable[[int], None] = lambda _sent: None,
    ) -> None:
        self._settings = settings
        self._batch = batch if rate is None else max(min(batch, int(rate)), 1)
        self._rate, self.on_sent = rate, on_sent
        self._partitions: Mapping[str, int] = {}
        self.sent = 0

    async def run(self, plan: RedrivePlan) -> None:
        """Send what of a plan was not sent by anybody since.

        Raises: OperationalError; what was sent until then counts
        """
        settings = self._settings
        self._partitions = await self._topics(plan)
        id_ = f"{settings.group_id}.redrive"
        producer = AIOKafkaProducer(
            transactional_id=id_,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_request_size=LARGEST_REQUEST_BYTES,
            **connection(settings, "redrive"),
        )
        try:
            # What an earlier redrive had begun is committed or aborted when this returns.
            await producer.start()
            async with DeadLetterReader(settings, plan.destination) as reader:
                begun_s = time.monotonic()
                for partition, offsets in sorted(plan.chosen.items()):
                    redriven = self._redriven(reader, partition, plan)
                    todo = [offset for offset in offsets if not redriven.holds(offset)]
                    async for letters in self._batches(reader, partition, todo):
                        await self._wait(begun_s)
                        redriven = redriven.with_more(
                            [letter.place.offset for letter in letters],
                            max(letter.timestamp for letter in letters),
                        )
                        key = control_key(reader.topic, partition)
                        await _whole(self._send(producer, letters, key, redriven))
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise OperationalError(
                "another redrive of this group was started and goes on with the rest; this one stops"
            ) from error
        except KafkaError as error:
            raise await trouble(settings, f"transaction of {id_}", error) from error
        finally:
            await producer.stop()

    async def _topics(self, plan: RedrivePlan) -> Mapping[str, int]:
        settings = self._settings
        names = {settings.deliver_topic, settings.control_topic}
        if plan.to_source:
            names.add(settings.source_topic)
        async with topic_admin(settings) as admin:
            found = await admin.partition_counts(sorted(names))
        for name in sorted(names):
            if name not in found:
                raise missing_topic(name)
        return found

    def _redriven(self, reader: DeadLetterReader, partition: int, plan: RedrivePlan) -> Redriven:
        key = control_key(reader.topic, partition)
        value = reader.control.get(key)
        if key in plan.control and plan.control[key] == value:  # it tells of an earlier topic of that name
            return Redriven()
        return read_redriven(value).from_offset(reader.bounds[partition].begin)

    async def _batches(
        self, reader: DeadLetterReader, partition: int, offsets: Sequence[int]
    ) -> AsyncIterator[list[Letter]]:
        if not offsets:
            return
        wanted = set(offsets)
        letters: list[Letter] = []
        size = 0
        async for record in reader.records(partition, offsets[0], offsets[-1] + 1):
            letter = read_letter(record) if record.offset in wanted else None
            if letter is None or reader.is_suppressed(letter):  # deleted since the plan was made
                continue
            if letters and size + _size(record) > LARGEST_BATCH_BYTES:
                yield letters
                letters, size = [], 0
            letters.append(letter)
            size += _size(record)
            if len(letters) == self._batch:
                yield letters
                letters, size = [], 0
        if letters:
            yield letters

    async def _wait(self, begun_s: float) -> None:
        """Wait outside of any transaction, as readers wait for the end of one."""
        if self._rate is not None:
            await asyncio.sleep(max(begun_s + self.sent / self._rate - time.monotonic(), 0))

    async def _send(
        self, producer: AIOKafkaProducer, letters: Sequence[Letter], key: str, redriven: Redriven
    ) -> None:
        settings = self._settings
        value = orjson.dumps({**redriven.as_value(), "at": time.time()})
        if len(value) > LARGEST_VALUE_BYTES:
            raise OperationalError(
                "what was redriven is too scattered to be remembered; redrive with fewer filters, so that"
                " neighbours go together, or delete old letters with `encharge-connector dlq purge`"
            )
        await producer.begin_transaction()
        try:
            queued = [await self._queue(producer, letter) for letter in letters]
            control = await producer.send(settings.control_topic, value, key=key.encode())
            topics = [*(topic for topic, _ in queued), settings.control_topic]
            results = await asyncio.gather(*(result for _, result in queued), control, return_exceptions=True)
            await self._raise_worst(topics, results, letters)
        except (ProducerFenced, InvalidProducerEpoch):
            raise
        except BaseException:
            await _abort(producer)
            raise
        await producer.commit_transaction()
        self.sent += len(letters)
        self.on_sent(self.sent)

    async def _raise_worst(
        self, topics: Sequence[str], results: Sequence[object], letters: Sequence[Letter]
    ) -> None:
        """Raise what stopped a transaction; most of its errors only say that there was one."""
        failed = [
            (topic, result)
            for topic, result in zip(topics, results, strict=True)
            if isinstance(result, BaseException)
        ]
        for _, error in failed:
            if isinstance(error, ProducerFenced | InvalidProducerEpoch):
                raise error
        for topic, error in failed:
            if isinstance(error, RIGHTS):
                raise await trouble(self._settings, topic, error) from error
            if isinstance(error, MessageSizeTooLargeError):
                largest = max(letters, key=lambda letter: len(letter.value or b""))
                raise OperationalError(
                    f"a record is too large for {topic}, probably that of letter {largest.place} with"
                    f" {len(largest.value or b'')} bytes; raise max.message.bytes"
                    " (`encharge-connector topics apply`), or leave it out by a filter"
                ) from error
        for _, error in failed:
            raise error

    async def _queue(self, producer: AIOKafkaProducer, letter: Letter) -> tuple[str, asyncio.Future[Any]]:
        settings = self._settings
        topic = settings.source_topic if goes_to_source(letter, settings) else settings.deliver_topic
        queued: asyncio.Future[Any] = await producer.send(
            topic,
            letter.value,
            key=letter.key,
            partition=self._partition(topic, letter),
            headers=redriven_headers(letter, settings.dead_letter_topic),
        )
        return topic, queued

    def _partition(self, topic: str, letter: Letter) -> int | None:
        """Give the partition that a record of the source topic came from: who writes there chose it.

        None for our own topic, where the key decides, by the same rule as for the ingest stage.
        """
        if topic != self._settings.source_topic or letter.topic != topic or letter.origin is None:
            return None
        number = letter.origin.partition
        return number if number < self._partitions.get(topic, 0) else None


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Do something that takes some milliseconds to its end, also when we are cancelled in the middle."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.exception()  # whatever it was, the interruption is what is told
        raise


async def _abort(producer: AIOKafkaProducer) -> None:
    try:
        await producer.abort_transaction()
    except KafkaError:
        return  # the broker aborts it when its time is over, or for the next redrive


def _size(record: ConsumerRecord) -> int:
    return len(record.value or b"") + len(record.key or b"")
