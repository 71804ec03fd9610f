"""Encharge forgets everything, and a replay brings it back while live events go on and a process is killed.

The short form is in tests/kafka/test_replay.py; the full one, which measures live delivery, too, is
`python -m tests.kafka.replay_full`.
"""

import itertools
import time
from collections import Counter
from dataclasses import dataclass

from connector.demo.judge import Accepted, id_in_body, judge
from tests.cli.command import Process, run
from tests.eventually import eventually
from tests.kafka.stack import track
from tests.scenarios.load import Load

MAPPINGS = {"identify": "Identify User", "track": "Track Event", "page": "Track Page View"}
COMMIT_INTERVAL_S = 0.5  # a commit every quarter of a second, and the time that one takes
IN_FLIGHT = 64


def mixed(people, per_person):
    """Events of three kinds, each person's first one an identify."""
    for sequence, number in itertools.product(range(1, per_person + 1), range(people)):
        person = f"u{number}"
        if sequence == 1:
            yield track(person, sequence, type="identify", traits={"plan": "pro"})
        elif sequence % 3 == 0:
            yield track(person, sequence, type="page", name="Home")
        else:
            yield track(person, sequence)


@dataclass
class Outcome:
    """What came of it; `before` and `planned` are requests by mapping, `quiet` and `live` verdicts."""

    before: Counter
    plan: dict
    replayed: object
    sent: Counter
    bound: int
    parts_of_bound: tuple
    killed_after: int
    report: object
    again: object
    listed: list
    quiet: object
    live: object
    slow: dict  # second of the replay -> how many live events took more than the quiet 99 % then
    seconds: float


class ReplayStory:
    """A context manager around the replay processes of one stack."""

    def __init__(self, stack):
        self.stack, self.directory = stack, stack.directory
        self.processes = []
        self._live = itertools.count()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for process in self.processes:
            process.close()

    def command(self, *arguments):
        return run(*arguments, **self.stack.environment)

    def plan(self, *arguments):
        """Make a plan; give its file and what was printed."""
        file = self.directory / f"plan-{len(list(self.directory.glob('plan-*')))}.json"
        done = self.command("replay", "plan", *arguments, "--out", file, "--json")
        assert done.code == 0, done.err
        return file, done.json

    def start(self, file, *arguments):
        process = Process(
            ["replay", "run", file, "--json", *arguments],
            self.directory,
            self.directory,
            self.stack.environment,
        )
        self.processes.append(process)
        return process

    def live(self, rate):
        """Live events of people whom no replay is about."""
        return Load(self.stack.produce, self._live_event, rate)

    def _live_event(self):
        turn, number = divmod(next(self._live), 50)
        return track(f"live{number}", turn + 1)

    def accepted(self, *, replayed):
        """The requests that were accepted, of the replay or of live events."""
        return [
            each
            for each in self.stack.simulator.requests()
            if replayed != id_in_body(each["body"]).startswith("live")
        ]

    def judge(self, produced, requests):
        accepted = [Accepted(id_in_body(each["body"]), each["accepted_at"]) for each in requests]
        return judge(produced, accepted, [])


def by_mapping(requests):
    return Counter(MAPPINGS[request["body"]["type"]] for request in requests)


def slow_by_second(produced, requests, begun_at, limit_s):
    """Where the live events lie that took longer than a limit."""
    accepted = {id_in_body(each["body"]): each["accepted_at"] for each in requests}
    return Counter(int(at - begun_at) for event, at in produced if accepted[event.id] - at > limit_s)


def forget_and_replay(story, *, people, per_person, rate, live_rate, quiet_s=0):
    """Tell the whole story; `quiet_s` is how long live events are measured without a replay before."""
    stack, simulator = story.stack, story.stack.simulator
    simulator.configure(latency="uniform:5,15")
    stack.start_worker()
    stack.produce(mixed(people, per_person))
    original = list(stack.produced)
    eventually(lambda: simulator.stats()["accepted"] == len(original), 240, "the first delivery")
    before = by_mapping(simulator.requests())
    simulator.reset(keep_config=True)
    quiet = None
    if quiet_s:
        with story.live(live_rate) as load:
            load.go_on(quiet_s)
        produced = stack.produced[len(original) :]
        eventually(lambda: simulator.stats()["accepted"] == len(produced), 60, "live events")
        quiet = story.judge(produced, simulator.requests())
        simulator.reset(keep_config=True)
    first_live = len(stack.produced)

    file, plan = story.plan("--since", "1h", "--where", 'match(userId, "u*")', "--rate", rate)
    begun_s, begun_at = time.monotonic(), time.time()
    with story.live(live_rate):
        victim, survivor = story.start(file), story.start(file)

        def half_is_there():
            written = len(stack.produced) - first_live
            return simulator.stats()["accepted"] - written > len(original) / 2

        eventually(half_is_there, 240)
        stats, killed_at = simulator.stats(), time.time()
        victim.close()
        # Not all of the log: while the simulator writes that down, live events wait.
        log = simulator.requests(after=max(stats["accepted"] - 2 * round(rate), 0))
        recent = sum(each["accepted_at"] >= killed_at - COMMIT_INTERVAL_S for each in log)
        in_flight, killed_after = stats["in_flight"], stats["accepted"] - (len(stack.produced) - first_live)
        survivor.wait(300)
    seconds = time.monotonic() - begun_s
    live_events = stack.produced[first_live:]
    eventually(
        lambda: len(story.accepted(replayed=False)) == len(live_events), 60, "live events beside the replay"
    )
    requests = story.accepted(replayed=True)
    again = story.command("replay", "run", file, "--json")
    listed = story.command("replay", "list", "--json").json
    stack.stop_workers()
    live_requests = story.accepted(replayed=False)
    return Outcome(
        before=before,
        plan=plan,
        replayed=story.judge(original, requests),
        sent=by_mapping({each["body"]["messageId"]: each for each in requests}.values()),
        bound=in_flight + recent,
        parts_of_bound=(in_flight, recent),
        killed_after=killed_after,
        report=survivor.done(),
        again=again,
        listed=listed,
        quiet=quiet,
        live=story.judge(live_events, live_requests),
        slow=slow_by_second(live_events, live_requests, begun_at, quiet.p99_s if quiet else 1.0),
        seconds=seconds,
    )
