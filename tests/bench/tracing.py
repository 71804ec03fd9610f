"""`python -m tests.bench.tracing`: what following a record costs, in microseconds of CPU.

The steps of one record with one request are told to each trail, without the rest of a worker. `loop` is the
thread that delivers, `all` adds the thread that encodes spans; what it encodes is thrown away.
"""

import io
import logging
import os
import time
from statistics import median

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from connector.delivery.outcome import Delivered
from connector.edges.logs import set_up_logs
from connector.edges.step_log import StepLog
from connector.edges.tracing import Tracing
from tests.builders import plan_one_request, record

ROUNDS, BATCHES, BATCH = 5, 8, 200  # 600 spans a batch: well below the queue of 2048
PAUSE_S = 0.1  # for the other thread
SOURCE = ("encharge.source", b"segment.events/3/5/1700")
CONTEXT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"


class Encoding(SpanExporter):
    def export(self, spans):
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass


def deliver(trail, headers):
    """Give a function that tells a trail the lives of one batch of records."""
    followed = record(0, headers=headers)
    tasks, outcome = plan_one_request(followed), Delivered(200)

    def run():
        for _ in range(BATCH):
            steps = trail.taken(followed)
            if steps is not None:
                steps.plans()
                steps.planned(tasks)
                steps.begins(tasks[0], 1)
                steps.ended(tasks[0], 1, outcome)
                steps.settled(1)

    return run


def ingest(trail, headers):
    """Give a function that tells a trail of one batch that is forwarded."""
    records = [record(offset, headers=headers) for offset in range(BATCH)]

    def run():
        batch = trail.begin(records)
        if batch is not None:
            for each in records:
                batch.headers(each)
            for each in records:
                batch.forwarded(each, 1)
            batch.ended()

    return run


def measured(run):
    """Microseconds of CPU a record: of this thread, and of all."""
    loops, alls = [], []
    for _ in range(ROUNDS):
        loop_s, all_s = time.thread_time(), time.process_time()
        for _ in range(BATCHES):
            run()
            time.sleep(PAUSE_S)
        loops.append(time.thread_time() - loop_s)
        alls.append(time.process_time() - all_s)
    each = 1e6 / (BATCH * BATCHES)
    return median(loops) * each, median(alls) * each


def main():
    set_up_logs("debug", "json")
    logging.getLogger().handlers[0].setStream(io.StringIO())
    os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"
    never = Tracing(Encoding())
    os.environ["OTEL_TRACES_SAMPLER"] = "parentbased_always_on"
    always = Tracing(Encoding())
    sampled, not_sampled = ((("traceparent", CONTEXT + flag), SOURCE) for flag in (b"1", b"0"))
    cases = {
        "deliver, sampled": deliver(always.deliver("g"), sampled),
        "deliver, its producer did not sample": deliver(always.deliver("g"), not_sampled),
        "deliver, no context, not sampled": deliver(never.deliver("g"), (SOURCE,)),
        "deliver, steps in the log": deliver(StepLog(), sampled),
        "ingest, sampled": ingest(always.ingest("g", "by-user"), sampled),
        "ingest, its producer did not sample": ingest(always.ingest("g", "by-user"), not_sampled),
        "ingest, no context, sampled": ingest(always.ingest("g", "by-user"), ()),
        "ingest, no context, not sampled": ingest(never.ingest("g", "by-user"), ()),
    }
    print("| | loop, µs | all, µs |\n|---|--:|--:|")
    for name, run in cases.items():
        loop, all_ = measured(run)
        print(f"| {name} | {loop:.0f} | {all_:.0f} |")


if __name__ == "__main__":
    main()
