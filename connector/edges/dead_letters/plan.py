"""Decides which letters a redrive sends, and tells why it leaves the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from connector.core import Destination
from connector.delivery.letter import Letter, Selection, State
from connector.delivery.redrive import Outlook, Prospect, outlook_of
from connector.delivery.redriven import control_key
from connector.edges.dead_letters.reader import DeadLetterReader, Progress, Scanned
from connector.errors import UnreadableRecord
from connector.ingest.routing import route
from connector.settings import Settings


@dataclass(slots=True)
class RedrivePlan:
    """The letters to send, and how many are left for which reason.

    chosen      partition -> offsets, ascending
    to_source   how many of them go to the source topic
    left        prospect -> letters that would come to nothing; they stay where they are
    too_often   letters that came back as often as is allowed
    over_limit  letters that could be sent, beyond the limit
    control     values of the control topic that were looked at, of partitions of an earlier topic
    """

    destination: str
    chosen: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    to_source: int = 0
    left: Counter[Prospect] = field(default_factory=Counter)
    redriven: int = 0
    suppressed: int = 0
    too_often: int = 0
    over_limit: int = 0
    control: dict[str, Any] = field(default_factory=dict)
    scanned: Scanned = field(default_factory=Scanned)

    @property
    def count(self) -> int:
        """How many letters are to be sent."""
        return sum(map(len, self.chosen.values()))


async def plan_redrive(
    settings: Settings,
    destination: Destination,
    selection: Selection,
    *,
    limit: int | None,
    max_redrives: int,
    progress: Progress,
) -> RedrivePlan:
    """Choose letters, in the order of the dead-letter partitions.

    Raises: OperationalError
    """
    plan = RedrivePlan(destination.id)
    count = 0
    async with DeadLetterReader(settings, destination.id) as reader:
        async for letter, state in reader.scan(selection, plan.scanned, progress):
            if state is State.REDRIVEN:
                plan.redriven += 1
            elif state is State.SUPPRESSED:
                plan.suppressed += 1
            elif letter.redrives >= max_redrives:
                plan.too_often += 1
            elif not (outlook := outlook_today(letter, destination, settings)).prospect.is_good:
                plan.left[outlook.prospect] += 1
            elif limit is not None and count >= limit:
                plan.over_limit += 1
            else:
                plan.chosen[letter.place.partition].append(letter.place.offset)
                plan.to_source += goes_to_source(letter, settings)
                count += 1
        for partition in plan.scanned.made_anew:
            key = control_key(reader.topic, partition)
            plan.control[key] = reader.control.get(key)
    return plan


def outlook_today(letter: Letter, destination: Destination, settings: Settings) -> Outlook:
    """Tell what would become of a letter that is redriven now, of either stage."""
    if goes_to_source(letter, settings):
        try:
            routed = route(
                letter.value, unidentified=settings.unidentified, largest=settings.max_record_bytes
            )
        except UnreadableRecord as error:
            return Outlook(Prospect.UNREADABLE, error.message)
        return Outlook(Prospect.FORWARDED, f"{len(routed)} event{'s' if len(routed) != 1 else ''}")
    return outlook_of(letter, destination, largest=settings.max_record_bytes)


def goes_to_source(letter: Letter, settings: Settings) -> bool:
    """Tell whether the ingest stage has to take a letter again."""
    return letter.is_of_ingest and settings.partitioning == "repartition"
