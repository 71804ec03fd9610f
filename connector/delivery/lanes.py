"""All lanes of an assignment: which are ready to be served, which wait, which hold too much.

    add, admit -> ready -> (being served) -> settled -> … -> gone when empty
                    ^            |
                    |            +-> waiting (for a retry) --+
                    |            +-> blocked (an alias, not yet its turn in the other lane)
                    +----------------------------------------+

An alias belongs to two people. It stands in both lanes; the one in which it comes first is blocked, and it is
served by the other, once it has come first there, too. Both wait for it. Records enter both lanes in the same
moment, so no two aliases can wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from connector.delivery.lane import Lane, Work
from connector.delivery.ready import ReadyLanes
from connector.delivery.record import Record


class Lanes:
    """Lanes by key; `most_works` is how many records a lane may hold before its partition should pause."""

    def __init__(self, most_works: int) -> None:
        self._most_works = most_works
        self._lanes: dict[object, Lane] = {}
        self._full: set[Lane] = set()
        self._waiting: dict[Lane, None] = {}  # in the order in which they began to wait
        self._new: list[Lane] = []
        self.ready = ReadyLanes()

    def __len__(self) -> int:
        return len(self._lanes)

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def add(self, work: Work, key: object, second_key: object = None) -> None:
        """Put a record at the end of its person's lane, an alias also at the end of the second person's."""
        lane = self._put(work, key)
        if second_key is not None and second_key != key:
            work.lanes = lane, self._put(work, second_key)

    def admit(self) -> None:
        """Make the lanes ready that were added since; how long each is decides where it queues."""
        for lane in self._new:
            self.ready.append(lane)
        self._new.clear()

    def _put(self, work: Work, key: object) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
            self._new.append(lane)
        lane.works.append(work)
        if len(lane.works) > self._most_works:
            self._full.add(lane)
        return lane

    def turn(self, lane: Lane) -> Work | None:
        """Give the record whose turn it is in a lane; None when it is blocked, and then it is put aside."""
        work = lane.works[0]
        if work.lanes is not None:
            other = _other(work.lanes, lane)
            if not other.blocked or other.works[0] is not work:
                lane.blocked = True
                return None
        return work

    def settled(self, lane: Lane) -> bool:
        """Take the first record out of its lane or lanes; False when the lane is empty and gone."""
        work = lane.works.popleft()
        if work.lanes is not None:
            other = _other(work.lanes, lane)
            other.works.popleft()
            if self._is_left(other) and other.blocked:
                self.ready.append(other)
            other.blocked = False
        return self._is_left(lane)

    def wait(self, lane: Lane) -> None:
        """Put a lane aside until `wake`."""
        self._waiting[lane] = None

    def wake(self, lane: Lane) -> None:
        """Make a waiting lane ready."""
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None
        if self._waiting.pop(lane, self) is None:
            self.ready.append(lane)

    def wake_all(self, now_s: float) -> None:
        """Make all waiting lanes ready, but those that Encharge asked to wait."""
        for lane in list(self._waiting):
            if lane.told_until_s <= now_s:
                self.wake(lane)

    def wake_longest(self, now_s: float) -> None:
        """Make the lane ready that has waited longest, if any waits that Encharge did not ask to."""
        lane = next((each for each in self._waiting if each.told_until_s <= now_s), None)
        if lane is not None:
            self.wake(lane)

    @property
    def waiting(self) -> AbstractSet[Lane]:
        """The lanes that wait for a retry."""
        return self._waiting.keys()

    @property
    def full(self) -> Mapping[tuple[str, int], int]:
        """Partitions (topic and number) with a lane that holds too much, and how much that is."""
        return {_place(lane.works[-1].record): len(lane.works) for lane in self._full}

    def _is_left(self, lane: Lane) -> bool:
        count = len(lane.works)
        # Half empty before it is read on, or its partition would pause at every record.
        if self._full and count <= self._most_works // 2:
            self._full.discard(lane)
        if not count:
            del self._lanes[lane.key]
        return count > 0


def _other(lanes: tuple[Lane, Lane], lane: Lane) -> Lane:
    first, second = lanes
    return second if first is lane else first


def _place(record: Record) -> tuple[str, int]:
    return record.topic, record.partition
