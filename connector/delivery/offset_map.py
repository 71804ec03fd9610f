"""Write the completed offsets above a watermark into the metadata of a commit, and read them back.

Text: `1:<open>.<done>,<open>.<done>,…`, lengths in hexadecimal from the watermark upwards: so many
offsets still to be done, then so many completed, and so on. Kafka keeps 4096 bytes of metadata by
default (offset.metadata.max.bytes); what does not fit is cut, which only means more repeated requests.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.delivery.offsets import Run

VERSION = "1:"
LONGEST = 4000  # characters


def encode_map(watermark: int, completed: Iterable[Run], *, longest: int = LONGEST) -> str:
    """Write runs that lie above the watermark, ascending; the empty text for none."""
    parts: list[str] = []
    size, position = len(VERSION) - 1, watermark
    for run in completed:
        part = f"{run.first - position:x}.{run.last - run.first + 1:x}"
        size += len(part) + 1
        if size > longest:
            break
        parts.append(part)
        position = run.last + 1
    return VERSION + ",".join(parts) if parts else ""


def decode_map(watermark: int, text: str | None) -> list[Run]:
    """Read runs back; a text that is not ours means that nothing is known to be completed."""
    if not text or not text.startswith(VERSION):
        return []
    runs: list[Run] = []
    position = watermark
    try:
        for part in text.removeprefix(VERSION).split(","):
            skipped, _, length = part.partition(".")
            first = position + int(skipped, 16)
            position = first + int(length, 16)
            if first < watermark or position <= first:
                return []
            runs.append(Run(first, position - 1))
    except ValueError:
        return []
    return runs
