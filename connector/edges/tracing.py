"""The life of each record as spans of OpenTelemetry, behind the extra `tracing`.

A record's span is a child of the context in its headers (W3C traceparent), so one trace leads from who
produced the event over its record to every attempt. To keep it so, the ingest stage changes no context: what
it forwards carries the headers of the source record, and the span of a batch links to its records. Only a
record that came without a context is given one, of a span `create` that its trace begins with; the context of
the batch would put hundreds of people's events into one trace, sampled all or none.

The names are those of the semantic conventions for messaging (in development) and HTTP (stable). What they
would have and we leave out, as it holds ids: url.full, messaging.kafka.message.key. Requests to Encharge
carry no traceparent: they are byte for byte the reference's.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ and .../http/http-spans/
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.semconv._incubating.attributes.messaging_attributes import (
    MESSAGING_BATCH_MESSAGE_COUNT,
    MESSAGING_CONSUMER_GROUP_NAME,
    MESSAGING_DESTINATION_NAME,
    MESSAGING_DESTINATION_PARTITION_ID,
    MESSAGING_KAFKA_OFFSET,
    MESSAGING_OPERATION_NAME,
    MESSAGING_OPERATION_TYPE,
    MESSAGING_SYSTEM,
    MessagingOperationTypeValues,
    MessagingSystemValues,
)
from opentelemetry.semconv._incubating.attributes.service_attributes import SERVICE_INSTANCE_ID
from opentelemetry.semconv._incubating.attributes.url_attributes import URL_TEMPLATE
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_REQUEST_RESEND_COUNT,
    HTTP_RESPONSE_STATUS_CODE,
)
from opentelemetry.semconv.attributes.server_attributes import SERVER_ADDRESS, SERVER_PORT
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME, SERVICE_VERSION
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connector import __version__
from connector.delivery.dead_letter import Headers, Reason
from connector.delivery.outcome import Delivered, Outcome
from connector.delivery.planner import Task, Tasks
from connector.delivery.record import Record
from connector.delivery.trail import BatchSteps, Steps

SERVICE: Final = "segment-encharge-connector"
FLUSH_S: Final = 3.0  # that a stop waits for the last spans

# Ours, where the conventions have nothing.
MAPPING: Final = "encharge.mapping"
ACTION: Final = "encharge.action"
CODE: Final = "connector.code"
ATTEMPT: Final = "connector.attempt"
DELAY_S: Final = "connector.delay_s"
REQUESTS: Final = "connector.requests"  # that were planned
FINISHED: Final = "connector.finished"  # tasks of a settled record
FILTERED: Final = "connector.filtered"  # whether a settled record had none
LEFT: Final = "connector.left"  # whether the record went to the next owner of its partition
FORWARDED: Final = "connector.forwarded"  # events of a batch
SOURCE: Final = "connector.source"  # topic/partition/offset of the record that a trace begins with

_KAFKA: Final = {MESSAGING_SYSTEM: MessagingSystemValues.KAFKA.value}
_FAILED: Final = Status(StatusCode.ERROR)

log = structlog.get_logger(__name__)


class _Headers(Getter[Headers]):
    """Reads Kafka's headers; of several with one name the last one counts, as in Kafka's own clients."""

    def get(self, carrier: Headers, key: str) -> list[str] | None:
        found = None
        for name, value in carrier:
            if name == key and value is not None:  # Kafka allows null
                found = value
        return None if found is None else [found.decode("latin-1")]

    def keys(self, carrier: Headers) -> list[str]:
        return [name for name, _ in carrier]


_W3C: Final = TraceContextTextMapPropagator()
_HEADERS: Final = _Headers()


class SpanTrail:
    """A trail of the deliver stage."""

    def __init__(self, tracer: Tracer, group: str) -> None:
        self._tracer = tracer
        self._attributes = _consumer(group, "process")

    def taken(self, record: Record) -> Steps | None:
        """Begin the span of a record; None when its trace is not sampled, and nothing more is told then."""
        span = self._tracer.start_span(
            f"process {record.topic}",
            _W3C.extract(record.headers, Context(), _HEADERS),
            SpanKind.CONSUMER,
            {**self._attributes, **_place(record), MESSAGING_KAFKA_OFFSET: record.offset},
        )
        return _RecordSpans(self._tracer, span) if span.is_recording() else None


class _RecordSpans:
    """The span of a record, and those below it: of planning and of each attempt."""

    __slots__ = ("_attempt", "_code", "_context", "_plan", "_span", "_tracer")

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer, self._span = tracer, span
        self._context = set_span_in_context(span, Context())
        self._plan: Span | None = None
        self._attempt: Span | None = None  # under way
        self._code = ""  # of the last attempt

    def plans(self) -> None:
        self._plan = self._tracer.start_span("plan", self._context)

    def planned(self, tasks: Tasks | None) -> None:
        if self._plan is not None:
            if tasks is not None:
                requests = sum(task.request is not None for task in tasks)
                self._plan.set_attributes({REQUESTS: requests, FILTERED: not tasks})
            self._plan.end()
            self._plan = None

    def begins(self, task: Task, attempt: int) -> None:
        self._interrupt("interrupted")
        request = task.request
        assert request is not None
        # A query holds the id of a person to delete; a path holds nobody's.
        url = urlsplit(request.url.partition("?")[0])
        attributes: dict[str, str | int] = {
            HTTP_REQUEST_METHOD: request.method,
            URL_TEMPLATE: url.path,
            SERVER_ADDRESS: url.hostname or "",
            SERVER_PORT: url.port or (80 if url.scheme == "http" else 443),
            ATTEMPT: attempt,
            **_names(task.mapping, task.action),
        }
        if attempt > 1:
            attributes[HTTP_REQUEST_RESEND_COUNT] = attempt - 1
        self._attempt = self._tracer.start_span(
            f"{request.method} {url.path}", self._context, SpanKind.CLIENT, attributes
        )

    def ended(self, task: Task, attempt: int, outcome: Outcome) -> None:  # noqa: ARG002
        span = self._attempt
        if span is None:
            return
        self._attempt, self._code = None, outcome.code
        span.set_attribute(CODE, outcome.code)
        status: int | None = getattr(outcome, "status", None)
        if status is not None:
            span.set_attribute(HTTP_RESPONSE_STATUS_CODE, status)
        if type(outcome) is not Delivered:
            _fail(span, getattr(outcome, "reason", "") or str(status or outcome.code))
        span.end()

    def waits(self, task: Task, attempt: int, delay_s: float) -> None:
        self._span.add_event(
            "waits for retry",
            {
                **({CODE: self._code} if self._code else {}),
                ATTEMPT: attempt,
                DELAY_S: delay_s,
                **_names(task.mapping, task.action),
            },
        )

    def dead_lettered(self, reason: Reason) -> None:
        self._interrupt(reason.code)
        self._span.add_event(
            "dead letter",
            {CODE: reason.code, ATTEMPT: reason.attempts, **_names(reason.mapping, reason.action)},
        )
        _fail(self._span, reason.code)

    def settled(self, finished: int) -> None:
        self._interrupt("interrupted")
        self._span.set_attributes({FINISHED: finished, FILTERED: not finished})
        self._span.end()

    def left(self) -> None:
        self._interrupt("interrupted")
        self._span.set_attribute(LEFT, True)
        self._span.end()

    def _interrupt(self, why: str) -> None:
        if self._attempt is not None:
            _fail(self._attempt, why)
            self._attempt.end()
            self._attempt = None


class IngestSpanTrail:
    """A trail of the ingest stage; `topic` is the one that it forwards to."""

    def __init__(self, tracer: Tracer, group: str, topic: str) -> None:
        self._tracer, self._topic = tracer, topic
        self._attributes = _consumer(group, "forward")

    def begin(self, records: Sequence[Record]) -> BatchSteps | None:
        """Begin the span of a batch, and one for each record without a context."""
        if not records:
            return None
        created: dict[int, Span] = {}
        links = []
        for record in records:
            context = get_current_span(_W3C.extract(record.headers, Context(), _HEADERS)).get_span_context()
            if not context.is_valid:
                span = created[record.offset] = self._create(record)
                context = span.get_span_context()
            if context.trace_flags.sampled:
                links.append(Link(context, {MESSAGING_KAFKA_OFFSET: record.offset}))
        batch = self._tracer.start_span(
            f"forward {records[0].topic}",
            Context(),
            SpanKind.CONSUMER,
            {**self._attributes, **_place(records[0]), MESSAGING_BATCH_MESSAGE_COUNT: len(records)},
            links,
        )
        return _BatchSpans(batch, created) if created or batch.is_recording() else None

    def _create(self, record: Record) -> Span:
        return self._tracer.start_span(
            f"create {self._topic}",
            Context(),
            SpanKind.PRODUCER,
            {
                **_KAFKA,
                MESSAGING_OPERATION_NAME: "create",
                MESSAGING_OPERATION_TYPE: MessagingOperationTypeValues.CREATE.value,
                MESSAGING_DESTINATION_NAME: self._topic,
                SOURCE: f"{record.topic}/{record.partition}/{record.offset}",
            },
        )


class _BatchSpans:
    """The span of a batch, and those of its records that came without a context, by offset."""

    def __init__(self, batch: Span, created: dict[int, Span]) -> None:
        self._batch, self._created = batch, created
        self._given = {offset: _headers_of(span) for offset, span in created.items()}
        self._events = 0

    def headers(self, record: Record) -> Headers:
        return self._given.get(record.offset, ())

    def forwarded(self, record: Record, events: int) -> None:
        self._events += events
        if (span := self._created.pop(record.offset, None)) is not None:
            span.end()

    def dead_lettered(self, record: Record, reason: Reason) -> None:
        self._batch.add_event("dead letter", {CODE: reason.code, MESSAGING_KAFKA_OFFSET: record.offset})
        if (span := self._created.pop(record.offset, None)) is not None:
            span.set_attribute(CODE, reason.code)
            _fail(span, reason.code)
            span.end()

    def repeats(self, trouble: str) -> None:
        self._batch.add_event("sent again", {ERROR_TYPE: trouble})

    def ended(self) -> None:
        for span in self._created.values():  # not acknowledged: the next owner forwards them
            span.set_attribute(LEFT, True)
            span.end()
        self._batch.set_attribute(FORWARDED, self._events)
        self._batch.end()


class Tracing:
    """The spans' way out of this process: OTLP over HTTP, from a thread of its own.

    Where to, how often, how much is sampled and what the service is called is said by OpenTelemetry's own
    variables (OTEL_*). A full queue drops spans; delivery waits for none of them.
    """

    def __init__(self, exporter: SpanExporter, *, instance: str = "") -> None:
        # The API quotes what it cannot read of a header, and headers are somebody's data.
        logging.getLogger("opentelemetry.trace.span").setLevel(logging.ERROR)
        self._provider = TracerProvider(resource=_resource(instance), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE, __version__, Schemas.V1_37_0.value)

    def deliver(self, group: str) -> SpanTrail:
        """Give the trail of a deliver stage."""
        return SpanTrail(self._tracer, group)

    def ingest(self, group: str, topic: str) -> IngestSpanTrail:
        """Give the trail of an ingest stage."""
        return IngestSpanTrail(self._tracer, group, topic)

    async def stop(self, within_s: float = FLUSH_S) -> None:
        """Send the last spans; gives up after so many seconds."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def flush() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(done.set)

        # A thread that is no daemon, or the loop's own pool, would hold the process until it is done.
        threading.Thread(target=flush, daemon=True, name="last-spans").start()
        try:
            async with asyncio.timeout(within_s):
                await done.wait()
        except TimeoutError:
            log.warning("the last spans could not be sent", within_s=within_s)


def otlp_exporter() -> SpanExporter:
    """Make the exporter as OTEL_EXPORTER_OTLP_* say.

    Raises: ValueError for what they cannot say
    """
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if (protocol := os.environ.get(name)) is not None:
            if protocol != "http/protobuf":
                raise ValueError(f"{name} is {protocol!r}; only http/protobuf is spoken here")
            break
    return OTLPSpanExporter()


def _resource(instance: str) -> Resource:
    resource = Resource.create()
    ours = {SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: instance}
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        ours[SERVICE_NAME] = SERVICE
    return resource.merge(Resource({name: value for name, value in ours.items() if value}))


def _consumer(group: str, operation: str) -> dict[str, str | int]:
    return {
        **_KAFKA,
        MESSAGING_OPERATION_NAME: operation,
        MESSAGING_OPERATION_TYPE: MessagingOperationTypeValues.PROCESS.value,
        MESSAGING_CONSUMER_GROUP_NAME: group,
    }


def _place(record: Record) -> dict[str, str]:
    return {
        MESSAGING_DESTINATION_NAME: record.topic,
        MESSAGING_DESTINATION_PARTITION_ID: str(record.partition),
    }


def _names(mapping: str, action: str) -> dict[str, str]:
    return {name: value for name, value in ((MAPPING, mapping), (ACTION, action)) if value}


def _headers_of(span: Span) -> list[tuple[str, bytes]]:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, set_span_in_context(span, Context()))
    return [(name, value.encode("latin-1")) for name, value in carrier.items()]


def _fail(span: Span, error_type: str) -> None:
    span.set_attribute(ERROR_TYPE, error_type)
    span.set_status(_FAILED)
