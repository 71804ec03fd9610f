"""Heartbeats on the control topic: said, renewed, taken back, and never in the way."""

import asyncio
import time

import orjson
import pytest
import structlog
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from connector.edges import heartbeat as module
from connector.edges.control_topic import ControlReader, tell
from connector.edges.heartbeat import FORGET_S, Heartbeat, new_instance
from connector.edges.producer import start_producer
from connector.settings import Settings
from tests.eventually import eventually_async


class Facts:
    """A number that counts the calls, and a shape to change."""

    def __init__(self):
        self.calls = self.marks = 0
        self.now_shape = 0
        self.error = None

    def __call__(self):
        if self.error is not None:
            raise self.error
        self.calls += 1
        return {"at": time.time(), "call": self.calls}

    def shape(self):
        return self.now_shape

    def mark(self):
        self.marks += 1

    def history(self, *, ended=False):
        return {"v": 1, "at": time.time(), "ended": ended}


class FailingProducer:
    """Fails as told, then takes everything."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.attempts = 0
        self.written = []

    async def send_and_wait(self, topic, value, *, key, headers):
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.written.append((key, value))


@pytest.fixture
def settings(cluster):
    return Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        control_topic=cluster.topic(cleanup_policy="compact"),
    )


@pytest.fixture
async def producer(settings):
    producer = await start_producer(settings)
    yield producer
    await producer.stop()


async def said(settings):
    control = ControlReader(settings)
    await control.read_to_end()
    return {key: value for key, value in control.values.items() if key.startswith("worker/")}


@pytest.mark.kafka
async def test_a_worker_is_heard_again_and_again_and_not_any_more_after_its_stop(settings, producer):
    facts = Facts()
    heartbeat = Heartbeat(settings, producer, "host-1-abc", facts, every_s=0.05)
    heartbeat.start()
    await eventually_async(lambda: facts.calls > 3, 10)

    heard = await said(settings)
    await heartbeat.stop()

    assert set(heard) == {"worker/host-1-abc"}
    assert heard["worker/host-1-abc"]["call"] >= 3
    assert await said(settings) == {}


@pytest.mark.kafka
async def test_what_changes_is_told_before_the_next_beat_is_due(settings, producer, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.05)
    facts = Facts()
    heartbeat = Heartbeat(settings, producer, "host-1-abc", facts, every_s=600.0)
    heartbeat.start()
    await eventually_async(lambda: facts.calls == 1, 10)

    facts.now_shape = 1
    await eventually_async(lambda: facts.calls == 2, 5)
    await heartbeat.stop()


@pytest.mark.kafka
async def test_who_starts_forgets_workers_that_were_silent_for_a_day_and_nothing_else(settings, producer):
    now = time.time()
    await tell(settings, "worker/dead", {"at": now - FORGET_S - 60})
    await tell(settings, "worker/senseless", "?")
    await tell(settings, "history/dead", {"at": now - FORGET_S - 60})
    await tell(settings, "history/stopped", {"at": now - 3600, "ended": True})
    await tell(settings, "worker/silent", {"at": now - 3600})
    await tell(settings, "pause/production", {"paused": True, "at": now - 2 * FORGET_S})
    heartbeat = Heartbeat(settings, producer, "host-1-abc", Facts())
    heartbeat.start()

    async def heard():
        return set(await said(settings)) == {"worker/silent", "worker/host-1-abc"}

    await eventually_async(heard, 10)
    await heartbeat.stop()

    control = ControlReader(settings)
    await control.read_to_end()
    assert set(control.values) == {
        "worker/silent",
        "history/stopped",
        "history/host-1-abc",
        "pause/production",
    }


@pytest.mark.kafka
async def test_a_missing_topic_is_told_once_and_not_made_and_heartbeats_begin_when_it_is_there(
    cluster, monkeypatch
):
    monkeypatch.setattr(module, "MISSING_AGAIN_S", 0.05)
    settings = Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers, control_topic=cluster.name("control")
    )
    producer, facts = FailingProducer(), Facts()
    heartbeat = Heartbeat(settings, producer, "host-1-abc", facts)
    looks = []
    is_there = heartbeat._is_there
    monkeypatch.setattr(heartbeat, "_is_there", lambda: looks.append(1) or is_there())
    with structlog.testing.capture_logs() as logs:
        heartbeat.start()
        await eventually_async(lambda: len(looks) > 2, 10)

    assert [each["log_level"] for each in logs if "control topic is missing" in each["event"]] == ["warning"]
    assert settings.control_topic not in cluster.admin.list_topics(timeout=10).topics
    assert producer.written == []
    await asyncio.to_thread(cluster.create, settings.control_topic, 1)
    await eventually_async(lambda: producer.written, 10)
    await heartbeat.stop()


@pytest.fixture
def beating(monkeypatch):
    """Start a heartbeat over a fake producer, with a topic that is there and nobody dead."""

    async def yes(self):
        return True

    async def nobody(self):
        pass

    monkeypatch.setattr(Heartbeat, "_is_there", yes)
    monkeypatch.setattr(Heartbeat, "_forget_the_dead", nobody)

    def beating(producer, facts):
        heartbeat = Heartbeat(Settings(), producer, "host-1-abc", facts, every_s=0.01)
        heartbeat.start()
        return heartbeat

    return beating


async def test_what_cannot_be_written_is_told_once_and_tried_again(beating):
    producer = FailingProducer(*[KafkaTimeoutError()] * 5)
    with structlog.testing.capture_logs() as logs:
        heartbeat = beating(producer, Facts())
        await eventually_async(lambda: producer.written, 5)
        await heartbeat.stop()

    assert [each["error"] for each in logs] == ["KafkaTimeoutError"]
    assert producer.written[-1] == (b"worker/host-1-abc", None)


def histories(producer):
    return [orjson.loads(value) for key, value in producer.written if key == b"history/host-1-abc"]


async def test_what_was_counted_is_told_with_the_first_beat_and_then_each_minute(beating, monkeypatch):
    producer, facts = FailingProducer(), Facts()
    heartbeat = beating(producer, facts)
    await eventually_async(lambda: facts.calls > 5, 5)
    assert len(histories(producer)) == 1
    assert facts.marks > 3

    monkeypatch.setattr(module, "HISTORY_S", 0.0)
    heartbeat._history_due_s = 0.0
    await eventually_async(lambda: len(histories(producer)) > 3, 5)
    await heartbeat.stop()


async def test_the_last_word_is_what_was_counted_and_then_the_heartbeat_is_taken_back(beating):
    producer = FailingProducer()
    heartbeat = beating(producer, Facts())
    await eventually_async(lambda: producer.written, 5)

    await heartbeat.stop()

    assert [key for key, _ in producer.written[-2:]] == [b"history/host-1-abc", b"worker/host-1-abc"]
    assert [each["ended"] for each in histories(producer)] == [False, True]
    assert producer.written[-1][1] is None


async def test_without_a_last_history_the_heartbeat_stays_as_the_last_word(beating):
    producer = FailingProducer()
    heartbeat = beating(producer, Facts())
    await eventually_async(lambda: producer.written, 5)
    producer.errors = [KafkaTimeoutError()] * 1000

    with structlog.testing.capture_logs() as logs:
        await heartbeat.stop()

    assert all(value is not None for _, value in producer.written)
    assert logs[-1]["event"].startswith("heartbeat not taken back")


async def test_a_refusal_is_not_repeated_soon_as_it_costs_the_producer_its_client(beating, monkeypatch):
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    producer = FailingProducer(TopicAuthorizationFailedError())
    facts = Facts()
    heartbeat = beating(producer, facts)
    await eventually_async(lambda: producer.attempts, 5)
    facts.now_shape = 1

    await asyncio.sleep(module.LOOK_S * 5)  # some looks at what has changed
    await heartbeat.stop()

    assert producer.attempts == 1


async def test_facts_that_cannot_be_given_end_nothing(beating, monkeypatch):
    monkeypatch.setattr(module, "REFUSED_AGAIN_S", 0.01)
    facts = Facts()
    facts.error = ZeroDivisionError()
    producer = FailingProducer()
    with structlog.testing.capture_logs() as logs:
        heartbeat = beating(producer, facts)
        await eventually_async(lambda: logs, 5)
        facts.error = None
        await eventually_async(lambda: producer.written, 5)
        await heartbeat.stop()

    assert logs[0]["event"] == "heartbeat failed"


async def test_a_worker_that_was_never_heard_has_nothing_to_take_back(beating):
    producer = FailingProducer(*[KafkaTimeoutError()] * 1000)
    heartbeat = beating(producer, Facts())
    await eventually_async(lambda: producer.attempts, 5)
    producer.errors = []
    heartbeat._task.cancel()

    await heartbeat.stop()

    assert producer.written == []


def test_no_two_processes_have_the_same_name():
    assert len({new_instance() for _ in range(100)}) == 100
