"""Write what is done above a watermark into the metadata of a commit, and read it back.

    1:<open>.<done>,<open>.<done>,…;<version>:<offset>.<tasks>,…

First the completed offsets: lengths in hexadecimal from the watermark upwards, so many offsets still to be
done, then so many completed, and so on. Behind the semicolon, where there are any, records of which some
requests are done and others wait: the version of the configuration that planned them, and for each its
offset, counted from the watermark, and the number of its tasks that are done.

Kafka keeps 4096 bytes of metadata by default (offset.metadata.max.bytes); what does not fit is cut, which
only means more repeated requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from connector.delivery.offsets import Run

VERSION: Final = "1:"
LONGEST: Final = 4000  # characters
LONGEST_BEGUN: Final = 1000  # of these

_PAIR = re.compile(r"[0-9a-f]{1,16}\.[0-9a-f]{1,16}")
_CONFIG_VERSION = re.compile(r"[\w.-]{1,64}")


class OffsetMap(NamedTuple):
    """What an earlier owner left behind above its watermark.

    completed  runs of offsets that need not be worked on
    begun      offset -> number of tasks done, for records begun under the configuration `version`
    """

    completed: list[Run]
    begun: dict[int, int]
    version: str


NOTHING: Final = OffsetMap([], {}, "")


def encode_map(
    watermark: int,
    completed: Iterable[Run],
    begun: Mapping[int, int] | None = None,
    version: str = "",
    *,
    longest: int = LONGEST,
) -> str:
    """Write runs that lie above the watermark, ascending, and begun records; the empty text for nothing."""
    tail = _begun_text(watermark, begun, version, min(longest - len(VERSION), LONGEST_BEGUN)) if begun else ""
    parts: list[str] = []
    size, position = len(VERSION) + len(tail) - 1, watermark
    for run in completed:
        part = f"{run.first - position:x}.{run.last - run.first + 1:x}"
        size += len(part) + 1
        if size > longest:
            break
        parts.append(part)
        position = run.last + 1
    return VERSION + ",".join(parts) + tail if parts or tail else ""


def _begun_text(watermark: int, begun: Mapping[int, int], version: str, longest: int) -> str:
    text = f";{version}:"
    pairs = []
    size = len(text) - 1
    for offset in sorted(begun):
        pair = f"{offset - watermark:x}.{begun[offset]:x}"
        size += len(pair) + 1
        if size > longest:
            break
        pairs.append(pair)
    return text + ",".join(pairs) if pairs else ""


def decode_map(watermark: int, text: str | None) -> OffsetMap:
    """Read a map back; a text that is not ours means that nothing is known."""
    if not text or not text.startswith(VERSION):
        return NOTHING
    runs_text, _, begun_text = text.removeprefix(VERSION).partition(";")
    version, _, pairs_text = begun_text.partition(":")
    runs, begun = _pairs(runs_text), _pairs(pairs_text)
    if runs is None or begun is None or (begun and not _CONFIG_VERSION.fullmatch(version)):
        return NOTHING
    completed: list[Run] = []
    position = watermark
    for skipped, length in runs:
        if length == 0:
            return NOTHING
        first = position + skipped
        position = first + length
        completed.append(Run(first, position - 1))
    return OffsetMap(completed, {watermark + offset: done for offset, done in begun}, version)


def _pairs(text: str) -> list[tuple[int, int]] | None:
    if not text:
        return []
    found = []
    for pair in text.split(","):
        if not _PAIR.fullmatch(pair):
            return None
        first, _, second = pair.partition(".")
        found.append((int(first, 16), int(second, 16)))
    return found
