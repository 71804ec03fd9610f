"""The stages of a replay, with fakes behind them."""

import asyncio
import json

import pytest
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from connector.core import Destination
from connector.core.presets import preset_mappings
from connector.delivery.planner import discard, plan_with
from connector.delivery.selection import Choice, Filters, Range, Selection
from connector.edges.batch_reader import Assignment
from connector.edges.replay.bounds import Bounds
from connector.edges.replay.stage import ReplayStage
from tests.builders import FakeRecord
from tests.delivery.setup import Setup
from tests.delivery.test_replay_plan import plan as some_plan
from tests.virtual_time import run

LARGEST = 1_000_000
RANGES = {0: Range(10, 20), 3: Range(5, 35)}
P0, P1, P3 = (TopicPartition("by-user", number) for number in (0, 1, 3))


def record(offset, partition=0, person="u1"):
    event = {"type": "track", "event": "Order", "userId": person, "messageId": f"{partition}/{offset}"}
    return FakeRecord(offset, person.encode(), json.dumps(event).encode(), partition=partition)


def bounds():
    found = Bounds(RANGES)
    found.assign({P0: OffsetAndMetadata(10, ""), P1: None, P3: OffsetAndMetadata(35, "")})
    return found


def offsets(records):
    return [each.offset for each in records]


def test_a_share_of_the_rate_is_the_share_of_what_is_in_the_ranges():
    assert Bounds(RANGES).assign({P0: None, P1: None}) == 0.25
    assert Bounds(RANGES).assign({P3: None}) == 0.75
    assert 0 < Bounds(RANGES).assign({P1: None}) < 0.01


def test_partitions_without_a_range_or_at_their_end_are_not_read():
    assert bounds().passed == {P1, P3}


@pytest.mark.parametrize(
    ("found", "taken", "is_passed"),
    [
        pytest.param([10, 18], [10, 18], False, id="not at the end"),
        pytest.param([18, 19], [18, 19], True, id="the last one"),
        pytest.param([18, 19, 20, 21], [18, 19], True, id="beyond"),
        pytest.param([17, 20, 21], [17, 20], True, id="the end is a gap"),
        pytest.param([25, 26], [25], True, id="everything is gone"),
    ],
)
def test_records_beyond_the_end_are_cut_off(found, taken, is_passed):
    limits = bounds()

    cut = limits.cut(P0, [record(offset) for offset in found])

    assert offsets(cut) == taken
    assert (P0 in limits.passed) is is_passed
    assert limits.cut(P0, [record(50)]) == ([] if is_passed else [record(50)])


class World:
    """A replay stage whose requests a fake takes."""

    def __init__(self, *, version=None, **filters):
        self.setup = Setup(per_s=40)
        destination = Destination.from_config({"mappings": preset_mappings()}, api_key="k")
        self.configuration = self.setup.context.configuration._replace(
            plan_record=plan_with(destination, largest_record=LARGEST)
        )
        self.setup.context.configuration = self.configuration
        selection = Selection(RANGES, Choice(Filters(**filters)), lambda *_: False, largest_record=LARGEST)
        self.stage = ReplayStage(
            self.setup.context, some_plan(ranges=RANGES, rate=40.0), selection, version=version
        )

    def assign(self, committed):
        self.stage.assign(Assignment(committed, 1.0, lambda: float("inf")))

    async def settled(self):
        while self.stage.held_records:
            await asyncio.sleep(0.1)

    @property
    def sent(self):
        return [json.loads(body)["messageId"] for body in self.setup.sender.sent]


def test_a_replay_sends_its_range_at_its_share_of_the_rate_and_commits_beyond_it():
    async def story():
        world = World()
        world.assign({P0: OffsetAndMetadata(10, "")})
        begun_s = world.setup.now_s()
        await world.stage.take(P0, [record(offset) for offset in (*range(10, 19), 25, 26)])
        await world.settled()
        return world, world.setup.now_s() - begun_s

    world, took_s = run(story())

    assert world.sent == [f"0/{offset}" for offset in range(10, 19)]
    assert 0.8 < took_s < 1.2  # nine at 40/s, of which 10 of 40 offsets are ours
    assert world.stage.commits() == {P0: OffsetAndMetadata(26, "")}
    assert (P0.topic, P0.partition) in world.stage.full_lanes
    assert world.stage.done().as_json()["sent"] == {"Track Event": 9}


def test_what_an_earlier_owner_settled_is_not_sent_again():
    async def story():
        world = World()
        world.assign({P0: OffsetAndMetadata(11, "1:1.2")})  # 12 and 13 are done
        await world.stage.take(P0, [record(offset) for offset in range(10, 16)])
        await world.settled()
        return world

    assert run(story()).sent == ["0/11", "0/14", "0/15"]


def test_a_changed_destination_counts_from_the_next_record_and_still_only_chosen_ones_are_sent():
    async def story():
        world = World(users=("u1",))
        world.assign({P0: OffsetAndMetadata(10, "")})
        world.stage.reconfigure(world.configuration._replace(version="v2", generation=1))
        await world.stage.take(P0, [record(10), record(11, person="u2")])
        await world.settled()
        return world

    world = run(story())

    assert world.sent == ["0/10"]
    assert world.stage.broken == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"version": "v2"}, "as-planned", id="another version"),
        pytest.param({"plan_record": discard, "discards": True}, "discards", id="disabled"),
    ],
)
def test_a_replay_that_would_be_another_one_ends(change, told):
    async def story():
        world = World(version="v1")
        world.assign({P0: OffsetAndMetadata(10, "")})
        world.stage.reconfigure(world.configuration._replace(**change))
        await world.stage.take(P0, [record(10)])
        return world

    world = run(story())

    assert told in world.stage.broken
    assert world.sent == []
    assert world.stage.held_records == 0


def test_a_topic_that_was_made_anew_ends_it():
    async def story():
        world = World()
        world.assign({P0: OffsetAndMetadata(10, "")})
        world.stage.rewind(P0, 0)
        await world.stage.take(P0, [record(10)])
        return world

    world = run(story())

    assert "made anew" in world.stage.broken
    assert world.sent == []
