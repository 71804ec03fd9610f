"""A report of `status` as text; the JSON is the report itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import click

from connector.delivery.waits import duration
from connector.edges.status_report import GroupStatus, PartitionStatus, Report, WorkerStatus

Style: TypeAlias = Mapping[str, Any]
Line: TypeAlias = tuple[str, Style]

MOST_ROWS: Final = 40  # partitions that are behind
STALE_S: Final = 2.0  # age of a heartbeat from which on it is told

PLAIN: Final[Style] = {}
BOLD: Final[Style] = {"bold": True}
RED: Final[Style] = {"fg": "red"}
GREEN: Final[Style] = {"fg": "green"}
YELLOW: Final[Style] = {"fg": "yellow"}


def lines(report: Report) -> Iterator[str]:
    """Give the lines, with colours; findings come first, as they say what to do."""
    for text, style in _lines(report):
        # Anybody who may write to the control topic has a say in this; a terminal must not obey them.
        clean = "".join(char if char.isprintable() else "?" for char in text)
        yield click.style(clean, **style) if style else clean


def _lines(report: Report) -> Iterator[Line]:
    yield f"{datetime.fromtimestamp(report.at).astimezone():%Y-%m-%d %H:%M:%S %Z}, {report.kafka}", PLAIN
    if report.findings:
        yield from ((f"! {finding.text}", RED) for finding in report.findings)
    else:
        yield "nothing is stuck", GREEN
    yield from ((f"note: {note}", YELLOW) for note in report.notes)
    for group in report.groups:
        yield "", PLAIN
        yield from _group(group)
    yield "", PLAIN
    yield from _workers(report.workers)


def _group(group: GroupStatus) -> Iterator[Line]:
    count = len(group.partitions)
    age = "" if group.oldest_age_s is None else f", the oldest since {duration(group.oldest_age_s)}"
    members = f"{group.members} member{'' if group.members == 1 else 's'}"
    what = f"{group.stage} {group.topic}: lag {group.lag:,}{age}"
    yield f"{what}; {count} partitions, {group.state}, {members} ({group.group})", BOLD
    behind = [each for each in group.partitions if each.lag]
    if behind:
        header = ("partition", "committed", "end", "lag", "above", "oldest", "held", "worker", "waits for")
        shown = behind
        if len(behind) > MOST_ROWS:
            oldest = sorted(behind, key=lambda each: -(each.oldest_age_s or 0.0))[:MOST_ROWS]
            shown = sorted(oldest, key=lambda each: each.partition)
        yield from ((line, PLAIN) for line in _table(header, [_cells(each) for each in shown], right=7))
        if len(behind) > MOST_ROWS:
            yield f"  the {MOST_ROWS} oldest of {len(behind)} that are behind; --json has all", PLAIN


def _cells(each: PartitionStatus) -> tuple[str, ...]:
    return (
        str(each.partition),
        "never" if each.committed is None else f"{each.committed:,}",
        f"{each.end:,}",
        f"{each.lag:,}",
        f"{each.settled_above:,}",
        "?" if each.oldest_age_s is None else duration(each.oldest_age_s),
        "" if each.held is None else f"{each.held:,}",
        each.worker or "nobody",
        "" if each.waits_for is None else _waits_for(each.waits_for),
    )


def _waits_for(told: Mapping[str, Any]) -> str:
    as_of_s = told.get("as_of_s", 0.0)
    return f"{told['text']} (said {duration(as_of_s)} ago)" if as_of_s >= STALE_S else str(told["text"])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: int) -> Iterator[str]:
    """Lay out columns, the first so many to the right."""
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
    for row in (header, *rows):
        cells = [
            cell.rjust(width) if n < right else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield ("  " + "  ".join(cells)).rstrip()


def _workers(workers: Sequence[WorkerStatus]) -> Iterator[Line]:
    if not workers:
        yield "workers: none has been heard", PLAIN
        return
    yield "workers", BOLD
    for worker in workers:
        facts = worker.facts
        if worker.silent:
            yield f"  {worker.instance}: silent since {duration(worker.heard_s)}", YELLOW
            continue
        up = duration(_number(facts, "at") - _number(facts, "started_at"))
        version = f", configuration {facts['config_version']}" if facts.get("config_version") else ""
        web = f", http://{facts['web']}" if facts.get("web") else ""
        yield (
            f"  {worker.instance}: {facts.get('role')}, up {up}, {facts.get('version')}{version}{web}",
            PLAIN,
        )
        yield f"    {_flow(facts)}{_counts(facts)}", PLAIN
        stuck = facts.get("stuck")
        if isinstance(stuck, int) and stuck > 0:
            yield f"    partitions that do not move: {stuck}", YELLOW
        not_ready = facts.get("not_ready")
        if isinstance(not_ready, list) and not_ready:
            yield f"    not ready: {', '.join(map(str, not_ready))}", YELLOW


def _flow(facts: Mapping[str, Any]) -> str:
    limiter = facts.get("limiter")
    if not isinstance(limiter, dict):
        return ""
    pace = "no limit of pace" if limiter.get("per_s") is None else f"{limiter['per_s']}/s"
    return (
        f"in flight {limiter.get('in_flight')} of {limiter.get('window')}, {pace},"
        f" failing persons {facts.get('failing_persons', 0)}; "
    )


def _counts(facts: Mapping[str, Any]) -> str:
    counts = facts.get("counts")
    if not isinstance(counts, dict):
        return ""
    names = ("forwarded", "received", "settled", "filtered", "delivered", "retries")
    shown = [f"{name} {counts[name]:,}" for name in names if isinstance(counts.get(name), int)]
    letters = counts.get("dead_letters")
    told = (
        ", ".join(f"{code} {count}" for code, count in letters.items()) if isinstance(letters, dict) else ""
    )
    return ", ".join([*shown, f"dead letters {told or 0}"])


def _number(facts: Mapping[str, Any], name: str) -> float:
    value = facts.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0
