"""The world of test_canaries.py: events full of people, an Encharge that quotes all it gets, and what fails."""

import gzip
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from connector.core.presets import preset_mappings
from tests.kafka.canaries import PERSONAL, SECRETS

FAILURES = ("refuse-json", "refuse-text", "trouble", "hang", "unauthorized", "boom-send")
TIMEOUT_S = 1.0

# Runs in every worker before its first line: makes it fail as no input can, with people's data at hand.
SITECUSTOMIZE = """
import asyncio, threading
from connector.core.destination import Destination
from connector.edges.http1.sender import Http1Sender

plan, send = Destination.plan, Http1Sender.send

class Unraisable:
    def __init__(self, value): self.value = value
    def __del__(self): {}[self.value]

def failing_plan(self, event, *more):
    if isinstance(event, dict) and event.get("event") == "boom-plan":
        text = str(event)
        threading.Thread(target={}.__getitem__, args=(text,)).start()
        asyncio.get_running_loop().call_soon({}.__getitem__, text)
        asyncio.get_running_loop().create_task(fail(text))
        Unraisable(text)
        raise KeyError(text)
    return plan(self, event, *more)

async def fail(text):
    raise LookupError(text)

async def failing_send(self, request):
    if b"boom-send" in (request.body or b""):
        raise ValueError(repr(request))
    return await send(self, request)

Destination.plan, Http1Sender.send = failing_plan, failing_send
"""

DESTINATION = {
    "id": "test",
    "mappings": [
        *preset_mappings(),
        {
            "name": "Wrong address",
            "action": "identifyUser",
            "enabled": True,
            "trigger": 'event = "invalid"',
            "fields": {"email": {"@path": "$.properties.address"}, "firstName": {"@path": "$.properties.name"}},
        },
        {"name": "Nobody", "action": "addTag", "enabled": True, "trigger": 'event = "invalid"', "fields": {"tag": {"@path": "$.properties.note"}}},
    ],
}  # fmt: skip


def _person(number, kind, **more):
    traits = {"email": PERSONAL["e-mail"], "name": PERSONAL["name"], "phone": PERSONAL["phone"]}
    properties = {
        "note": PERSONAL["free text"],
        "nested": {"list": [{PERSONAL["name of a property"]: "yes"}]},
        "name": PERSONAL["name"],
        "address": PERSONAL["no e-mail"],
    }
    return {
        "type": kind,
        "userId": f"{PERSONAL['user id']}-{number}",
        "anonymousId": f"{PERSONAL['anonymous id']}-{number}",
        "messageId": f"m-{number}",
        "traits": traits,
        "properties": properties,
        "context": {"ip": PERSONAL["IP address"], "traits": traits},
        **more,
    }


def records():
    """Give key, value and headers of every record: all types of events, those that fail, and what is none."""
    more = {
        "track": {"event": "Signed Up"},
        "page": {"name": PERSONAL["name"]},
        "screen": {"name": PERSONAL["name"]},
        "group": {"groupId": "g-1"},
        "alias": {"previousId": f"{PERSONAL['anonymous id']}-before"},
        "identify": {},
    }
    events = [_person(number, kind, **each) for number, (kind, each) in enumerate(more.items())]
    for name in (*FAILURES, "boom-plan", "invalid"):
        events.append(_person(len(events), "track", event=name))
    values = [json.dumps(event).encode() for event in events]
    nobody = {"type": "track", "event": "x", "properties": events[0]["properties"]}
    values += [
        json.dumps(nobody).encode(),
        f"no JSON {PERSONAL['e-mail']} \xff".encode("latin-1"),
        json.dumps([PERSONAL["name"]]).encode(),
        json.dumps({**events[0], "type": PERSONAL["name"]}).encode(),
        json.dumps({"batch": [*events[:2], PERSONAL["free text"]]}).encode(),
    ]
    key, headers = PERSONAL["record key"].encode(), [("x-trace", PERSONAL["record header"].encode())]
    return [(key + str(number).encode(), value, headers) for number, value in enumerate(values)]


class Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def _served(handler):
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quoting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def answer(self, status, body, reason=None):
        self.send_response(status, reason)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def quoting_encharge():
    """Give the address of an Encharge that quotes key and body in whatever it refuses, and what it was sent."""
    tries, got = {}, []

    class Handler(_Quoting):
        def do_GET(self):
            self.answer(200, b'{"users": [], "objects": [{"name": "company"}]}')

        def do_DELETE(self):
            self.body()
            self.answer(200, b"{}")

        def do_POST(self):
            body, key = self.body(), self.headers["X-Encharge-Token"]
            got.append(body)
            said = {
                "message": f"{key} for {PERSONAL['e-mail']}: {body.decode()}",
                "errorCode": key,
                "traceId": key,
            }
            quoted = json.dumps({"error": said}).encode()
            what = next((name for name in FAILURES if name.encode() in body), "")
            turn = tries[self.path, what] = tries.get((self.path, what), 0) + 1
            if what == "refuse-json" or (what in ("trouble", "hang") and turn > 2):
                self.answer(400, quoted)
            elif what == "refuse-text":
                self.answer(422, f"the key {key} may not write {PERSONAL['e-mail']}".encode())
            elif what == "trouble":
                self.answer(500, quoted)
            elif what == "hang":
                time.sleep(TIMEOUT_S * 1.5)
                self.close_connection = True
            elif what == "unauthorized" and turn == 1:
                self.answer(401, quoted)
            else:
                self.answer(200, b"{}")

    with _served(Handler) as url:
        yield url, got


@contextmanager
def quoting_collector():
    """Give the address of a collector of traces that refuses by quoting once in a while, and what it got."""
    exports, turns = [], []

    class Handler(_Quoting):
        def do_POST(self):
            body = self.body()
            exports.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            turns.append(self.headers["Authorization"])
            if len(turns) % 2:
                self.answer(400, b"no", f"refused, {self.headers['Authorization']}")
            else:
                self.answer(200, b"")

    with _served(Handler) as url:
        yield url, exports, turns


@contextmanager
def quoting_tokens():
    """Give the address of a token endpoint that refuses everybody by quoting what it was shown."""

    class Handler(_Quoting):
        def do_POST(self):
            self.body()
            quoted = f"{self.headers['Authorization']} {SECRETS['OAuth client secret']}"
            self.answer(401, json.dumps({"error": quoted, "error_description": quoted}).encode())

    with _served(Handler) as url:
        yield url
