"""A stand-in for the Maven repository, with faults."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from connector.embedded.jars import Jar

TRUNCATED = "truncated"  # as a fault: the connection ends after half of the content


@dataclass
class Repository:
    """Serves `files`; the faults of a path, statuses or TRUNCATED, come first and once each."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, artifact, content):
        jar = Jar("org.example.group", artifact, "1.0", hashlib.sha256(content).hexdigest(), len(content))
        self.files["/" + jar.repository_path] = content
        return jar

    @contextmanager
    def answering(self, path) -> Iterator[object]:
        with self.lock:
            self.requests.append(path)
            self.in_flight += 1
            self.most_in_flight = max(self.in_flight, self.most_in_flight)
            faults = self.faults.get(path)
            fault = faults.pop(0) if faults else None
        try:
            yield fault
        finally:
            with self.lock:
                self.in_flight -= 1


@contextmanager
def serving(repository):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = repository.files.get(self.path, b"")
            with repository.answering(self.path) as fault:
                self.send_response(fault if isinstance(fault, int) else 200 if content else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if fault == TRUNCATED else content)

        def log_message(self, *_):
            pass

        def handle(self):
            with suppress(ConnectionError):  # the client has read enough
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        repository.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield repository
        server.shutdown()
        thread.join()
