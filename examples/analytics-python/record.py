"""Writes down what Segment's own Python library sends: the bodies of its requests, one JSON object a line.

The library is pointed at a server of this program (`host=`) instead of Segment; nothing leaves the machine.
What differs from run to run (ids and times that the library makes) is replaced, so that runs can be compared.

    pip install segment-analytics-python
    python examples/analytics-python/record.py > sample.jsonl

docs/integrations/analytics-python.md
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from segment.analytics.client import Client

WHEN = datetime(2026, 11, 24, 4, 15, tzinfo=UTC)
MADE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FIXED_ID = "00000000-0000-4000-8000-000000000000"
FIXED_TIME, FIXED_SENT = "2026-11-24T04:16:00.000+00:00", "2026-11-24T04:16:00.000000+00:00"


def calls(client: Client) -> None:
    """Make one call of every kind, with the values that programs really give."""
    client.identify(
        user_id="u1",
        anonymous_id="a1",
        traits={
            "email": "ada@example.com",
            "plan": "pro",
            "createdAt": datetime(2020, 2, 29, 12, 30, tzinfo=UTC),
            "birthday": date(1990, 12, 10),
            "balance": Decimal("12.50"),
            "tags": ("early", "é雪"),
            "address": {"city": "London", "postalCode": None},
            "vip": True,
        },
        timestamp=WHEN,
        message_id="m-identify",
    )
    client.track(
        user_id="u1",
        event="Order Completed",
        properties={"total": Decimal("99.95"), "orderedAt": WHEN, "items": [{"sku": "b-1", "quantity": 2}]},
        context={"ip": "203.0.113.7", "userAgent": "Mozilla/5.0", "traits": {"email": "ada@example.com"}},
        integrations={"All": True, "Mixpanel": False},
        timestamp=WHEN,
        message_id="m-track",
    )
    client.page(
        user_id="u1",
        category="Docs",
        name="Pricing",
        properties={"url": "https://example.com/pricing", "path": "/pricing"},
        timestamp=WHEN,
        message_id="m-page",
    )
    client.screen(user_id="u1", name="Home", timestamp=WHEN, message_id="m-screen")
    client.group(
        user_id="u1",
        group_id=7,
        traits={"name": "Umbrella", "employees": 50},
        timestamp=WHEN,
        message_id="m-group",
    )
    client.alias(previous_id="a1", user_id="u1", timestamp=WHEN, message_id="m-alias")
    client.identify(user_id=42, traits={"email": "bob@example.com"}, timestamp=WHEN, message_id="m-number")
    client.track(anonymous_id="a2", event="Cart Viewed", timestamp=WHEN, message_id="m-anonymous")
    client.track("u1", "Signed Out")  # the library makes its messageId and timestamp


@contextmanager
def _server(bodies: list[dict[str, Any]]) -> Iterator[str]:
    """Answer like Segment, and keep what comes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            bodies.append(json.loads(gzip.decompress(body) if packed else body))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"success":true}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Replace what the library makes anew each time."""
    for event in body["batch"]:
        if MADE_ID.fullmatch(event["messageId"]):
            event |= {"messageId": FIXED_ID, "timestamp": FIXED_TIME}
    return {**body, "sentAt": FIXED_SENT}


def recorded(*, packed: bool) -> list[dict[str, Any]]:
    """Give the bodies that the library sends for `calls`; `packed` lets it use gzip."""
    bodies: list[dict[str, Any]] = []
    failures: list[object] = []
    with _server(bodies) as url:
        client = Client(
            "a-write-key", host=url, gzip=packed, upload_size=4, on_error=lambda *e: failures.append(e)
        )
        calls(client)
        client.flush()
        client.join()
    if failures:
        raise SystemExit(f"not sent: {failures}")
    return [_comparable(body) for body in bodies]


def main() -> None:
    """Print what was recorded."""
    parser = argparse.ArgumentParser(description="What analytics-python sends, one body a line.")
    parser.add_argument("--gzip", action="store_true", help="let the library compress its requests")
    for body in recorded(packed=parser.parse_args().gzip):
        print(json.dumps(body, ensure_ascii=False, separators=(",", ":")))  # noqa: T201


if __name__ == "__main__":
    main()
