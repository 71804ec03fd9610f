import pytest

from connector.simulator import Simulator
from tests.simulator.sending import Sender


@pytest.fixture
async def simulator():
    async with Simulator() as running:
        yield running


@pytest.fixture
async def sender(simulator):
    async with Sender(simulator.url) as sender:
        yield sender
