"""Spans of a record's life, as the SDK's exporter in memory gets them; then how they leave the process."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
import time

import pytest
import structlog
from aiokafka.errors import MessageSizeTooLargeError, NotEnoughReplicasError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

from connector.core import Destination, Request
from connector.delivery.planner import Task, plan_with
from connector.delivery.produced import produced_at
from connector.edges.tracing import IngestSpanTrail, SpanTrail, Tracing
from connector.edges.trails import Followers
from connector.errors import ConfigurationError
from connector.settings import Settings
from tests.builders import letter_task, plan_one_request, record
from tests.delivery import setup as delivery
from tests.edges import test_ingest_stage as ingest
from tests.edges.replay import test_reingest as reingest
from tests.fakes import BROKEN, OK, REFUSED, TIMEOUT, ScriptedSender
from tests.virtual_time import run

TRACE, PARENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
TRACEPARENT = ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
NOT_SAMPLED = ("traceparent", TRACEPARENT[1][:-1] + b"0")
GROUP = "g.deliver.test"


class Spans:
    """A tracer and what came out of it."""

    def __init__(self, sampler=ALWAYS_ON):
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(sampler=ParentBased(sampler), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    @property
    def all(self):
        return self._exporter.get_finished_spans()

    def named(self, name):
        return [span for span in self.all if span.name == name]

    def one(self, name):
        [span] = self.named(name)
        return span


@pytest.fixture
def spans():
    return Spans()


@pytest.fixture(autouse=True)
def quiet():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def delivered(spans, *records, **options):
    async def scenario(setup):
        setup.context.trail = SpanTrail(spans.tracer, GROUP)
        setup.submit(*records)
        await setup.settled()

    setup, _ = delivery.play(scenario, **options)
    return setup


def ids(context):
    return context.trace_id, context.span_id


def events_of(span):
    return [(event.name, dict(event.attributes)) for event in span.events]


# The deliver stage


def test_the_span_of_a_record_continues_the_trace_in_its_headers(spans):
    delivered(spans, record(0, headers=(("other", b"x"), TRACEPARENT, ("tracestate", b"vendor=1"))))

    process = spans.one("process by-user")
    assert ids(process.parent) == (TRACE, PARENT)
    assert process.parent.is_remote
    assert process.context.trace_id == TRACE
    assert process.context.trace_state.to_header() == "vendor=1"


def test_plan_and_attempts_are_below_the_span_of_their_record(spans):
    delivered(spans, record(0, headers=(TRACEPARENT,)), sender=ScriptedSender(BROKEN, OK))

    process = spans.one("process by-user")
    below = [spans.one("plan"), *spans.named("POST /v1")]
    assert [ids(span.parent) for span in below] == [ids(process.context)] * 3
    assert {span.context.trace_id for span in spans.all} == {TRACE}
    assert process.kind is SpanKind.CONSUMER
    assert [span.kind for span in below] == [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.CLIENT]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((), id="none"),
        pytest.param((("traceparent", None),), id="null"),
        pytest.param((("traceparent", b"\xff\xfe"),), id="no text"),
        pytest.param((TRACEPARENT, ("traceparent", b"the last one counts")), id="not the last one"),
    ],
)
def test_a_record_without_a_readable_context_begins_a_trace(spans, headers):
    delivered(spans, record(0, headers=headers))

    assert spans.one("process by-user").parent is None


def test_two_records_without_a_context_are_two_traces(spans):
    delivered(spans, record(0), record(1))

    first, second = spans.named("process by-user")
    assert first.context.trace_id != second.context.trace_id


def test_a_record_is_described_by_the_conventions_for_messaging(spans):
    delivered(spans, record(41))

    assert dict(spans.one("process by-user").attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "by-user",
        "messaging.destination.partition.id": "0",
        "messaging.kafka.offset": 41,
        "messaging.consumer.group.name": GROUP,
        "connector.finished": 1,
        "connector.filtered": False,
    }


def test_an_attempt_is_described_by_the_conventions_for_http(spans):
    delivered(spans, record(0))

    attempt = spans.one("POST /v1")
    assert dict(attempt.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.template": "/v1",
        "server.address": "encharge.test",
        "server.port": 80,
        "encharge.mapping": "Track Event",
        "encharge.action": "trackEvent",
        "connector.attempt": 1,
        "connector.code": "delivered",
    }
    assert attempt.status.status_code is StatusCode.UNSET


def test_attempts_after_the_first_have_a_resend_count_and_failed_ones_an_error(spans):
    delivered(spans, record(0), sender=ScriptedSender(BROKEN, TIMEOUT, OK))

    first, second, third = spans.named("POST /v1")
    assert [each.attributes.get("http.request.resend_count") for each in (first, second, third)] == [
        None,
        1,
        2,
    ]
    assert [each.attributes.get("error.type") for each in (first, second, third)] == ["500", "timeout", None]
    assert [each.status.status_code for each in (first, second, third)] == [
        StatusCode.ERROR, StatusCode.ERROR, StatusCode.UNSET,
    ]  # fmt: skip
    assert "http.response.status_code" not in second.attributes


def test_a_record_that_was_delivered_in_the_end_is_no_error_and_tells_how_long_it_waited(spans):
    delivered(spans, record(0), sender=ScriptedSender(BROKEN, OK))

    process = spans.one("process by-user")
    assert process.status.status_code is StatusCode.UNSET
    assert events_of(process) == [
        (
            "waits for retry",
            {
                "connector.code": "transient",
                "connector.attempt": 1,
                "connector.delay_s": 0.5,
                "encharge.mapping": "Track Event",
                "encharge.action": "trackEvent",
            },
        )
    ]


def test_a_dead_letter_makes_the_span_of_its_record_an_error(spans):
    delivered(spans, record(0), sender=ScriptedSender(REFUSED))

    process, attempt = spans.one("process by-user"), spans.one("POST /v1")
    assert process.status.status_code is StatusCode.ERROR
    assert process.attributes["error.type"] == "rejected"
    assert events_of(process) == [
        (
            "dead letter",
            {
                "connector.code": "rejected",
                "connector.attempt": 1,
                "encharge.mapping": "Track Event",
                "encharge.action": "trackEvent",
            },
        )
    ]
    assert attempt.attributes["error.type"] == "400"
    assert attempt.attributes["connector.code"] == "rejected"


def test_a_record_that_cannot_be_used_has_no_attempt(spans):
    delivered(spans, record(0), plan=lambda record: (letter_task("invalid_payload"),))

    assert {span.name for span in spans.all} == {"process by-user", "plan"}
    assert spans.one("plan").attributes["connector.requests"] == 0
    assert spans.one("process by-user").attributes["error.type"] == "invalid_payload"


def test_a_filtered_record_says_so(spans):
    delivered(spans, record(0), plan=lambda record: ())

    assert dict(spans.one("plan").attributes) == {"connector.requests": 0, "connector.filtered": True}
    assert spans.one("process by-user").attributes["connector.filtered"]


def test_each_request_of_a_record_has_an_attempt_of_its_own(spans):
    delivered(spans, record(0), plan=delivery.plan_several("one", "two"))

    assert spans.one("plan").attributes["connector.requests"] == 2
    assert [each.attributes["encharge.mapping"] for each in spans.named("POST /v1")] == ["one", "two"]


def test_an_attempt_that_is_cut_off_and_its_record_are_ended_with_the_assignment(spans):
    async def scenario(setup):
        setup.context.trail = SpanTrail(spans.tracer, GROUP)
        setup.submit(record(0))
        await delivery.until(lambda: setup.sender.under_way)
        await setup.dispatcher.drain(1.0)

    delivery.play(scenario, sender=ScriptedSender(latency_s=60))

    assert spans.one("POST /v1").attributes["error.type"] == "interrupted"
    process = spans.one("process by-user")
    assert process.attributes["connector.left"]
    assert "connector.finished" not in process.attributes


def test_an_attempt_that_a_defect_ends_has_the_code_of_its_dead_letter(spans):
    delivered(spans, record(0), sender=ScriptedSender(RuntimeError("a defect")))

    assert spans.one("POST /v1").attributes["error.type"] == "internal"


def test_a_trace_that_its_producer_did_not_sample_has_no_spans_and_is_delivered(spans):
    setup = delivered(spans, record(0, headers=(NOT_SAMPLED,)), record(1, headers=(TRACEPARENT,)))

    assert setup.sender.sent == [b"u1.0", b"u1.1"]
    assert [span.attributes["messaging.kafka.offset"] for span in spans.named("process by-user")] == [1]


def test_of_a_record_that_is_not_sampled_no_step_is_told():
    trail = SpanTrail(Spans(ALWAYS_OFF).tracer, GROUP)

    assert trail.taken(record(0)) is None


def test_requests_are_the_same_with_tracing(spans):
    sent = []

    class Sender(ScriptedSender):
        async def send(self, request):
            sent.append(request)
            return await super().send(request)

    delivered(spans, record(0, headers=(TRACEPARENT,)), sender=Sender())

    assert sent == [plan_one_request(record(0))[0].request]


# The ingest stage


def forwarded(spans, *records, troubles=None, send_troubles=()):
    """Take records in one batch; give the headers of what was forwarded, and the Setup."""

    async def scenario(setup):
        setup.producer.troubles = troubles or {}
        setup.producer.send_troubles = list(send_troubles)
        await setup.take(*records)
        return setup

    setup = ingest.play(scenario, trail=IngestSpanTrail(spans.tracer, "g.ingest", "by-user"))
    return [headers for _, _, headers in setup.producer.sent], setup


def links_of(span):
    return [(*ids(link.context), link.attributes["messaging.kafka.offset"]) for link in span.links]


def test_a_batch_is_one_span_that_links_to_the_contexts_of_its_records(spans):
    other = ("traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")

    forwarded(spans, ingest.event(5, headers=(TRACEPARENT,)), ingest.event(6, headers=(other,)))

    batch = spans.one("forward events")
    assert batch.kind is SpanKind.CONSUMER
    assert batch.parent is None
    assert links_of(batch) == [(TRACE, PARENT, 5), (int("ab" * 16, 16), int("cd" * 8, 16), 6)]
    assert dict(batch.attributes) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "forward",
        "messaging.operation.type": "process",
        "messaging.destination.name": "events",
        "messaging.destination.partition.id": "3",
        "messaging.consumer.group.name": "g.ingest",
        "messaging.batch.message_count": 2,
        "connector.forwarded": 2,
    }


def test_a_forwarded_record_keeps_the_context_that_it_came_with(spans):
    [headers], _ = forwarded(spans, ingest.event(5, headers=(TRACEPARENT, ("tracestate", b"vendor=1"))))

    assert headers == [TRACEPARENT, ("tracestate", b"vendor=1"), ("encharge.source", b"events/3/5/1700")]


def test_a_record_without_a_context_is_given_one_that_its_delivery_continues(spans):
    [headers], _ = forwarded(spans, ingest.event(5))
    delivered(spans, record(0, headers=headers))

    create = spans.one("create by-user")
    assert create.kind is SpanKind.PRODUCER
    assert create.parent is None
    assert create.attributes["connector.source"] == "events/3/5"
    assert ids(spans.one("process by-user").parent) == ids(create.context)
    assert links_of(spans.one("forward events")) == [(*ids(create.context), 5)]


def test_the_time_of_the_source_record_is_still_found_behind_all_other_headers(spans):
    [headers], _ = forwarded(spans, ingest.event(5))

    assert [name for name, _ in headers] == ["traceparent", "encharge.source"]
    assert produced_at(record(0, headers=headers, timestamp=9999)) == 1.7


def test_from_the_producer_to_the_attempt_it_is_one_trace(spans):
    [headers], _ = forwarded(spans, ingest.event(5, headers=(TRACEPARENT,)))
    delivered(spans, record(0, headers=headers))

    attempt, process = spans.one("POST /v1"), spans.one("process by-user")
    assert ids(attempt.parent) == ids(process.context)
    assert ids(process.parent) == (TRACE, PARENT)


def test_records_without_a_context_are_traces_apart(spans):
    headers, _ = forwarded(spans, ingest.event(0), ingest.event(1))

    first, second = (dict(each)["traceparent"].split(b"-")[1] for each in headers)
    assert first != second


def test_what_is_not_sampled_is_forwarded_with_a_context_that_says_so():
    not_sampling, sampling = Spans(ALWAYS_OFF), Spans(ALWAYS_ON)

    [headers], _ = forwarded(not_sampling, ingest.event(0))
    delivered(sampling, record(0, headers=headers))

    flags = int(dict(headers)["traceparent"].rpartition(b"-")[2], 16)
    assert not flags & 1
    assert not_sampling.all == sampling.all == ()


def test_a_batch_does_not_link_to_what_its_producer_did_not_sample(spans):
    forwarded(spans, ingest.event(0, headers=(NOT_SAMPLED,)))

    assert spans.one("forward events").links == ()


def test_an_unreadable_record_is_told_of_by_its_batch_and_makes_its_own_span_an_error(spans):
    forwarded(spans, ingest.source_record(5, b"not JSON"), ingest.event(6))

    batch = spans.one("forward events")
    assert events_of(batch) == [
        ("dead letter", {"connector.code": "unreadable_not_json", "messaging.kafka.offset": 5})
    ]
    assert batch.attributes["connector.forwarded"] == 1
    failed, fine = spans.named("create by-user")
    assert failed.attributes["error.type"] == "unreadable_not_json"
    assert failed.status.status_code is StatusCode.ERROR
    assert fine.status.status_code is StatusCode.UNSET


def test_a_batch_that_is_sent_again_has_the_same_contexts_and_says_so(spans):
    value = ingest.event(0).value

    headers, _ = forwarded(spans, ingest.event(0), troubles={value: [NotEnoughReplicasError()]})

    assert headers[0] == headers[1]
    assert events_of(spans.one("forward events")) == [
        ("sent again", {"error.type": "NotEnoughReplicasError"})
    ]
    assert len(spans.named("create by-user")) == 1


def test_a_record_that_is_refused_for_its_size_is_told_of_once(spans):
    trouble = {ingest.event(1).value: [MessageSizeTooLargeError(), MessageSizeTooLargeError()]}

    forwarded(spans, ingest.event(0), ingest.event(1), troubles=trouble)

    assert [span.attributes.get("error.type") for span in spans.named("create by-user")] == [
        None, "unreadable_too_large",
    ]  # fmt: skip
    assert spans.one("forward events").attributes["connector.forwarded"] == 1


def test_a_batch_that_the_end_of_the_assignment_cuts_off_is_ended(spans):
    async def scenario(setup):
        setup.producer.acknowledges = False
        taking = asyncio.create_task(setup.take(ingest.event(0)))
        while not setup.producer.waiting:
            await asyncio.sleep(0)
        await setup.stage.drain(1.0)
        await taking

    ingest.play(scenario, trail=IngestSpanTrail(spans.tracer, "g.ingest", "by-user"))

    assert spans.one("create by-user").attributes["connector.left"]
    assert spans.one("forward events").attributes["connector.forwarded"] == 0


def test_a_batch_of_which_all_was_forwarded_before_has_no_span(spans):
    async def scenario(setup):
        await setup.take(ingest.event(0))

    ingest.play(scenario, committed=1, trail=IngestSpanTrail(spans.tracer, "g.ingest", "by-user"))

    assert spans.all == ()


def test_a_replay_from_the_source_topic_gives_contexts_to_the_records_it_writes(spans):
    async def story():
        stage, producer, _ = reingest.stage_and_producer(users=("u1",))
        stage._trail = IngestSpanTrail(spans.tracer, "g.replay", "by-user")
        await stage.take(reingest.PLACE, [reingest.record(0), reingest.record(1, person="u2")])
        return producer.written

    [(_, _, headers)] = run(story())

    assert list(headers) == ["trace", "encharge.replay", "traceparent", "encharge.source"]
    assert spans.one("forward events").attributes["messaging.batch.message_count"] == 1
    assert len(spans.named("create by-user")) == 1


# What is in no span


def test_no_span_has_an_id_a_key_a_body_or_the_name_of_an_event(spans):
    destination = Destination.from_config(
        {"id": "test", "deletion": {"encode": False}}, api_key="canary-api-key"
    )
    event = {
        "type": "track",
        "event": "canary event",
        "userId": "canary-id",
        "context": {"traits": {"email": "canary@example.com"}},
    }
    values = [
        event,
        {"type": "identify", "userId": "canary-id", "traits": {"email": ["canary"]}},
        {"type": "delete", "userId": "canary-id#?/canary"},
        "canary",
    ]
    records = [
        record(offset, "canary-key", json.dumps(value).encode(), headers=(("canary", b"canary"),))
        for offset, value in enumerate(values)
    ]

    delivered(
        spans,
        *records,
        plan=plan_with(destination, largest_record=10_000),
        sender=ScriptedSender(REFUSED._replace(body=b'{"error":{"message":"canary"}}'), BROKEN),
    )
    forwarded(spans, ingest.event(0, "canary-id", headers=(("canary", b"canary"),)))
    forwarded(spans, ingest.source_record(0, b"canary"))

    text = "".join(span.to_json() for span in spans.all)
    assert "DELETE /v1/people" in text
    assert "dead letter" in text
    assert "canary" not in text


def test_what_a_broken_header_holds_is_not_logged(caplog):
    tracing = Tracing(Kept())
    headers = (TRACEPARENT, ("tracestate", b"canary@example.com"))

    tracing.deliver(GROUP).taken(record(0, headers=headers)).settled(0)
    asyncio.run(tracing.stop())

    assert "canary" not in caplog.text


def test_a_query_is_no_part_of_a_name(spans):
    request = Request("DELETE", "https://api.encharge.test/v1/people?people[0][userId]=u1", {}, None)

    delivered(spans, record(0), plan=lambda record: (Task("", "deletePerson", request, None),))

    attempt = spans.one("DELETE /v1/people")
    assert attempt.attributes["url.template"] == "/v1/people"
    assert attempt.attributes["server.port"] == 443
    assert "encharge.mapping" not in attempt.attributes


# The way out of the process


class Kept(SpanExporter):
    """Keeps what it is given, once it may."""

    def __init__(self, *, stuck=False):
        self.may = threading.Event()
        self.spans = []
        if not stuck:
            self.may.set()

    def export(self, spans):
        self.may.wait()
        self.spans += spans
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass


def one_span(tracing):
    tracing.deliver(GROUP).taken(record(0)).settled(0)


def test_the_last_spans_are_sent_at_the_stop():
    exporter = Kept()
    tracing = Tracing(exporter, instance="host-1")
    one_span(tracing)

    asyncio.run(tracing.stop())

    [span] = exporter.spans
    assert span.resource.attributes["service.name"] == "segment-encharge-connector"
    assert span.resource.attributes["service.instance.id"] == "host-1"
    assert span.instrumentation_scope.name == "segment-encharge-connector"


def test_a_service_may_be_called_otherwise(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,deployment.environment.name=test")
    exporter = Kept()
    tracing = Tracing(exporter)
    one_span(tracing)

    asyncio.run(tracing.stop())

    resource = exporter.spans[0].resource.attributes
    assert resource["service.name"] == "ours"
    assert resource["deployment.environment.name"] == "test"


def test_a_stop_does_not_wait_for_a_collector_that_does_not_answer():
    exporter = Kept(stuck=True)
    tracing = Tracing(exporter)
    one_span(tracing)

    begun_s = time.monotonic()
    asyncio.run(tracing.stop(within_s=0.1))
    took_s = time.monotonic() - begun_s
    exporter.may.set()

    assert took_s < 2


def test_a_full_queue_drops_spans_and_delivery_waits_for_none(monkeypatch):
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    exporter = Kept(stuck=True)
    tracing = Tracing(exporter)

    for _ in range(100):
        one_span(tracing)
    exporter.may.set()
    asyncio.run(tracing.stop())

    assert 4 <= len(exporter.spans) < 100


def test_nothing_is_sampled_where_opentelemetry_is_told_so(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    tracing = Tracing(Kept())

    assert tracing.deliver(GROUP).taken(record(0)) is None
    assert tracing.deliver(GROUP).taken(record(0, headers=(TRACEPARENT,))) is not None
    asyncio.run(tracing.stop())


def test_a_disabled_sdk_follows_nothing_and_changes_no_record(monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    tracing = Tracing(Kept())

    assert tracing.deliver(GROUP).taken(record(0)) is None
    batch = tracing.ingest("g.ingest", "by-user").begin([record(0)])
    assert batch is None or not batch.headers(record(0))
    asyncio.run(tracing.stop())


# Switching it on


def followers(**environment):
    return Followers(Settings.from_environment(environment))


def test_nobody_follows_the_records_unless_asked():
    made = followers()

    assert made.deliver(GROUP) is None
    assert made.ingest("g.ingest", "by-user") is None
    asyncio.run(made.stop())


def test_level_debug_logs_the_steps():
    made = followers(CONNECTOR_LOG_LEVEL="debug")

    assert type(made.deliver(GROUP)).__name__ == "StepLog"
    assert type(made.ingest("g.ingest", "by-user")).__name__ == "IngestStepLog"


def test_spans_and_steps_in_the_log_go_together():
    structlog.reset_defaults()
    made = followers(CONNECTOR_LOG_LEVEL="debug", CONNECTOR_TRACING="otlp")

    with structlog.testing.capture_logs() as lines:
        steps = made.deliver(GROUP).taken(record(0, headers=(NOT_SAMPLED,)))
        steps.settled(0)
    batch = made.ingest("g.ingest", "by-user").begin([record(0)])

    assert [line["event"] for line in lines] == ["record taken", "record settled"]
    assert dict(batch.headers(record(0))).keys() == {"traceparent"}
    asyncio.run(made.stop())


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_a_protocol_that_is_not_spoken_is_told_before_anything_is_read(monkeypatch, name):
    monkeypatch.setenv(name, "grpc")

    with pytest.raises(ConfigurationError, match=f"{name} is 'grpc'; only http/protobuf"):
        followers(CONNECTOR_TRACING="otlp")


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


def test_opentelemetry_is_imported_only_when_tracing_is_on():
    ended = python(
        "import sys, connector.wiring, connector.replaying\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )

    assert ended.returncode == 0, ended.stderr


def test_without_the_extra_the_error_says_how_to_install_it():
    ended = python(
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from connector.edges.trails import Followers\n"
        "from connector.settings import Settings\n"
        "Followers(Settings(tracing='otlp'))"
    )

    assert "CONNECTOR_TRACING: is otlp, which needs an extra" in ended.stderr
    assert "pip install 'segment-encharge-connector[tracing]'" in ended.stderr
