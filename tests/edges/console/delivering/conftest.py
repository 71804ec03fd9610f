"""The console of a worker that delivers by a destination file with every action."""

import pytest

from tests.edges.console.delivering.tester_parts import (
    ALL,
    Delivering,
    FakeRecords,
    RecordingSender,
    serving,
    settings_in,
)


@pytest.fixture
def settings(tmp_path):
    return settings_in(tmp_path)


@pytest.fixture
def sender():
    return RecordingSender()


@pytest.fixture
def delivering(settings, sender):
    return Delivering(settings, ALL, sender)


@pytest.fixture
def records():
    return FakeRecords()


@pytest.fixture
async def console_url(delivering, looks, records):
    runner, url = await serving(delivering.process, looks, records)
    yield url
    await runner.cleanup()
