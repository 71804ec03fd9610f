"""Looking at the group; what a real Kafka tells is shown by tests/kafka and tests/browser."""

import pytest

from connector.edges.console import snapshot as module
from connector.edges.console.snapshot import Watch
from connector.settings import Settings
from tests.eventually import eventually_async


@pytest.fixture
async def told():
    return []


@pytest.fixture
async def watch(told, monkeypatch):
    monkeypatch.setattr(module, "EVERY_S", 0.05)

    async def tell(snapshot):
        told.append(snapshot)

    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1")
    watch = Watch(settings, "here-1", lambda: {"at": 1.0}, lambda: "test", tell)
    yield watch
    await watch.close()


async def test_without_kafka_a_snapshot_says_why_and_has_what_this_process_knows(watch):
    snapshot = await watch.snapshot()

    assert snapshot.report is None
    assert "127.0.0.1:1" in snapshot.trouble
    assert snapshot.control == {"worker/here-1": {"at": 1.0}}
    assert snapshot.destination == "test"


async def test_whoever_looks_is_told_again_and_again(watch, told):
    watch.want()

    await eventually_async(lambda: len(told) > 2, within_s=10)


async def test_nobody_looks_for_long_and_kafka_is_left_alone(watch, told, monkeypatch):
    monkeypatch.setattr(module, "IDLE_S", 0.2)
    await watch.snapshot()

    await eventually_async(lambda: watch._task.done(), within_s=10)
    assert (await watch.snapshot()).trouble  # and whoever comes later begins anew
