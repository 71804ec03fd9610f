"""`encharge-connector send`."""

import json

import pytest

from connector.cli.send import MOST_OUTSTANDING
from tests.cli.command import run
from tests.eventually import eventually

NO_KAFKA = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


def event(person, number=1):
    return b'{"type":"track","event":"E%d","userId":"%s"}' % (number, person.encode())


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param(b"{", "the value is not JSON in UTF-8", id="not JSON"),
        pytest.param(b'{"userId":"u\xff"}', "the value is not JSON in UTF-8", id="not UTF-8"),
        pytest.param(b"[1]", "the value is JSON but no object", id="a list"),
        pytest.param(b'{"batch":["x"]}', "batch[0] is no object", id="inside an envelope"),
    ],
)
def test_a_file_with_a_line_that_holds_no_event_is_refused_before_kafka_is_asked(here, line, problem):
    (here / "events.jsonl").write_bytes(b"\n".join([event("u1"), b"", line, event("u2")]))

    done = run("send", "events.jsonl", **NO_KAFKA)

    assert done.code == 2
    assert done.err == f"error: events.jsonl:3: {problem}\n"
    assert done.out == ""


def test_a_name_that_no_topic_can_have_is_a_usage_error():
    done = run("send", "-", "--topic", "my topic", stdin=event("u1"), **NO_KAFKA)

    assert done.code == 2
    assert "'my topic' is no topic name" in done.err


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("line", "key"),
    [
        pytest.param(b'{"userId":"u1","anonymousId":"a1","messageId":"m1"}', b"u1", id="user"),
        pytest.param(b'{"anonymousId":"a1","messageId":"m1"}', b"a1", id="anonymous"),
        pytest.param(b'{"type":"track","messageId":"m1"}', b"m1", id="nobody"),
        pytest.param(b'{"type":"track"}', None, id="nothing"),
        pytest.param(b'{"userId":12}', b"12", id="number"),
        pytest.param(b'{"batch":[{"userId":"u1"},{"userId":"u2"}]}', b"u1", id="envelope"),
        pytest.param(b'{"batch":[]}', None, id="empty envelope"),
        pytest.param('{"userId":"é雪"}'.encode(), "é雪".encode(), id="beyond ASCII"),
        pytest.param(b'{"userId":"\\ud83d"}', b"\xed\xa0\xbd", id="half an emoji"),
    ],
)
def test_a_record_is_the_line_itself_keyed_by_the_person(cluster, line, key):
    cluster.create(cluster.source)

    done = run("send", "-", stdin=b"  " + line + b" \r\n", **cluster.environment)

    assert (done.code, done.err) == (0, "")
    assert done.out == f"1 event sent to {cluster.source}\n"
    assert cluster.records(cluster.source) == [(key, line)]


@pytest.mark.kafka
def test_events_of_a_file_arrive_once_and_in_order_however_many_they_are(cluster, here):
    cluster.create(cluster.source)
    events = [event(f"u{number % 7}", number) for number in range(2 * MOST_OUTSTANDING + 500)]
    (here / "events.jsonl").write_bytes(b"\n".join(events))

    done = run("send", "events.jsonl", "--json", **cluster.environment)

    assert done.json == {"topic": cluster.source, "sent": len(events)}
    assert [value for _key, value in cluster.records(cluster.source)] == events


@pytest.mark.kafka
def test_another_topic_may_be_named(cluster):
    cluster.create(cluster.source, cluster.by_user)

    done = run("send", "-", "--topic", cluster.by_user, "--json", stdin=event("u1"), **cluster.environment)

    assert done.json == {"topic": cluster.by_user, "sent": 1}
    assert cluster.records(cluster.by_user) == [(b"u1", event("u1"))]
    assert cluster.records(cluster.source) == []


@pytest.mark.kafka
def test_lines_that_hold_no_event_are_sent_when_nothing_is_checked(cluster):
    cluster.create(cluster.source)
    lines = [b"{", event("u1"), b"[1]", b'{"userId":"u\xff"}']

    done = run("send", "-", "--unchecked", stdin=b"\n".join(lines), **cluster.environment)

    assert done.out == f"4 events sent to {cluster.source}\n"
    assert cluster.records(cluster.source) == [
        (None, b"{"),
        (b"u1", lines[1]),
        (None, b"[1]"),
        (None, lines[3]),
    ]


@pytest.mark.kafka
def test_nothing_is_sent_of_a_file_with_a_faulty_line(cluster, here):
    cluster.create(cluster.source)
    (here / "events.jsonl").write_bytes(event("u1") + b"\n{\n")

    done = run("send", "events.jsonl", **cluster.environment)

    assert done.code == 2
    assert cluster.records(cluster.source) == []


@pytest.mark.kafka
def test_a_faulty_line_of_a_pipe_is_told_with_how_much_was_sent_before(cluster, start):
    cluster.create(cluster.source)
    process = start("send", "-", **cluster.environment)
    for line in (event("u1"), event("u2"), b"{", event("u3")):
        process.type(line)
    process.stdin.close()

    done = process.done()

    assert done.code == 2
    assert done.err.splitlines() == [
        "2 events sent before the faulty line",
        "error: <stdin>:3: the value is not JSON in UTF-8",
    ]
    assert cluster.records(cluster.source) == [(b"u1", event("u1")), (b"u2", event("u2"))]


@pytest.mark.kafka
@pytest.mark.parametrize("named", [True, False], ids=["the one of the settings", "another one"])
def test_a_topic_that_does_not_exist_is_told_and_not_made(cluster, named):
    topic = cluster.source if named else cluster.by_user

    done = run("send", "-", "--topic", topic, stdin=event("u1"), **cluster.environment)

    hint = "; `encharge-connector topics apply` creates it" if named else ""
    assert done.code == 3
    assert done.err == f"error: topic {topic} does not exist{hint}\n"
    assert cluster.partitions() == {}


@pytest.mark.kafka
def test_an_event_that_kafka_refuses_is_told_with_how_many_were_sent(cluster):
    cluster.create(cluster.source, max_message_bytes="2000")
    # Larger than a batch of the producer, which Kafka takes or refuses as a whole.
    large = json.dumps({"userId": "u2", "note": "x" * 40_000}).encode()

    done = run("send", "-", stdin=b"\n".join([event("u1"), large]), **cluster.environment)

    assert done.code == 3
    assert done.err == "error: 1 event sent, but not all of them: MessageSizeTooLargeError\n"
    assert cluster.records(cluster.source) == [(b"u1", event("u1"))]


@pytest.mark.kafka
def test_a_line_is_sent_as_it_comes_and_one_ctrl_c_ends_the_wait_for_the_next(cluster, start):
    cluster.create(cluster.source)
    process = start("send", "-", **cluster.environment)
    process.type(event("u1"))
    eventually(lambda: cluster.records(cluster.source), 20)

    process.press_ctrl_c()

    assert process.wait(10) == 130
    assert process.err.split() == ["Interrupted."]
