"""Builds a worker from settings: the only file that knows all layers."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Final, Literal

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from connector.delivery.context import Context
from connector.delivery.flood_guard import FloodPolicy
from connector.delivery.flow import Flow, FlowPolicy
from connector.delivery.history import History
from connector.delivery.limiter import LimiterPolicy
from connector.delivery.liveness import HealthReason, LiveLimits, Vitals, dead_reasons
from connector.delivery.ports import Sender
from connector.delivery.retry import RetryPolicy
from connector.delivery.stats import DeliveryStats, IngestStats
from connector.edges import faust_app
from connector.edges.batch_reader import BatchReader, ReaderLimits, Stage
from connector.edges.clocks import SystemDice, monotonic_clock, wall_clock
from connector.edges.console.app import make_console
from connector.edges.console.parts import Process
from connector.edges.dead_letter_topic import DeadLetterTopic
from connector.edges.deliver_stage import DeliverStage
from connector.edges.deliverable import Deliverable, read_deliverable
from connector.edges.encharge_account import EnchargeAccount
from connector.edges.engine_metrics import EngineCollector
from connector.edges.health import not_assigned, reader_vitals
from connector.edges.heartbeat import Heartbeat, new_instance
from connector.edges.ingest_stage import IngestStage
from connector.edges.kafka import connection
from connector.edges.metrics import StageCollector
from connector.edges.producer import Producer, start_producer
from connector.edges.senders import make_sender
from connector.edges.steering import Steering
from connector.edges.stuck_watch import StuckWatch
from connector.edges.suppression import ControlTopicMemory
from connector.edges.trails import Followers
from connector.edges.web import Health, start_web
from connector.edges.worker_facts import WorkerFacts, reader_facts
from connector.edges.worker_metrics import WorkerCollector
from connector.errors import ConfigurationError, Problem
from connector.running import first_of, or_stop, stop_on_signals
from connector.settings import Settings

Role = Literal["all", "ingest", "deliver"]

# After a crash the ingest stage forwards again what it had not committed, and all of it is delivered twice.
# A commit costs it next to nothing, so it does not wait for CONNECTOR_COMMIT_INTERVAL.
LONGEST_INGEST_COMMIT_S = 0.1
SELDOM: Final = 200  # collections of the middle generation between two of everything

log = structlog.get_logger(__name__)


class Worker:
    """One worker process: a Faust application with up to two readers and their stages."""

    def __init__(self, settings: Settings, role: Role, environment: Mapping[str, str] = os.environ) -> None:
        self._settings, self._environment = settings, environment
        self._ingests = role in ("all", "ingest") and settings.partitioning == "repartition"
        self._delivers = role in ("all", "deliver")
        if role == "ingest" and not self._ingests:
            raise ConfigurationError(
                Problem("is source, so there is nothing to ingest", path="CONNECTOR_PARTITIONING")
            )
        self._app = faust_app.make_app(broker=settings.kafka_bootstrap_servers)
        self._role = role
        self._readers: list[BatchReader] = []
        self._stages: list[tuple[str, BatchReader, Stage]] = []
        self._steering: Steering | None = None
        self._flow: Flow | None = None
        self._engine: EngineCollector | None = None
        self._watch: StuckWatch | None = None
        self._sender: Sender | None = None
        self.delivery, self.ingest = DeliveryStats(), IngestStats()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, then drain, commit and leave the groups.

        Raises: ConfigurationError, OperationalError before anything is read
        """
        settings = self._settings
        # Before Kafka is asked for anything: what is wrong here would not be told while Kafka is down.
        deliverable = read_deliverable(settings) if self._delivers else None
        instance = new_instance()
        followers = Followers(settings, instance=instance)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(followers.stop)
            producer = await or_stop(start_producer(settings), stop)
            if producer is None:
                return
            stack.push_async_callback(producer.stop)
            dead_letters = DeadLetterTopic(producer, settings.dead_letter_topic)
            if self._ingests:
                self._add_ingest(producer, dead_letters, followers)
            if deliverable is not None:
                memory = ControlTopicMemory(producer, settings.control_topic)
                steering = self._steering = await self._add_deliver(
                    stack, deliverable, dead_letters, memory, followers
                )
                if await or_stop(steering.start(), stop) is None:
                    return
                stack.push_async_callback(steering.stop)
            facts = self._facts()
            if settings.web_port:
                health = Health(self.not_ready, self.status, self.dead)
                web = await start_web(
                    health,
                    self._registry(),
                    host=settings.web_host,
                    port=settings.web_port,
                    console=make_console(self._process(instance, facts)),
                )
                stack.push_async_callback(web.cleanup)
            heartbeat = Heartbeat(settings, producer, instance, facts)
            heartbeat.start()
            stack.push_async_callback(heartbeat.stop)
            await faust_app.start(self._app, self._readers)
            stack.push_async_callback(faust_app.stop, self._app)
            gc.collect()
            gc.freeze()  # modules and configuration live as long as the process: never look at them again
            # After that Python looks at all that is left far too often, as there is little: with a thousand
            # people at the console that cost 3 % of the time.
            gc.set_threshold(*gc.get_threshold()[:2], SELDOM)
            log.info("worker started", ingests=self._ingests, delivers=self._delivers)
            await first_of(stop.wait(), self._app.wait_for_stopped())
            log.info("worker stopping")
            await asyncio.gather(*(reader.close() for reader in self._readers))
        if self._app.crash_reason is not None:
            raise self._app.crash_reason
        log.info("worker stopped", settled=self.delivery.settled, forwarded=self.ingest.forwarded)

    def _add_ingest(self, producer: Producer, dead_letters: DeadLetterTopic, followers: Followers) -> None:
        settings = self._settings
        stage = IngestStage(
            producer=producer,
            dead_letters=dead_letters,
            topic=settings.by_user_topic,
            unidentified=settings.unidentified,
            largest_record=settings.max_record_bytes,
            stats=self.ingest,
            trail=followers.ingest(settings.ingest_group, settings.by_user_topic),
        )
        commit_every_s = min(settings.commit_interval, LONGEST_INGEST_COMMIT_S)
        self._add_reader("ingest", settings.source_topic, settings.ingest_group, stage, commit_every_s)

    async def _add_deliver(
        self,
        stack: AsyncExitStack,
        deliverable: Deliverable,
        dead_letters: DeadLetterTopic,
        memory: ControlTopicMemory,
        followers: Followers,
    ) -> Steering:
        settings = self._settings
        sender = self._sender = make_sender(settings, deliverable.endpoints)
        stack.push_async_callback(sender.close)
        account = EnchargeAccount(deliverable.endpoints, timeout_s=settings.request_timeout)
        self._flow = Flow(_flow_policy(settings), monotonic_clock())
        group = settings.deliver_group(deliverable.destination.id)
        context = Context(
            configuration=deliverable.configuration(largest_record=settings.max_record_bytes, generation=0),
            sender=sender,
            account=account,
            dead_letters=dead_letters,
            dice=SystemDice(),
            clock=monotonic_clock,
            wall_clock=wall_clock,
            policy=RetryPolicy(window_s=settings.retry_window),
            flow=self._flow,
            most_in_flight=settings.max_in_flight,
            most_per_lane=settings.max_lane_records,
            stats=self.delivery,
            deletions=memory,
            trail=followers.deliver(group),
        )
        stage = DeliverStage(context)
        reader = self._add_reader("deliver", settings.deliver_topic, group, stage, settings.commit_interval)
        steering = Steering(settings, self._environment, deliverable, stage, account)
        watch = self._watch = StuckWatch(stage, self._flow, stuck_after_s=settings.stuck_after)
        watch.start()
        stack.push_async_callback(watch.stop)
        self._engine = EngineCollector(
            self._flow,
            stage,
            reader,
            self.delivery,
            is_broken=lambda: steering.is_broken,
            stuck=watch.count,
        )
        return steering

    def _add_reader(
        self, name: str, topic: str, group: str, stage: Stage, commit_every_s: float
    ) -> BatchReader:
        settings = self._settings
        channel = faust_app.make_channel(self._app)
        reader = BatchReader(
            topic=topic,
            group=group,
            stage=stage,
            channel=channel,
            limits=ReaderLimits(
                records=settings.max_buffered_records,
                bytes=settings.max_buffered_bytes,
                drain_s=settings.drain_timeout,
                commit_every_s=commit_every_s,
                session_s=settings.session_timeout,
                poll_s=settings.max_poll_interval,
            ),
            connection=connection(settings, name),
        )
        faust_app.add_agent(self._app, name, channel, reader)
        self._readers.append(reader)
        self._stages.append((name, reader, stage))
        return reader

    def _facts(self) -> WorkerFacts:
        settings, started_at = self._settings, wall_clock()
        return WorkerFacts(
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at=started_at,
            role=self._role,
            web=f"{settings.web_host}:{settings.web_port}" if settings.web_port else "",
            readers=self._stages,
            delivery=self.delivery,
            ingest=self.ingest,
            not_ready=self.not_ready,
            stuck=self._count_stuck,
            marks=History(started_at),
            flow=self._flow,
            steering=self._steering,
        )

    def _process(self, instance: str, facts: WorkerFacts) -> Process:
        steering = self._steering
        return Process(
            settings=self._settings,
            environment=self._environment,
            instance=instance,
            facts=facts,
            deliverable=(lambda: None) if steering is None else (lambda: steering.deliverable),
            sender=self._sender,
        )

    def _registry(self) -> CollectorRegistry:
        registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        registry.register(WorkerCollector(self._stages, self.not_ready))
        registry.register(StageCollector(self.delivery, self.ingest, self._mappings_in_force))
        if self._engine is not None:
            registry.register(self._engine)
        return registry

    def _mappings_in_force(self) -> list[str]:
        steering = self._steering
        return [] if steering is None else [each.name for each in steering.deliverable.destination.mappings]

    def _count_stuck(self) -> int:
        return 0 if self._watch is None else self._watch.count()

    def _in_flight(self) -> int:
        return 0 if self._flow is None else self._flow.limiter.in_flight

    def dead(self) -> list[HealthReason]:
        """Say why only a restart can mend the worker; empty while it is live."""
        settings, watch = self._settings, self._watch
        ended = faust_app.ended_agents(self._app)
        vitals = Vitals(
            readers=[reader_vitals(reader, ended, name) for name, reader, _ in self._stages],
            has_crashed=self._app.crash_reason is not None,
            stuck=() if watch is None else watch.stuck,
            busy=sum(stage.busy for _, _, stage in self._stages if isinstance(stage, DeliverStage)),
        )
        limits = LiveLimits(settings.max_poll_interval, settings.stuck_after, settings.request_timeout)
        return dead_reasons(vitals, limits, monotonic_clock())

    def not_ready(self) -> list[HealthReason]:
        """Say why the worker does not deliver; empty when it is ready."""
        reasons = not_assigned(self._readers)
        return reasons if self._steering is None else [*reasons, *self._steering.not_ready()]

    def status(self) -> dict[str, Any]:
        """Give what the worker holds and has done."""
        return {
            "readers": [reader_facts(*each) for each in self._stages],
            "delivered": sum(self.delivery.delivered.values()),
            "dead_letters": sum((self.delivery.dead_letters + self.ingest.dead_letters).values()),
            "retries": self.delivery.retries,
            "in_flight": self._in_flight(),
            "stuck": self._count_stuck(),
            "steering": None if self._steering is None else self._steering.status(),
        }


def _flow_policy(settings: Settings) -> FlowPolicy:
    return FlowPolicy(
        limiter=LimiterPolicy(
            most_in_flight=settings.max_in_flight, ceiling_per_s=settings.max_requests_per_second
        ),
        flood=FloodPolicy(run=settings.flood_run, share=settings.flood_share),
    )


async def run_worker(settings: Settings, role: Role) -> None:
    """Run one worker in this process until SIGTERM or SIGINT; a second signal ends it at once."""
    await Worker(settings, role).run(stop_on_signals())
