"""What is seen of a batch reader from outside: when it last came back, whether it gives back, what ended."""

import asyncio

import pytest

from tests.edges.test_batch_reader import P0, FakeConsumer, World, play, until, working
from tests.virtual_time import run


def now_s():
    return asyncio.get_running_loop().time()


def test_a_reader_that_has_nothing_to_read_comes_back_all_the_time():
    async def scenario(world):
        await world.reads()
        await asyncio.sleep(100)
        return now_s() - world.reader.polled_s

    assert play(scenario) < 0.5


@pytest.mark.parametrize("full", ["channel", "stage"])
def test_a_reader_that_is_full_for_hours_comes_back_all_the_time(full):
    async def scenario(world):
        world.stage.holds = True
        if full == "channel":
            world.agent.clear()
        await world.reads()
        for begin in range(0, 200, 10):
            world.consumer.has(P0, *range(begin, begin + 10))
        await asyncio.sleep(3000)
        return world.consumer.signs_of_life, now_s() - world.reader.polled_s

    signs_of_life, since_s = play(scenario)

    assert signs_of_life > 100
    assert since_s < 1.5


def test_a_poll_that_does_not_come_back_is_seen_by_its_time():
    class Hanging(FakeConsumer):
        async def getmany(self, *partitions, **options):
            if self.world.hangs:
                await asyncio.get_running_loop().create_future()
            return await super().getmany(*partitions, **options)

    async def scenario():
        world = World()
        world.hangs = False
        async with working(world, consumer=Hanging):
            await world.reads()
            before = world.reader.polled_s
            world.hangs = True
            await asyncio.sleep(1000)
            return before, now_s() - world.reader.polled_s, world.reader.is_reading

    before, since_s, is_reading = run(scenario())

    assert before is not None
    assert since_s > 999
    assert is_reading


def test_a_reader_that_never_reached_kafka_has_not_polled():
    async def scenario(world):
        await asyncio.sleep(100)
        return world.reader.polled_s

    def unreachable(world):
        world.unreachable = 1000

    assert play(scenario, before=unreachable) is None


def test_while_partitions_are_given_back_it_is_seen_since_when():
    async def scenario(world):
        await world.reads()
        world.stage.drain_takes_s = 5.0
        begun_s = now_s()
        revoking = asyncio.create_task(world.consumer.rebalance({P0}))
        await asyncio.sleep(4.0)
        during = world.reader.revoking_s
        await revoking
        return during - begun_s, world.reader.revoking_s

    assert play(scenario) == (0.0, None)


def test_a_loop_that_ended_by_itself_is_named_and_one_that_was_closed_is_not():
    async def scenario(world):
        await world.reads()
        before = list(world.reader.ended)
        world.consumer.getmany = cancelled
        await until(lambda: world.reader.ended)
        ended = list(world.reader.ended)
        await world.reader.close()
        return before, ended, list(world.reader.ended)

    async def cancelled(*_partitions, **_options):
        raise asyncio.CancelledError

    assert play(scenario) == ([], ["reading"], [])
