"""The reasons of /ready and /live: a closed set of codes, each with a text for people (docs/health.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from connector.delivery.gate import Closed, Shut
from connector.delivery.liveness import HealthReason, ReaderVitals
from connector.edges.batch_reader import BatchReader


class Unready(StrEnum):
    """Why a worker is not ready, beside the reasons of the gate (Shut). Stable: codes of /ready."""

    NOT_ASSIGNED = "not_assigned"
    CONFIGURATION_BROKEN = "configuration_broken"


READY_CODES: Final = frozenset[str]((*Unready, *Shut))

_SHUT_TEXTS: Final[Mapping[Shut, str]] = {
    Shut.OUTAGE: "Encharge is out; it is tried again by itself",
    Shut.CREDENTIALS: "Encharge refuses the key; it is tried again by itself, and when its file changes",
    Shut.FLOOD: "too many dead letters; `encharge-connector resume` goes on",
    Shut.PAUSED: "paused by command; `encharge-connector resume` goes on",
    Shut.DISABLED: "the destination is disabled in its file and holds what comes",
}


def not_assigned(readers: Iterable[BatchReader]) -> list[HealthReason]:
    """Give a reason for each reader that has no assignment, or is in a rebalance."""
    text = "no partitions are assigned, or a rebalance goes on"
    return [
        HealthReason(Unready.NOT_ASSIGNED, text, reader.topic) for reader in readers if not reader.is_reading
    ]


def shut_reasons(closed: Mapping[Shut, Closed]) -> list[HealthReason]:
    """Give a reason for everything for which nothing is sent."""
    return [
        HealthReason(reason, f"{_SHUT_TEXTS[reason]} ({why.detail})" if why.detail else _SHUT_TEXTS[reason])
        for reason, why in closed.items()
    ]


def as_json(reason: HealthReason) -> dict[str, Any]:
    """Write a reason; one that is about no topic has none."""
    facts = {"code": str(reason.code), "text": reason.text}
    return {**facts, "topic": reason.topic} if reason.topic else facts


def short(reason: HealthReason) -> str:
    """Write a reason as heartbeats have it: the code, and the topic behind a colon."""
    return f"{reason.code}:{reason.topic}" if reason.topic else str(reason.code)


def reader_vitals(reader: BatchReader, ended_agents: Iterable[str], stage: str) -> ReaderVitals:
    """Give what is seen of a reader; the agent that takes its batches is named after its stage."""
    ended = [*reader.ended, *(f"agent {name}" for name in ended_agents if name == stage)]
    return ReaderVitals(reader.topic, reader.is_reading, reader.polled_s, reader.revoking_s, ended)
