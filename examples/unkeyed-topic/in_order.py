"""Sorts events by their time, for one pass over what lies on a topic that is not keyed by person.

Reads JSON Lines, a record a line, and writes the same lines again, the earliest first. Lines of one time keep
their order, and one without a time stays behind the line before it. All of it is held in memory.

    ... | python examples/unkeyed-topic/in_order.py | encharge-connector send - --topic segment.events.ordered

docs/integrations/unkeyed-topics.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

TIMES: Final = ("timestamp", "originalTimestamp", "receivedAt", "sentAt")
FIRST: Final = datetime.min.replace(tzinfo=UTC)


def in_order(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Give the lines by the time of their event; of an envelope by that of its first event."""
    timed: list[tuple[datetime, bytes]] = []
    latest = FIRST
    for line in lines:
        if line.strip():
            latest = _time(line) or latest
            timed.append((latest, line.rstrip(b"\r\n")))
    timed.sort(key=lambda each: each[0])
    return (line for _, line in timed)


def _time(line: bytes) -> datetime | None:
    try:
        record: Any = json.loads(line)
    except ValueError:
        return None  # the connector will make a dead letter of it
    events = record.get("batch") if isinstance(record, dict) else None
    event = events[0] if isinstance(events, list) and events else record
    for name in TIMES:
        value = event.get(name) if isinstance(event, dict) else None
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


if __name__ == "__main__":
    for each in in_order(sys.stdin.buffer):
        sys.stdout.buffer.write(each + b"\n")
