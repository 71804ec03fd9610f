"""Which fault comes next: a function of the seed alone, so that a run can be had again.

Faults come in three lanes that know nothing of each other, so what happens to workers and Kafka meets what
Encharge and the network do, and what operators do. Within a lane one fault is over before the next begins.
When exactly each begins is left to the machine: a lane goes on when the group has come back.
"""

import random
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of fault: how often it is chosen against others of its lane, and how its figures are drawn."""

    name: str
    weight: float
    figures: dict = MappingProxyType({})  # figure -> (least, most), both numbers of the same type

    def draw(self, dice):
        drawn = {}
        for name, (least, most) in self.figures.items():
            whole = isinstance(least, int)
            drawn[name] = dice.randint(least, most) if whole else round(dice.uniform(least, most), 2)
        return drawn


SESSION_S = 6.0  # of the workers' consumer groups

GROUP = (
    Kind("kill", 6),
    Kind("replace", 5),
    Kind("join_and_leave", 3, {"stays_s": (0.0, 6.0)}),
    Kind("kill_others", 2),
    Kind("freeze_short", 3, {"lasts_s": (0.5, SESSION_S / 2)}),
    Kind("freeze_long", 2, {"lasts_s": (SESSION_S + 3, SESSION_S + 9)}),
    Kind("broker_kill", 2),
    Kind("broker_restart", 1),
    Kind("kafka_cut", 4, {"times": (1, 5)}),
    Kind("kafka_slow", 2, {"latency_s": (0.05, 0.4), "lasts_s": (3.0, 8.0)}),
    Kind("kafka_silent_short", 2, {"lasts_s": (0.5, SESSION_S / 2)}),
    Kind("kafka_silent_long", 1, {"lasts_s": (SESSION_S + 3, SESSION_S + 9)}),
    Kind("letters_refused", 1, {"lasts_s": (2.0, 8.0)}),
    Kind("transactions", 1, {"count": (2, 8)}),
)

# Only when the worker that is kept for its memory may go as well.
ENDGAME = (Kind("kill_all", 2), Kind("replace_all", 1))

ENCHARGE = (
    Kind("outage", 3, {"lasts_s": (2.0, 12.0)}),
    Kind("stall", 3, {"lasts_s": (2.0, 14.0)}),
    Kind("unauthorized", 2, {"lasts_s": (1.0, 8.0)}),
    Kind("errors", 3, {"share": (0.01, 0.3), "lasts_s": (3.0, 12.0)}),
    Kind("unavailable", 2, {"share": (0.01, 0.5), "lasts_s": (3.0, 12.0)}),
    Kind("throttled", 3, {"share": (0.02, 0.5), "lasts_s": (3.0, 12.0)}),
    Kind("limited", 2, {"most_per_s": (30, 150), "lasts_s": (3.0, 12.0)}),
    Kind("resets", 3, {"share": (0.01, 0.3), "lasts_s": (3.0, 12.0)}),
    Kind("lost_replies", 2, {"share": (0.005, 0.05), "lasts_s": (3.0, 10.0)}),
    Kind("hangs", 2, {"share": (0.01, 0.1), "lasts_s": (3.0, 10.0)}),
    Kind("slow", 2, {"latency_ms": (200, 1500), "lasts_s": (3.0, 12.0)}),
    Kind("everything", 2, {"share": (0.01, 0.06), "lasts_s": (4.0, 12.0)}),
    Kind("person_500", 3, {"people": (1, 6), "lasts_s": (3.0, 15.0)}),
    Kind("person_400", 2, {"people": (1, 3), "lasts_s": (2.0, 6.0)}),
    Kind("wire_cut", 4, {"times": (1, 5)}),
    Kind("wire_cut_replies", 2, {"after_bytes": (1, 400), "lasts_s": (0.3, 2.0)}),
    Kind("wire_slow", 2, {"latency_s": (0.05, 0.8), "lasts_s": (3.0, 10.0)}),
    Kind("wire_silent", 3, {"lasts_s": (0.5, 10.0)}),
    Kind("wire_half_open", 2, {"lasts_s": (0.5, 4.0)}),
    Kind("wire_refused", 2, {"lasts_s": (1.0, 8.0)}),
    Kind("wire_trickle", 2, {"pause_s": (0.002, 0.05), "lasts_s": (1.0, 6.0)}),
)

OPERATOR = (
    Kind("another_file", 3),
    Kind("broken_file", 2, {"lasts_s": (2.0, 6.0)}),
    Kind("another_key", 2, {"late_s": (0.0, 4.0)}),
    Kind("pause", 2, {"lasts_s": (1.0, 8.0)}),
    Kind("hostile_burst", 3, {"count": (5, 40)}),
    Kind("busy_person", 3, {"count": (100, 800)}),
)

LANES = {
    "group": (GROUP, (1.0, 7.0)),
    "encharge": (ENCHARGE, (1.0, 6.0)),
    "operator": (OPERATOR, (5.0, 20.0)),
}


@dataclass(slots=True)
class Fault:
    """One fault of a run; the times are seconds since its begin."""

    lane: str
    number: int
    kind: str
    gap_s: float  # from the end of the fault before
    figures: dict = field(default_factory=dict)
    chance: int = 0  # of dice for whom it strikes
    begun_s: float | None = None
    ended_s: float | None = None
    note: str = ""

    def dice(self):
        return random.Random(self.chance)


def faults(seed, lane):
    """Give the faults of a lane, without an end; those of the endgame come from `endgame`."""
    return _drawn(seed, lane, *LANES[lane])


def endgame(seed):
    """Give the faults of the group's lane for the last part of a run."""
    _, gaps = LANES["group"]
    return _drawn(seed, "endgame", (*GROUP, *ENDGAME), gaps)


def _drawn(seed, lane, kinds, gaps):
    dice = random.Random(f"{seed}/{lane}")
    weights = [kind.weight for kind in kinds]
    number = 0
    # Every kind comes once before any comes by chance, so that a run of some length has had them all.
    waiting = dice.sample(kinds, len(kinds))
    while True:
        number += 1
        kind = waiting.pop() if waiting else dice.choices(kinds, weights)[0]
        yield Fault(
            lane, number, kind.name, round(dice.uniform(*gaps), 2), kind.draw(dice), dice.randrange(2**32)
        )
