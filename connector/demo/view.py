"""What the demo shows while it runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from connector.demo.judge import Verdict

PLAIN_EVERY_S = 2.0


@dataclass(slots=True)
class State:
    """What is known at the moment."""

    total: int
    produced: int = 0
    accepted: int = 0
    dead_letters: int = 0
    lag: int = 0
    rate: float = 0.0  # accepted events a second
    workers: dict[str, str] = field(default_factory=dict)
    news: str = ""


class View:
    """Shows the state; use as a context manager."""

    def __init__(self, total: int, *, to_stderr: bool = False) -> None:
        self.state = State(total)
        self.console = Console(file=sys.stderr if to_stderr else sys.stdout)
        self._is_live = self.console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description:10}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn()
        )
        self._bars = {name: self._progress.add_task(name, total=total) for name in ("produced", "delivered")}
        self._live = Live(console=self.console, refresh_per_second=8, transient=True)
        self._told_at_s = 0.0
        self._last = (time.monotonic(), 0)

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_live:
            self._live.__exit__(kind, error, trace)

    def say(self, text: str) -> None:
        """Tell something once."""
        self.state.news = text
        self.console.print(f"[bold]·[/] {text}", highlight=False, soft_wrap=True)

    def refresh(self) -> None:
        """Show the state as it is now."""
        now_s, state = time.monotonic(), self.state
        since_s, before = self._last
        if now_s - since_s >= 1.0:
            state.rate = (state.accepted - before) / (now_s - since_s)
            self._last = (now_s, state.accepted)
        if self._is_live:
            self._progress.update(self._bars["produced"], completed=state.produced)
            self._progress.update(
                self._bars["delivered"], completed=min(state.accepted + state.dead_letters, state.total)
            )
            self._live.update(Group(self._progress, Text(self._line())))
        elif now_s - self._told_at_s >= PLAIN_EVERY_S:
            self._told_at_s = now_s
            self.console.print(
                f"  produced {state.produced}/{state.total}, accepted {state.accepted}, {self._line()}",
                highlight=False,
                soft_wrap=True,
            )

    def _line(self) -> str:
        state = self.state
        workers = ", ".join(f"{name} {what}" for name, what in state.workers.items())
        counts = f"{state.rate:.0f} events/s, lag {state.lag}, dead letters {state.dead_letters}"
        return f"{counts}, workers: {workers}"

    def show(self, verdict: Verdict, *, bound: int) -> None:
        """Print the verdict as a table."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_row("produced", str(verdict.produced))
        table.add_row("accepted", str(verdict.accepted))
        table.add_row("dead-lettered", str(sum(verdict.dead_letters.values())))
        for code, count in sorted(verdict.dead_letters.items()):
            table.add_row(f"  {code}", str(count))
        table.add_row("lost", str(len(verdict.lost)))
        table.add_row("duplicates", f"{verdict.duplicates} (at most {bound} after one SIGKILL)")
        table.add_row("order violations", str(len(verdict.violations)))
        table.add_row("wrong", str(len(verdict.wrong)))
        table.add_row("produce to acceptance", f"p50 {verdict.p50_s:.2f} s, p99 {verdict.p99_s:.2f} s")
        self.console.print(table, highlight=False)
        for name, ids in (
            ("lost", verdict.lost),
            ("violation", verdict.violations),
            ("wrong", verdict.wrong),
        ):
            for id_ in ids[:10]:
                self.console.print(f"  {name}: {id_}", highlight=False)
