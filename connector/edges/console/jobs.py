"""Runs our own commands beside the worker: what is long or heavy does not hold its event loop.

A job does exactly what the command does, with the environment of the worker but for the console token. It
is a process in a session of its own; it never sees a terminal, a shell or our standard input.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson
import structlog

from connector.edges.clocks import wall_clock
from connector.edges.console.masking import MASK
from connector.edges.log_redaction import LogRedaction
from connector.errors import OperationalError

MOST_RUNNING: Final = 4
MOST_REMEMBERED: Final = 20
MOST_OUT_BYTES: Final = 1024 * 1024
MOST_LINES: Final = 40  # of standard error, the newest
LONGEST_READ: Final = 4000  # characters of such a line that are looked at
LONGEST_LINE: Final = 500  # characters of it that are shown
HALF_A_SECRET: Final = 500  # characters
KILL_AFTER_S: Final = 20.0  # a replay finishes what is under way before it ends
CLOSE_S: Final = 5.0  # that all have together when the worker ends
NICER: Final = 5
COMMAND: Final = (sys.executable, "-m", "connector")

_CHUNK: Final = 64 * 1024
_NOT_FOR_JOBS: Final = "CONNECTOR_CONSOLE_TOKEN"  # and …_FILE

_ENDED_EARLY: Final = ("cancelled", "stopped")  # what `replay run` says of itself

State = Literal["running", "done", "failed", "cancelled"]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Job:
    """One command that was started.

    kind        what it is, for whoever shows it
    title       what it does; never a person's data
    arguments   behind `encharge-connector`
    private     texts among the arguments that may be a person's data
    context     what its page needs besides
    code        exit code, None while it runs
    lines       the lines of JSON that it printed
    is_cut      whether it printed more than is kept
    errors      the newest lines of its standard error, redacted as the log is
    followed_by id of the job that was started of it by a second click
    """

    id: str
    kind: str
    title: str
    arguments: Sequence[str] = field(repr=False)
    started_at: float
    private: Sequence[str] = field(default=(), repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    state: State = "running"
    code: int | None = None
    ended_at: float | None = None
    lines: list[Any] = field(default_factory=list, repr=False)
    is_cut: bool = False
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES), repr=False)
    followed_by: str = ""

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.state == "running"

    @property
    def result(self) -> Mapping[str, Any]:
        """The last object that it printed; empty when there is none."""
        return next((line for line in reversed(self.lines) if isinstance(line, dict)), {})

    def told(self, *, reveals: bool) -> list[str]:
        """Give the lines of its standard error, for eyes that may see a person's data or may not."""
        hidden = [] if reveals else sorted(filter(None, self.private), key=len, reverse=True)
        return [_without(line, hidden)[:LONGEST_LINE] for line in self.errors]


class Jobs:
    """Starts jobs, and remembers the last ones.

    secrets  values that are kept out of what is remembered
    command  what the arguments are put behind
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        secrets: Iterable[str] = (),
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._environment = {
            name: value for name, value in environment.items() if not name.startswith(_NOT_FOR_JOBS)
        }
        self._redaction = LogRedaction(secrets)
        self._command = tuple(command)
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancelled: set[str] = set()
        self._killers: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._closed = False

    def know(self, secrets: Iterable[str]) -> None:
        """Keep these values, too, out of what is remembered from now on."""
        self._redaction.know(secrets)

    def all(self, *kinds: str) -> list[Job]:
        """Give the jobs that are remembered, of some kinds or of all, the newest first."""
        return [job for job in reversed(self._jobs.values()) if not kinds or job.kind in kinds]

    def get(self, id_: str) -> Job | None:
        """Give one job; None for one that is not remembered."""
        return self._jobs.get(id_)

    def running(self, *kinds: str) -> list[Job]:
        """Give those that have not ended."""
        return [job for job in self.all(*kinds) if job.is_running]

    async def start(
        self,
        kind: str,
        arguments: Sequence[str],
        title: str,
        *,
        private: Sequence[str] = (),
        context: Mapping[str, Any] | None = None,
        follows: Job | None = None,
        is_alone: bool = False,
        is_nice: bool = True,
    ) -> Job:
        """Start a command, or give the job that the same second click has started already.

        follows   the job of the first click; when what it is followed by failed, it may be followed again
        is_alone  whether no other of its kind may run
        is_nice   whether others come first; not for a command that sees to that itself
        Raises: OperationalError when too many run, or it cannot be started
        """
        async with self._starting:
            if self._closed:
                raise OperationalError("the worker ends; nothing is started any more")
            earlier = None if follows is None else self._jobs.get(follows.followed_by)
            if earlier is not None and earlier.state in ("running", "done"):
                return earlier
            if is_alone and self.running(kind):
                raise OperationalError("another one runs already; wait for it, or cancel it")
            if len(self.running()) >= MOST_RUNNING:
                raise OperationalError(
                    f"{MOST_RUNNING} jobs of this console run already; wait for one, or cancel it"
                )
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    env=self._environment,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:  # ValueError: a null character in an argument
                name = type(error).__name__
                raise OperationalError(f"the command could not be started: {name}") from error
            if is_nice:
                with suppress(OSError):  # it may have ended
                    os.setpriority(os.PRIO_PROCESS, process.pid, NICER)
            job = Job(
                secrets.token_hex(6), kind, title, tuple(arguments), wall_clock(), tuple(private),
                context or {},
            )  # fmt: skip
            if follows is not None:
                follows.followed_by = job.id
            self._jobs[job.id] = job
            self._processes[job.id] = process
            self._tasks[job.id] = asyncio.create_task(self._follow(job, process))
            self._forget_old()
        log.info("job of the console started", job=job.id, kind=kind)
        return job

    def cancel(self, id_: str) -> None:
        """Ask a job to end; it is killed when it has not after KILL_AFTER_S."""
        job = self._jobs.get(id_)
        if job is None or not job.is_running or id_ in self._cancelled:
            return
        self._cancelled.add(id_)
        self._signal(id_, signal.SIGTERM)
        killer = asyncio.create_task(self._kill_later(id_))
        self._killers.add(killer)
        killer.add_done_callback(self._killers.discard)

    async def close(self) -> None:
        """End all of them, and start none any more."""
        self._closed = True
        async with self._starting:
            tasks = list(self._tasks.values())
        for killer in tuple(self._killers):
            killer.cancel()
        for id_ in tuple(self._processes):
            self._cancelled.add(id_)
            self._signal(id_, signal.SIGTERM)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_S)
            for id_ in tuple(self._processes):
                self._signal(id_, signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        await asyncio.gather(*self._killers, return_exceptions=True)

    async def ended(self, id_: str) -> None:
        """Wait for the end of a job."""
        task = self._tasks.get(id_)
        if task is not None:
            await asyncio.wait((task,))

    async def _kill_later(self, id_: str) -> None:
        await asyncio.wait((self._tasks[id_],), timeout=KILL_AFTER_S)
        self._signal(id_, signal.SIGKILL)

    def _signal(self, id_: str, number: signal.Signals) -> None:
        process = self._processes.get(id_)
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):  # it ended in this moment
                os.killpg(process.pid, number)

    async def _follow(self, job: Job, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        out, _ = await asyncio.gather(
            _first_bytes(job, process.stdout), self._note_errors(job, process.stderr)
        )
        job.code = await process.wait()
        job.lines = _json_lines(out)
        ended_early = job.id in self._cancelled or job.result.get("state") in _ENDED_EARLY
        if job.code and ended_early:
            job.state = "cancelled"
        else:
            job.state = "failed" if job.code else "done"
        job.ended_at = wall_clock()
        self._processes.pop(job.id, None)
        self._tasks.pop(job.id, None)
        self._cancelled.discard(job.id)
        log.info("job of the console ended", job=job.id, kind=job.kind, code=job.code)

    async def _note_errors(self, job: Job, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[-_CHUNK:]
            for line in lines[-MOST_LINES:]:
                job.errors.append(self._clean(line))
        if rest:
            job.errors.append(self._clean(rest))

    def _clean(self, line: bytes) -> str:
        text = line.decode("utf-8", "replace").rstrip()
        if len(text) <= LONGEST_READ:
            return self._redaction.text(text)
        # The cut may leave half of a secret, which nothing finds.
        return self._redaction.text(text[:LONGEST_READ])[:-HALF_A_SECRET]

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if not job.is_running]
        for id_ in ended[: max(len(self._jobs) - MOST_REMEMBERED, 0)]:
            del self._jobs[id_]


async def _first_bytes(job: Job, stream: asyncio.StreamReader) -> bytes:
    """Read to the end, so that the command never waits for us, and keep what may be kept."""
    kept: list[bytes] = []
    size = 0
    while chunk := await stream.read(_CHUNK):
        room = MOST_OUT_BYTES - size
        if len(chunk) > room:
            job.is_cut = True
        if room > 0:
            kept.append(chunk[:room])
            size += len(kept[-1])
    return b"".join(kept)


def _json_lines(out: bytes) -> list[Any]:
    found = []
    for line in out.splitlines():
        with suppress(orjson.JSONDecodeError):
            found.append(orjson.loads(line))
    return found


def _without(line: str, hidden: Iterable[str]) -> str:
    for text in hidden:
        line = line.replace(text, MASK)
    return line
