"""A Kafka record as delivery sees it; the consumer's own class fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Partition(Protocol):
    """Topic and number of a partition; hashable."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...


class Record(Partition, Protocol):
    """One record; `timestamp` is in milliseconds since the epoch."""

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
    @property
    def timestamp(self) -> int: ...
