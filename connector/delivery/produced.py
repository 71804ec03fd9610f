"""When a record was produced, for the delay from there to Encharge."""

from __future__ import annotations

from connector.delivery.dead_letter import SOURCE_HEADER
from connector.delivery.record import Record


def produced_at(record: Record) -> float:
    """Give the time that Kafka has for the record's first appearance, in epoch seconds.

    The ingest stage writes the time of the source record behind all other headers. A record without that was
    read from where it was produced, or redriven: then it counts from its redrive, as the delay before that
    was somebody's decision.
    """
    headers = record.headers
    if headers:
        name, value = headers[-1]
        if name == SOURCE_HEADER and value:
            milliseconds = value[value.rfind(b"/") + 1 :]
            # Anybody can write such a header; a source record without a time has -1.
            if milliseconds.isdigit() and len(milliseconds) < 16:
                return int(milliseconds) / 1000
    return record.timestamp / 1000
