"""Fetches the broker's jars into the cache: in parallel, verified, once per machine."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from threading import Event

import httpx

from connector.embedded.errors import EmbeddedKafkaError
from connector.embedded.jars import (
    FreeBytes,
    Jar,
    cache_dir,
    disk_free_bytes,
    missing_jars,
    pinned_jars,
)
from connector.embedded.java import require_extra
from connector.embedded.locks import locked
from connector.embedded.progress import Advance, Progress, on_stderr

URL_VARIABLE = "CONNECTOR_MAVEN_URL"
WORKERS = 6
RETRY_DELAYS_S = (0.2, 1.0)  # a third failure in a row is no longer a hiccup
TIMEOUT = httpx.Timeout(15.0, connect=5.0)  # also the longest that Ctrl-C waits for a silent repository
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
CHUNK_BYTES = 256 * 1024
PARTIAL = ".part"


def fetch(
    directory: Path | None = None,
    *,
    maven_url: str | None = None,
    progress: Progress = on_stderr,
    jars: Sequence[Jar] | None = None,
    free_bytes: FreeBytes = disk_free_bytes,
) -> tuple[Path, ...]:
    """Return the class path of the broker, downloading what is missing; offline when nothing is.

    The repository is `maven_url`, else the environment's CONNECTOR_MAVEN_URL, else jgo's Maven Central.
    Raises EmbeddedKafkaError: not_installed, no_network, repository, bad_checksum, no_space, cache.
    """
    directory = cache_dir() if directory is None else directory.absolute()
    jars = pinned_jars() if jars is None else jars
    try:
        if missing_jars(jars, directory):
            directory.mkdir(parents=True, exist_ok=True)
            with locked(directory):
                # Asked again: another process may have fetched them while we waited for the lock.
                _fetch_missing(missing_jars(jars, directory), directory, maven_url, progress, free_bytes)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(missing_jars(jars, directory), directory) from exc
        raise EmbeddedKafkaError(
            "cache",
            f"cannot use the cache directory {directory}: {exc.strerror}; XDG_CACHE_HOME names another",
        ) from exc
    return tuple(directory / jar.filename for jar in jars)


def repository_url(given: str | None, environ: Mapping[str, str] = os.environ) -> httpx.URL:
    """Return the address of the repository, ending in a slash."""
    address = given or environ.get(URL_VARIABLE) or _maven_central()
    try:
        url = httpx.URL(address.rstrip("/") + "/")
    except httpx.InvalidURL as exc:
        raise EmbeddedKafkaError("repository", f"{URL_VARIABLE} is not an address") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise EmbeddedKafkaError(
            "repository", f"{URL_VARIABLE} must begin with https:// or http:// and name a host"
        )
    return url


def _maven_central() -> str:
    with require_extra():
        import jgo  # noqa: PLC0415  takes 0.3 s and belongs to an extra
    return str(jgo.MAVEN_CENTRAL_URL)


def _fetch_missing(
    missing: Sequence[Jar], directory: Path, maven_url: str | None, progress: Progress, free_bytes: FreeBytes
) -> None:
    if not missing:
        return
    for leftover in directory.glob(f"*{PARTIAL}"):  # of a process that was killed: we hold the lock
        leftover.unlink()
    size_bytes = sum(jar.size_bytes for jar in missing)
    if free_bytes(directory) < size_bytes:
        raise _no_space(missing, directory)
    url = repository_url(maven_url)
    try:
        with progress(len(missing), size_bytes) as advance:
            _download_all(missing, directory, url, advance)
    except httpx.HTTPStatusError as exc:
        raise EmbeddedKafkaError(
            "repository",
            f"{url.host} answered {exc.response.status_code} for {exc.request.url.path}; "
            f"{URL_VARIABLE} must name Maven Central or a complete mirror of it",
        ) from exc
    except httpx.HTTPError as exc:
        left = len(missing_jars(missing, directory))
        raise EmbeddedKafkaError(
            "no_network",
            f"{left} jars of Kafka are missing in {directory} and {url.host} does not deliver them "
            f"({str(exc) or type(exc).__name__}); go online once, set {URL_VARIABLE} to a mirror of "
            "Maven Central, or copy the directory from another machine",
        ) from exc


def _download_all(jars: Sequence[Jar], directory: Path, url: httpx.URL, advance: Advance) -> None:
    stop = Event()
    with (
        httpx.Client(
            base_url=url, follow_redirects=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
        ) as client,
        ThreadPoolExecutor(WORKERS) as pool,
    ):
        download = partial(_download, client, directory, advance, stop)
        # The largest first: begun last, it would run alone at the end.
        by_size = sorted(jars, key=lambda jar: jar.size_bytes, reverse=True)
        futures = [pool.submit(download, jar) for jar in by_size]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _download(client: httpx.Client, directory: Path, advance: Advance, stop: Event, jar: Jar) -> None:
    for delay_s in RETRY_DELAYS_S:
        try:
            return _attempt(client, directory, advance, stop, jar)
        except httpx.HTTPStatusError as exc:
            if exc.response.status_code not in TRANSIENT_STATUS:
                raise
        except httpx.TransportError:
            pass
        if stop.wait(delay_s):
            raise CancelledError
    return _attempt(client, directory, advance, stop, jar)


def _attempt(client: httpx.Client, directory: Path, advance: Advance, stop: Event, jar: Jar) -> None:
    """Download one jar beside its place, and move it there once it is verified and on the disk."""
    part = directory / (jar.filename + PARTIAL)
    received = 0

    def count(size: int) -> None:
        nonlocal received
        received += size
        advance(size)

    try:
        actual = _write(client, part, jar, count, stop)
        if actual != jar.sha256:
            raise EmbeddedKafkaError(
                "bad_checksum",
                f"{jar.filename} from {client.base_url.host} is not the pinned file: expected SHA-256 "
                f"{jar.sha256} ({jar.size_bytes} bytes), got {actual} ({received} bytes); it was not kept. "
                f"Check what {URL_VARIABLE} and the proxy settings point at",
            )
        part.replace(directory / jar.filename)
    except BaseException:
        advance(-received)
        raise
    finally:
        part.unlink(missing_ok=True)


def _write(client: httpx.Client, part: Path, jar: Jar, count: Callable[[int], None], stop: Event) -> str:
    """Return the SHA-256 of what was received, and leave it in the file."""
    digest, received = hashlib.sha256(), 0
    with client.stream("GET", jar.repository_path) as response, part.open("wb") as file:
        response.raise_for_status()
        for chunk in response.iter_bytes(CHUNK_BYTES):
            if stop.is_set():
                raise CancelledError
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            count(len(chunk))
            if received > jar.size_bytes:  # not what we asked for, and perhaps endless
                break
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _no_space(missing: Sequence[Jar], directory: Path) -> EmbeddedKafkaError:
    needed_mb = sum(jar.size_bytes for jar in missing) / 1e6
    return EmbeddedKafkaError(
        "no_space",
        f"the jars of Kafka need {needed_mb:.1f} MB in {directory} and its disk has less; "
        "free some, or name another place with XDG_CACHE_HOME",
    )
