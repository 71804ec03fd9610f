"""What is known of replays: on the control topic what they are and did, in the commits how far they are.

replay/<id>             what it is, who began it and when, running | done | cancelled
replay/<id>/<instance>  what one process did, repeated every few seconds
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.delivery.replay import ReplayPlan, passed
from connector.delivery.selection import Range
from connector.edges.control_topic import tell
from connector.edges.kafka import connection
from connector.edges.kafka_trouble import trouble
from connector.edges.lag import LagReader, PartitionLag
from connector.edges.topic_admin import topic_admin
from connector.settings import Settings

REPLAY_PREFIX: Final = "replay/"

State = Literal["running", "interrupted", "done", "cancelled"]


def group_of(settings: Settings, id_: str) -> str:
    """Give the consumer group of a replay."""
    return f"{settings.group_id}.replay.{id_}"


def key_of(id_: str, instance: str = "") -> str:
    """Give the control key of a replay, or of what one process says of it."""
    return f"{REPLAY_PREFIX}{id_}" + (f"/{instance}" if instance else "")


@dataclass(slots=True)
class Done:
    """What one process did of a replay, or all of them together."""

    sent: Counter[str] = field(default_factory=Counter)  # requests, by mapping
    dead_letters: Counter[str] = field(default_factory=Counter)  # by code
    filtered: int = 0  # records of which nothing was sent
    retries: int = 0
    forwarded: int = 0  # events, to the by-user topic: of a replay from the source topic

    def as_json(self) -> dict[str, Any]:
        """Give it as the control topic and `--json` have it."""
        return {
            "sent": dict(self.sent),
            "dead_letters": dict(self.dead_letters),
            "filtered": self.filtered,
            "retries": self.retries,
            "forwarded": self.forwarded,
        }

    def add(self, found: Mapping[str, Any]) -> None:
        """Add what another process says; what cannot be read counts nothing."""
        for name, counter in (("sent", self.sent), ("dead_letters", self.dead_letters)):
            value = found.get(name)
            if isinstance(value, dict):
                counter.update({key: number for key, number in value.items() if isinstance(number, int)})
        for name in ("filtered", "retries", "forwarded"):
            if isinstance(found.get(name), int):
                setattr(self, name, getattr(self, name) + found[name])


@dataclass(frozen=True, slots=True)
class Known:
    """One replay as the control topic knows it; `at` and `started_at` are epoch seconds."""

    id: str
    state: Literal["running", "done", "cancelled"]
    at: float
    started_at: float
    by: str
    topic: str
    destination: str
    rate: float
    requests: int
    ranges: Mapping[int, Range]

    @classmethod
    def of(cls, plan: ReplayPlan, *, at: float, by: str, rate: float) -> Known:
        """Give what is told when a plan is begun; nothing of its filters, which may name people."""
        requests = plan.counts.get("requests", 0)
        return cls(plan.id, "running", at, at, by, plan.topic, plan.destination, rate, requests, plan.ranges)

    def as_json(self) -> dict[str, Any]:
        """Give the value of its control key."""
        return {
            "state": self.state,
            "at": self.at,
            "started_at": self.started_at,
            "by": self.by,
            "topic": self.topic,
            "destination": self.destination,
            "rate": self.rate,
            "requests": self.requests,
            "ranges": {str(number): list(range_) for number, range_ in sorted(self.ranges.items())},
        }


def known_of(id_: str, value: Any) -> Known | None:
    """Read the value of a control key; None for one that says nothing."""
    try:
        return Known(
            id_,
            value["state"],
            float(value["at"]),
            float(value["started_at"]),
            str(value["by"]),
            str(value["topic"]),
            str(value["destination"]),
            float(value["rate"]),
            int(value["requests"]),
            {int(number): Range(int(start), int(end)) for number, (start, end) in value["ranges"].items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def replays_in(control: Mapping[str, Any]) -> Iterator[Known]:
    """Give all replays that the control topic knows, the one begun last first."""
    found = [
        known_of(key.removeprefix(REPLAY_PREFIX), value)
        for key, value in control.items()
        if key.startswith(REPLAY_PREFIX) and "/" not in key.removeprefix(REPLAY_PREFIX)
    ]
    return iter(sorted(filter(None, found), key=lambda known: known.started_at, reverse=True))


def instances_in(control: Mapping[str, Any], id_: str) -> dict[str, Mapping[str, Any]]:
    """Give what each process says of a replay."""
    prefix = key_of(id_) + "/"
    return {
        key.removeprefix(prefix): value
        for key, value in control.items()
        if key.startswith(prefix) and isinstance(value, dict)
    }


def done_by_all(control: Mapping[str, Any], id_: str) -> Done:
    """Give what all processes did; of one that was killed, what it had told last."""
    done = Done()
    for found in instances_in(control, id_).values():
        done.add(found)
    return done


async def tell_known(settings: Settings, known: Known) -> None:
    """Write what is known of a replay.

    Raises: OperationalError
    """
    await tell(settings, key_of(known.id), known.as_json())


# In Kafka


def positions(ranges: Mapping[int, Range], lags: list[PartitionLag]) -> dict[int, int]:
    """Give the next offset of each partition of a replay; records that are gone count as passed."""
    return {
        lag.partition: max(ranges[lag.partition].start if lag.committed is None else lag.committed, lag.begin)
        for lag in lags
        if lag.partition in ranges
    }


async def begin_group(settings: Settings, plan: ReplayPlan, partitions: Iterable[int]) -> bool:
    """Commit where ranges start, for a group without members; False when it has members already.

    Kafka refuses commits from outside as soon as somebody is in the group, so nothing is ever put back.
    Raises: OperationalError
    """
    group = group_of(settings, plan.id)
    consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **connection(settings, "replay"))
    starts = {
        TopicPartition(plan.topic, number): OffsetAndMetadata(plan.ranges[number].start, "")
        for number in partitions
    }
    try:
        await consumer.start()
        consumer.assign(list(starts))
        await consumer.commit(starts)
    except CommitFailedError:
        return False
    except KafkaError as error:
        raise await trouble(settings, f"consumer group {group}", error) from error
    finally:
        await consumer.stop()
    return True


async def members_of(settings: Settings, groups: list[str]) -> dict[str, int]:
    """Give how many members each group has; 0 for one that does not exist.

    Raises: OperationalError
    """
    if not groups:
        return {}
    admin = AIOKafkaAdminClient(request_timeout_ms=15_000, **connection(settings, "replay"))
    try:
        await admin.start()
        answers = await admin.describe_consumer_groups(groups)
    except KafkaError as error:
        raise await trouble(settings, "consumer groups", error) from error
    finally:
        await admin.close()
    return {group[1]: len(group[5]) for answer in answers for group in answer.groups}


class Standing(NamedTuple):
    """How far a replay is: percent of its offsets passed, and how many processes work on it."""

    state: State
    percent: int
    members: int


async def progress_of(settings: Settings, replays: list[Known]) -> list[tuple[Known, Standing]]:
    """Ask Kafka how far each replay is.

    Raises: OperationalError
    """
    if not replays:
        return []
    members = await members_of(settings, [group_of(settings, known.id) for known in replays])
    async with topic_admin(settings) as admin:
        topics = await admin.partition_counts([*{known.topic for known in replays}])
    found = []
    async with LagReader(settings) as reader:
        for known in replays:
            group = group_of(settings, known.id)
            lags = await reader.read(known.topic, group) if known.topic in topics else []
            found.append((known, _standing(known, lags, members.get(group, 0))))
    return found


def _standing(known: Known, lags: list[PartitionLag], members: int) -> Standing:
    in_all = sum(range_.end - range_.start for range_ in known.ranges.values())
    done = passed(known.ranges, positions(known.ranges, lags))
    if known.state == "done" or done == in_all:  # commits are forgotten after a while, the state is not
        return Standing("done", 100, members)
    state: State = known.state
    if state == "running" and not members:
        state = "interrupted"
    return Standing(state, 100 * done // in_all, members)
