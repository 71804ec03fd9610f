"""Spans of a real worker on a real Kafka, as a collector gets them over HTTP."""

import gzip
import threading
import uuid
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from confluent_kafka import Producer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.eventually import eventually
from tests.kafka.stack import track

pytestmark = pytest.mark.kafka

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01".encode()


class Collector:
    """Takes OTLP over HTTP; keeps the bytes of every export."""

    def __init__(self, port):
        self.endpoint = f"http://127.0.0.1:{port}"
        self.exports = []

    def spans(self):
        return [
            span
            for export in self.exports
            for resource in ExportTraceServiceRequest.FromString(export).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def of_trace(self, trace):
        return [span for span in self.spans() if span.trace_id.hex() == trace]

    def services(self):
        return {
            attribute.value.string_value
            for export in self.exports
            for resource in ExportTraceServiceRequest.FromString(export).resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@contextmanager
def collecting():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            collector.exports.append(
                gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
            )
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def produce(stack, event, headers):
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers})
    producer.produce(stack.source, event.value, key=event.person, headers=headers)
    assert producer.flush(30) == 0


def test_one_trace_leads_from_the_producer_to_every_attempt(stack):
    stack.simulator.configure(fail_matching=[{"method": "POST", "status": 503, "times": 1}])
    person = f"canary-{uuid.uuid4().hex}"
    with collecting() as collector:
        stack.start_worker(
            CONNECTOR_TRACING="otlp",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        )
        produce(stack, track(person, 1), [("traceparent", TRACEPARENT)])
        eventually(lambda: stack.simulator.stats()["accepted"] == 1, 30)
        stack.stop_workers()
        trace = {}
        for span in collector.of_trace(TRACE):
            trace.setdefault(span.name, []).append(span)
        others = [span for span in collector.spans() if span.trace_id.hex() != TRACE]

    [process], [plan] = trace.pop(f"process {stack.by_user}"), trace.pop("plan")
    [attempts] = trace.values()
    assert process.parent_span_id.hex() == PARENT
    assert [span.parent_span_id for span in (plan, *attempts)] == [process.span_id] * 3
    assert [span.name for span in attempts] == ["POST /v1"] * 2
    [batch] = others
    assert batch.name == f"forward {stack.source}"
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in batch.links] == [(TRACE, PARENT)]
    [forwarded] = stack.records(stack.by_user)
    assert [value for name, value in forwarded.headers() if name == "traceparent"] == [TRACEPARENT]
    assert collector.services() == {"segment-encharge-connector"}
    assert not [export for export in collector.exports if b"canary" in export or b"test-key" in export]


def test_a_collector_that_is_not_there_delays_nothing(stack):
    worker = stack.start_worker(
        CONNECTOR_TRACING="otlp",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    stack.produce(track(f"u{number}", 1) for number in range(200))
    verdict = stack.await_all(30)
    stack.stop_workers()

    assert verdict.lost == []
    assert stack.lag() == 0
    assert worker.exit_code == 0
