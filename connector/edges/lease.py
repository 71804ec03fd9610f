"""Until when a worker may be sure that its partitions are its own.

The group gives partitions away when a member was silent for the session timeout, counted from the last
heartbeat that the broker received. We only know when we sent it, which is earlier, so the lease ends no later
than the session. A worker that was frozen, cut off or fenced finds its lease over before it sends anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer

from connector.edges.aiokafka_internals import heartbeat, note_heartbeats

Clock = Callable[[], float]


class Lease:
    """One membership's lease; `until_s` is monotonic and moves with every heartbeat that is answered."""

    def __init__(self, session_timeout_s: float, clock: Clock = time.monotonic) -> None:
        self._session_timeout_s, self._clock = session_timeout_s, clock
        self._until_s = 0.0
        self._watched: AIOKafkaConsumer | None = None

    def until_s(self) -> float:
        """Give the end of the lease, in monotonic seconds."""
        return self._until_s

    async def begin(self, consumer: AIOKafkaConsumer) -> None:
        """Make sure of the membership at the beginning of an assignment.

        aiokafka's first heartbeat comes only after an interval; nothing could be sent until then.
        """
        if self._watched is not consumer:
            note_heartbeats(consumer, self._clock, self._confirmed)
            self._watched = consumer
        await heartbeat(consumer)

    def end(self) -> None:
        """Note that the partitions are not ours any more."""
        self._until_s = 0.0

    def _confirmed(self, sent_s: float) -> None:
        self._until_s = max(self._until_s, sent_s + self._session_timeout_s)
