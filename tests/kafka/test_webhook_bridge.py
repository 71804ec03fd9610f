"""The webhook bridge of examples/webhook-bridge as a process of its own, on a real Kafka."""

import hmac
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from hashlib import sha1

import httpx
import pytest

from connector.embedded.ports import free_port
from tests.docs.following import Terminals, steps
from tests.docs.pages import ROOT
from tests.eventually import eventually
from tests.kafka.stack import Stack
from tests.netfaults.kafka import kafka_behind_proxy

pytestmark = pytest.mark.kafka

SECRET, NEXT_SECRET = "a shared secret", "the next one"
PROGRAM = ROOT / "examples/webhook-bridge/bridge.py"


def compact(value):
    """Write JSON as JSON.stringify does, which is what Segment sends and signs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def signature(body, secret=SECRET):
    return hmac.new(secret.encode(), body, sha1).hexdigest()


def event(person, number, **more):
    return {
        "type": "track", "event": "Order Completed", "userId": person, "messageId": f"{person}.{number}",
        "timestamp": "2026-11-24T04:15:00.000Z", "properties": {"total": number, "note": "é雪"}, **more,
    }  # fmt: skip


class Bridge:
    """The program, and a client that signs as Segment does."""

    def __init__(self, process, log, url):
        self.process, self.log, self.url = process, log, url
        self._http = httpx.Client(timeout=30)

    def post(self, value, *, of=None, header="X-Signature", secret=SECRET):
        """Send a value; the signature is of its bytes, or of those of another value."""
        body = value if isinstance(value, bytes) else compact(value)
        signed = body if of is None else compact(of)
        return self._http.post(
            f"{self.url}/segment", content=body, headers={header: signature(signed, secret)}
        )

    def health(self):
        try:
            return self._http.get(f"{self.url}/health").status_code
        except httpx.TransportError:
            assert self.process.poll() is None, self.log.read_text()
            return None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def close(self):
        self._http.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(stack, **environment):
    secrets = stack.directory / "secrets"
    secrets.write_text(f"{SECRET}\n{NEXT_SECRET}\n")
    port, log = free_port("127.0.0.1"), stack.directory / "bridge.log"
    given = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")},
        **stack.environment,
        "HOST": "example.invalid",  # means nothing to the bridge
        "BRIDGE_SECRET_FILE": str(secrets),
        "BRIDGE_PORT": str(port),
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, PROGRAM], env=given, stdout=out, stderr=out)
    bridge = Bridge(process, log, f"http://127.0.0.1:{port}")
    try:
        eventually(lambda: bridge.health() is not None, 60, what="the bridge listens")
        yield bridge
    finally:
        bridge.close()


@pytest.fixture
def bridge(stack):
    with running(stack) as bridge:
        eventually(lambda: bridge.health() == 200, 30)
        yield bridge


def written(stack):
    return [(message.key(), json.loads(message.value())) for message in stack.records(stack.source)]


def test_what_is_signed_is_written_by_person_and_what_is_not_is_refused(stack, bridge):
    single = compact(event("u1", 1))
    answers = [
        bridge.post(single),
        bridge.post(event("u1", 2), secret=NEXT_SECRET),
        bridge.post(event("u1", 3), header="X-Segment-Signature"),
        bridge.post({"type": "page", "anonymousId": "a1", "messageId": "m"}),
        bridge.post(event("u1", 4), of=event("u1", 5)),
        bridge.post(event("u1", 6), secret="guessed"),
        bridge.post(event("u1", 7), header="X-Nothing"),
        bridge.post(b"{"),
        bridge.post(b"[1]"),
        bridge.post(b"x" * (16 * 1024**2 + 1)),
    ]

    assert [each.status_code for each in answers] == [200] * 4 + [401] * 3 + [400] * 2 + [413]
    found = written(stack)
    keys = sorted(key for key, _ in found)
    assert keys == [b"a1", b"u1", b"u1", b"u1"]
    assert [body["messageId"] for key, body in found if key == b"u1"] == ["u1.1", "u1.2", "u1.3"]
    assert single in [message.value() for message in stack.records(stack.source)]
    assert bridge.stop() == 0
    log = bridge.log.read_text()
    assert "signature is missing or wrong" in log
    assert not [word for word in (SECRET, "u1", "Order", "é雪") if word in log]


def test_a_batch_is_written_in_its_order_and_is_taken_by_the_signature_that_segment_makes_of_it(
    stack, bridge
):
    batch = [event(f"u{number % 3}", number) for number in range(60)]
    odd = [{**event("u0", 60), "properties": {"text": ']},{ \\ " é'}}, event("u0", 61)]
    answers = [
        bridge.post(batch, of=batch[0]),  # what X-Signature is made of
        bridge.post(odd, of=odd[0]),
        bridge.post([event("u0", 62)], header="X-Segment-Signature"),
        bridge.post(batch, of=batch[1]),
        bridge.post(batch, of=batch[0], header="X-Segment-Signature"),  # this one is of the whole
        bridge.post([], of=[]),
    ]

    assert [each.status_code for each in answers] == [200, 200, 200, 401, 401, 200]
    found = written(stack)
    assert len(found) == 63
    for person in ("u0", "u1", "u2"):
        numbers = [body["properties"].get("total") for key, body in found if key == person.encode()]
        expected = [number for number in range(60) if f"u{number % 3}" == person]
        assert numbers == ([*expected, None, 61, 62] if person == "u0" else expected)


def test_a_strict_bridge_refuses_a_batch_of_which_only_the_first_event_is_signed(stack):
    batch = [event("u1", 1), event("u1", 2)]
    with running(stack, BRIDGE_BATCH_SIGNATURE="whole") as bridge:
        eventually(lambda: bridge.health() == 200, 30)
        answers = [bridge.post(batch, of=batch[0]), bridge.post(batch), bridge.post(batch[0])]

    assert [each.status_code for each in answers] == [401, 200, 200]


def test_while_kafka_is_away_segment_is_told_to_come_again_and_then_nothing_is_missing(tmp_path):
    with (
        kafka_behind_proxy() as (kafka, network),
        Stack(kafka.bootstrap_servers, tmp_path) as stack,
    ):
        stack.environment["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"] = network.address
        network.set(mode="refuse")
        with running(stack) as bridge:
            at_first = bridge.post(event("u1", 1))
            assert bridge.health() == 503
            network.heal()
            eventually(lambda: bridge.health() == 200, 60)
            assert bridge.post(event("u1", 1)).status_code == 200

            network.set(mode="blackhole")
            meanwhile = bridge.post(event("u1", 2))
            network.heal()
            again = eventually(
                lambda: (answer := bridge.post(event("u1", 2))).status_code == 200 and answer, 60
            )
            after = bridge.post(event("u1", 3))
            assert bridge.stop() == 0
        numbers = [body["properties"]["total"] for _, body in written(stack)]

    assert [each.status_code for each in (at_first, meanwhile, again, after)] == [503, 503, 200, 200]
    assert int(at_first.headers["Retry-After"]) > 0
    assert numbers == sorted(numbers)
    assert set(numbers) == {1, 2, 3}
    assert numbers.count(1) == numbers.count(3) == 1  # only what was told to come again may be there twice


def test_the_request_on_the_page_is_one_that_the_bridge_takes(stack, bridge, tmp_path):
    page = ROOT / "docs/integrations/segment-webhooks.md"
    [(block, _)] = steps(page, "tests/kafka/test_webhook_bridge.py")
    (tmp_path / "webhook-secret").write_text(SECRET)
    with Terminals(tmp_path) as terminals:
        printed = terminals.run(block.text.replace("http://127.0.0.1:8080", bridge.url))

    assert printed == "ok\n"
    [(key, body)] = written(stack)
    assert (key, body["event"]) == (b"u1", "Signed Up")


def test_events_go_from_the_webhook_to_encharge_in_order_per_person(stack, bridge):
    people, each = 10, 6
    stack.start_worker()
    for number in range(1, each + 1):
        batch = [event(f"u{person}", number) for person in range(people)]
        assert bridge.post(batch, of=batch[0]).status_code == 200
    eventually(lambda: stack.simulator.stats()["accepted"] == people * each, 60)
    stack.stop_workers()

    arrived = [request["body"]["messageId"] for request in stack.simulator.requests()]
    for person in range(people):
        assert [id_ for id_ in arrived if id_.startswith(f"u{person}.")] == [
            f"u{person}.{number}" for number in range(1, each + 1)
        ]
    assert not stack.dead_letters()
