"""What decides about records, and what all who deliver them in a worker share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from connector.core.event import LARGEST_RECORD_BYTES
from connector.delivery.deletion import DeletionMemory
from connector.delivery.flow import Flow
from connector.delivery.planner import PlanRecord
from connector.delivery.ports import Account, DeadLetterSink, Dice, Sender
from connector.delivery.response_rules import ResponseRules
from connector.delivery.retry import RetryPolicy
from connector.delivery.stats import DeliveryStats
from connector.delivery.trail import Trail


class Configuration(NamedTuple):
    """What decides about records: replaced as a whole when the destination file or the key changes.

    version         of the destination file, the same in every worker
    generation      counts the replacements in this process
    largest_record  in bytes; larger ones are not read
    """

    destination: str
    version: str
    plan_record: PlanRecord
    rules: ResponseRules = ResponseRules()
    discards: bool = False
    generation: int = 0
    largest_record: int = LARGEST_RECORD_BYTES


@dataclass(slots=True, kw_only=True)
class Context:
    """What all dispatchers of a worker share."""

    configuration: Configuration
    sender: Sender
    account: Account
    dead_letters: DeadLetterSink
    dice: Dice
    clock: Callable[[], float]  # monotonic seconds, as of the very moment: a lease depends on it
    wall_clock: Callable[[], float]  # epoch seconds
    policy: RetryPolicy
    flow: Flow
    most_in_flight: int
    most_per_lane: int
    stats: DeliveryStats
    deletions: DeletionMemory | None = None  # none: deletions are not remembered
    trail: Trail | None = None  # none: nobody follows the records
