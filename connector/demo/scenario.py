"""The story of the demo: produce, deliver, kill a worker, let another join, judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from connector.demo.events import Produced, shop_events
from connector.demo.judge import Accepted, Letter, Verdict, id_in_body, judge
from connector.demo.view import View
from connector.demo.workers import WorkerProcess
from connector.edges.destination_template import destination_text
from connector.edges.kafka import connection
from connector.edges.lag import LagReader
from connector.edges.topic_admin import topic_admin
from connector.embedded import EmbeddedKafka
from connector.errors import OperationalError
from connector.settings import Settings
from connector.simulator import SimulatorClient, SimulatorConfig, running_simulator

API_KEY = "demo-key"
SESSION_TIMEOUT_S = 6.0  # how long the group waits for the killed worker
COMMIT_INTERVAL_S = 1.0
MAX_IN_FLIGHT = 128
WATCH_EVERY_S = 0.25
DEADLINE_S = 150.0  # without any news for so long, something is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large the demo is."""

    events: int = 5000
    people: int = 300
    events_per_second: float = 250.0
    seed: int = 1
    keep: bool = False


class Demo:
    """One run."""

    def __init__(self, plan: Plan, view: View) -> None:
        self._plan, self._view = plan, view
        self._directory = Path(mkdtemp(prefix="encharge-connector-demo-"))
        self._workers: list[WorkerProcess] = []
        self._produced: list[tuple[Produced, float]] = []
        self._places: dict[tuple[int, int], str] = {}  # partition and offset of the source -> id

    def run(self) -> Verdict:
        """Run the whole story; everything that was started is ended, also after Ctrl-C.

        Raises: OperationalError when it cannot be told to its end
        """
        with ExitStack() as stack:
            self._view.say("starting Apache Kafka")
            kafka = stack.enter_context(EmbeddedKafka())
            config = SimulatorConfig(
                tokens=(API_KEY,),
                latency="lognormal:25,0.5",
                rate_429=0.02,
                retry_after="1",
                rate_500=0.02,
                seed=self._plan.seed,
            )
            simulator = stack.enter_context(running_simulator(config, own_process=True))
            self._view.say(
                f"Kafka is up at {kafka.bootstrap_servers}, Encharge is simulated at {simulator.url}"
            )
            environment = self._environment(kafka, simulator)
            settings = Settings.from_environment(environment)
            stack.callback(self._end_workers)
            verdict = asyncio.run(self._story(settings, environment, simulator))
            if self._plan.keep:
                self._keep(kafka, simulator)
        return verdict

    def _environment(self, kafka: EmbeddedKafka, simulator: SimulatorClient) -> dict[str, str]:
        file = self._directory / "destination.yaml"
        file.write_text(destination_text(id="demo", name="Encharge demo"), encoding="utf-8")
        return {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "CONNECTOR_DESTINATION_FILE": str(file),
            "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
            "CONNECTOR_ENCHARGE_INGEST_URL": f"{simulator.url}/v1",
            "CONNECTOR_ENCHARGE_API_URL": simulator.url,
            "CONNECTOR_SESSION_TIMEOUT": str(SESSION_TIMEOUT_S),
            "CONNECTOR_COMMIT_INTERVAL": str(COMMIT_INTERVAL_S),
            "CONNECTOR_MAX_IN_FLIGHT": str(MAX_IN_FLIGHT),
            "CONNECTOR_WEB_PORT": "0",
        }

    async def _story(
        self, settings: Settings, environment: dict[str, str], simulator: SimulatorClient
    ) -> Verdict:
        async with topic_admin(settings) as admin:
            for diff in await admin.diff():
                await admin.apply(diff)
        self._view.say("topics are made; starting two workers")
        self._start_worker(environment)
        self._start_worker(environment)
        watch = asyncio.create_task(self._watch(settings, simulator))
        try:
            await self._produce(settings, environment)
            await self._await_all(watch)
        finally:
            watch.cancel()
        self._view.say("stopping the workers")
        self._end_workers()
        await self._look(settings, simulator)
        letters = await self._letters(settings)
        return judge(self._produced, self._accepted(simulator), letters)

    # Producing, with the two turns of the story

    async def _produce(self, settings: Settings, environment: dict[str, str]) -> None:
        plan = self._plan
        producer = AIOKafkaProducer(
            enable_idempotence=True, acks="all", linger_ms=5, **connection(settings, "demo")
        )
        await producer.start()
        kill_at, join_at = int(plan.events * 0.4), int(plan.events * 0.55)
        begun_s = time.monotonic()
        waiting: set[asyncio.Task[None]] = set()
        try:
            for number, event in enumerate(shop_events(plan.events, plan.people, plan.seed)):
                ahead_s = begun_s + number / plan.events_per_second - time.monotonic()
                if ahead_s > 0:
                    await asyncio.sleep(ahead_s)
                if number == kill_at:
                    self._kill_worker()
                if number == join_at:
                    self._view.say("another worker joins")
                    self._start_worker(environment)
                future = await producer.send(
                    settings.source_topic, event.value, key=event.person.encode(), headers=[]
                )
                task = asyncio.ensure_future(self._acknowledged(event, future))
                waiting.add(task)
                task.add_done_callback(waiting.discard)
            await asyncio.gather(*waiting)
        finally:
            await producer.stop()

    async def _acknowledged(self, event: Produced, future: asyncio.Future[object]) -> None:
        place = await future
        self._produced.append((event, time.time()))
        self._places[place.partition, place.offset] = event.id  # type: ignore[attr-defined]
        self._view.state.produced += 1

    def _start_worker(self, environment: dict[str, str]) -> None:
        worker = WorkerProcess(f"worker-{len(self._workers) + 1}", environment, self._directory)
        self._workers.append(worker)
        self._view.state.workers[worker.name] = "running"

    def _kill_worker(self) -> None:
        worker = self._workers[0]
        worker.kill()
        self._view.state.workers[worker.name] = "killed"
        self._view.say(f"{worker.name} is killed with SIGKILL, in the middle of its work")

    def _end_workers(self) -> None:
        running = [worker for worker in self._workers if worker.exit_code is None]
        for worker in running:
            worker.begin_stop()
        for worker in running:
            code = worker.finish_stop()
            self._view.state.workers[worker.name] = "stopped"
            if code:
                self._view.say(f"{worker.name} ended with exit code {code}, see {worker.log}")

    # Watching

    async def _watch(self, settings: Settings, simulator: SimulatorClient) -> None:
        """Keep the view up to date until cancelled."""
        destination = "demo"
        async with LagReader(settings) as reader:
            while True:
                await self._look(settings, simulator)
                stages = (
                    (settings.source_topic, settings.ingest_group),
                    (settings.by_user_topic, settings.deliver_group(destination)),
                )
                self._view.state.lag = sum(
                    [each.lag for stage in stages for each in await reader.read(*stage)]
                )
                letters = await reader.read(settings.dead_letter_topic, "none")
                self._view.state.dead_letters = sum(each.end for each in letters)
                self._refuse_dead_workers()
                self._view.refresh()
                await asyncio.sleep(WATCH_EVERY_S)

    async def _look(self, settings: Settings, simulator: SimulatorClient) -> None:  # noqa: ARG002
        stats = await asyncio.to_thread(simulator.stats)
        self._view.state.accepted = stats["accepted"]

    def _refuse_dead_workers(self) -> None:
        for worker in self._workers[1:]:
            if worker.exit_code not in (None, 0):
                tail = worker.log.read_text(errors="replace").splitlines()[-5:]
                raise OperationalError(
                    "\n".join(
                        [f"{worker.name} ended with exit code {worker.exit_code}; its log ends with", *tail]
                    )
                )

    async def _await_all(self, watch: asyncio.Task[None]) -> None:
        """Wait until everything produced is accounted for and committed."""
        state = self._view.state
        quiet_since_s, seen = time.monotonic(), -1
        while not (state.accepted + state.dead_letters >= state.total and state.lag == 0):
            if watch.done():
                watch.result()
            if state.accepted + state.dead_letters != seen:
                seen, quiet_since_s = state.accepted + state.dead_letters, time.monotonic()
            if time.monotonic() - quiet_since_s > DEADLINE_S:
                self._view.say(f"nothing happened for {DEADLINE_S:.0f} s; judging what is there")
                return
            await asyncio.sleep(WATCH_EVERY_S)

    # Evidence

    def _accepted(self, simulator: SimulatorClient) -> list[Accepted]:
        return [
            Accepted(id_in_body(request["body"]), request["accepted_at"])
            for request in simulator.requests()
            if request["method"] != "GET"  # the key being tried
        ]

    async def _letters(self, settings: Settings) -> Sequence[Letter]:
        consumer = AIOKafkaConsumer(
            settings.dead_letter_topic, auto_offset_reset="earliest", **connection(settings, "demo")
        )
        await consumer.start()
        letters: list[Letter] = []
        try:
            ends = await consumer.end_offsets(list(consumer.assignment()))
            while sum(ends.values()) > len(letters):
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    letters += [self._letter(dict(record.headers)) for record in records]
        finally:
            await consumer.stop()
        return letters

    def _letter(self, headers: dict[str, bytes]) -> Letter:
        if "encharge.source" in headers:
            partition, offset = map(int, headers["encharge.source"].split(b"/")[1:3])
        else:
            partition = int(headers["__connect.errors.partition"])
            offset = int(headers["__connect.errors.offset"])
        id_ = self._places.get((partition, offset), f"unknown {partition}/{offset}")
        return Letter(id_, headers["encharge.code"].decode())

    def _keep(self, kafka: EmbeddedKafka, simulator: SimulatorClient) -> None:
        self._view.say(
            f"still running, Ctrl-C ends it: Kafka {kafka.bootstrap_servers},"
            f" Encharge {simulator.url}/_sim/stats, settings and logs in {self._directory}"
        )
        try:
            while kafka.running:
                time.sleep(0.5)
        except KeyboardInterrupt:
            return


def duplicate_bound(plan: Plan) -> int:
    """Give how many duplicates one SIGKILL may cause.

    What was in flight, and what was delivered or forwarded since the last commit: one commit interval of
    the deliver stage's, and one batch of the ingest stage's, at the rate of the demo.
    """
    return MAX_IN_FLIGHT + round(2 * (COMMIT_INTERVAL_S + 1.0) * plan.events_per_second)
