"""What Encharge does: it is silent, out, refuses the key, asks to slow down, or fails for some."""

import subprocess
import sys
import time

from tests.eventually import eventually
from tests.scenarios.scale import SHORT


def stall(world):
    """Encharge takes requests and answers none for a minute; memory stays flat and nobody leaves the group."""
    stall_s = world.scale.of(short=8, full=60)
    members = _hang(world, stall_s, CONNECTOR_REQUEST_TIMEOUT=world.scale.of(short="3s", full="10s"))
    before_mb = [world.memory_mb(worker) for worker in world.workers]
    world.await_end_of("stall_s", stall_s)
    after_mb = [world.memory_mb(worker) for worker in world.workers]
    grown_mb = max(after - before for before, after in zip(before_mb, after_mb, strict=True))
    world.notes["grown MB"] = round(grown_mb, 1)
    world.expect(grown_mb < 20, f"a worker grew by {grown_mb:.0f} MB while Encharge hung")
    world.expect(world.members() == members, "a worker left the group while Encharge hung")


def stall_and_join(world):
    """Another worker joins while Encharge answers nothing; requests under way are cut off for it."""
    settings = {
        "CONNECTOR_REQUEST_TIMEOUT": "120s",
        "CONNECTOR_DRAIN_TIMEOUT": world.scale.of(short="2s", full="8s"),
    }
    _hang(world, 60, **settings)
    world.start_workers(1, CONNECTOR_MAX_BUFFERED_RECORDS="500", **settings)
    world.expect(world.left_s("stall_s") > 0, "the stall was over before the worker joined")
    if world.scale is SHORT:
        world.simulator.configure(stall_s=0)
    world.await_end_of("stall_s", 60)


def poll_interval(world):
    """The stall lasts longer than max.poll.interval, with a full buffer: the group must not notice."""
    stall_s = world.scale.of(short=9, full=60)
    members = _hang(
        world,
        stall_s,
        CONNECTOR_REQUEST_TIMEOUT=world.scale.of(short="30s", full="120s"),
        CONNECTOR_MAX_POLL_INTERVAL=world.scale.of(short="3s", full="15s"),
    )
    world.await_end_of("stall_s", stall_s)
    world.expect(world.members() == members, "a worker left the group while Encharge hung")


def _hang(world, stall_s, **environment):
    """Two workers run into a stall with more to do than they may hold; give the members of the group."""
    world.start_workers(2, CONNECTOR_MAX_BUFFERED_RECORDS="500", **environment)
    world.produce(world.events.turns(people=200, count=200))
    eventually(lambda: world.accepted >= 200, 60)
    world.simulator.configure(stall_s=stall_s)
    world.produce(world.events.turns(people=200, count=world.scale.of(short=3_000, full=20_000)))
    eventually(lambda: world.lag(world.source, f"{world.group}.ingest") == 0, 60)
    return world.await_members(2)


def outage(world):
    """Everything is answered 503 for three times the retry window: nothing may be given up."""
    outage_s, window = world.scale.of(short=(7, "2s"), full=(60, "20s"))
    world.start_workers(2, CONNECTOR_RETRY_WINDOW=window)
    with world.load() as load:
        load.go_on(world.scale.of(short=2, full=10))
        world.simulator.configure(outage_s=outage_s)
        load.go_on(outage_s + 1)
    world.expect(not world.letters(), f"{len(world.letters())} dead letters in an outage")


def key_revoked(world):
    """Everything is answered 401 for a while; then the key works again, and nobody has to be told."""
    revoked_s = world.scale.of(short=5, full=30)
    world.start_workers(2)
    with world.load() as load:
        load.go_on(world.scale.of(short=2, full=10))
        world.simulator.configure(unauthorized_s=revoked_s)
        load.go_on(revoked_s + 1)
    world.expect(not world.letters(), f"{len(world.letters())} dead letters for a key that was refused")


def trickle_of_429(world):
    """Three in a hundred requests are told to come again later, all the time."""
    world.start_workers(2)
    world.simulator.configure(rate_429=0.03, retry_after="1")
    with world.load() as load:
        load.go_on(world.scale.of(short=5, full=60))
    world.await_all()
    world.notes["429 answered"] = world.simulator.stats()["answers"].get("429", 0)
    world.expect(world.notes["429 answered"] > 0, "nothing was answered 429")


def one_user_always_500(world):
    """One person always fails: given up when the retry window is over, and in nobody's way until then."""
    window_s = world.scale.of(short=4, full=20)
    world.start_workers(2, CONNECTOR_RETRY_WINDOW=f"{window_s}s")
    world.simulator.configure(fail_people={"unlucky": 500})
    begun_s = time.monotonic()
    unlucky = [world.events.of("unlucky")._replace(code="retry_window") for _ in range(2)]
    world.produce(unlucky)
    with world.load() as load:
        load.go_on(world.scale.of(short=2, full=15))
        is_held = not world.letters() or time.monotonic() > begun_s + window_s
    world.expect(is_held, "the failing person was given up before the retry window was over")
    eventually(lambda: world.accepted >= len(world.produced) - len(unlucky), 60, "the arrival of all others")
    eventually(lambda: len(world.letters()) == len(unlucky), 120, "the end of the failing person")


def one_mapping_always_400(world):
    """Pages are always refused.

    A few of them become dead letters and all else flows. When they are many the flood guard holds everything;
    after Encharge is mended and somebody resumed, everything that was held is delivered.
    """
    workers = world.start_workers(2)
    world.simulator.configure(fail_matching=[{"status": 400, "path": "/v1", "contains": '"type":"page"'}])
    few = world.scale.of(short=30, full=150)
    batch = []
    for number in range(few * 20):
        event = world.events.of_anybody(200, **({} if number % 20 else {"type": "page", "name": "Home"}))
        batch.append(event if number % 20 else event._replace(code="rejected"))
    world.produce(batch)
    eventually(lambda: len(world.letters()) == few, 90, "the end of the few refused pages")
    eventually(lambda: len(world.accepted_ids()) == few * 19, 60, "the delivery of all else")

    # One in two is far beyond the guard's fifth. It looks at the last 1000 requests of a worker, and what is
    # under way when it trips is answered, too.
    in_flight = 256
    world.given_up = {"rejected": few + len(workers) * (300 + in_flight)}
    many = world.scale.of(short=4_000, full=12_000)
    pages, batch = set(), []
    for number in range(many):
        event = world.events.of_anybody(200, **({} if number % 2 else {"type": "page", "name": "Home"}))
        if not number % 2:
            pages.add(event.id)
        batch.append(event)
    world.produce(batch)
    eventually(world.is_standing_still, 120, "the flood guard's hold")
    held = many - (len(world.letters()) - few) - (len(world.accepted_ids()) - few * 19)
    world.notes["given up before the hold"] = len(world.letters()) - few
    world.notes["held"] = held
    world.expect(held > many / 4, f"only {held} of {many} events were held")
    world.simulator.configure(fail_matching=[])
    _resume(world)
    world.await_all()
    foreseen = {event.id for event, _ in world.produced if event.code}
    others = {letter.source_id for letter in world.letters()} - pages - foreseen
    world.expect(not others, f"dead letters of others than pages: {sorted(others)[:5]}")


def _resume(world):
    subprocess.run(
        [sys.executable, "-m", "connector", "resume"],
        env={**world.environment, "PATH": ""}, check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def three_of_500_fail(world):
    """Three of 500 people fail for good: the others keep their pace, and a crash repeats next to nothing.

    The pace is taken three times with and three times without failures, in turn, and the best of each compared:
    whatever else the machine does makes a round slower, never faster.
    """
    people, failing = 500, [f"u{number}" for number in world.dice.sample(range(500), 3)]
    count = world.scale.of(short=1_500, full=7_000)
    few = {"CONNECTOR_MAX_IN_FLIGHT": "64"}
    world.simulator.configure(latency="fixed:100")  # 64 under way for so long: 640 a second at the most
    [worker] = world.start_workers(1, **few)
    _pace(world, people, 1_000, but=failing)
    without, with_failures = [], []
    for _ in range(world.scale.of(short=1, full=3)):
        world.simulator.configure(fail_people={})
        without.append(_pace(world, people, count, but=failing))
        world.simulator.configure(fail_people=dict.fromkeys(failing, 500))
        with_failures.append(_pace(world, people, count, but=failing))
    world.notes["events/s without failures"] = " ".join(f"{rate:.0f}" for rate in without)
    world.notes["with"] = " ".join(f"{rate:.0f}" for rate in with_failures)
    slowed_to = max(with_failures) / max(without)
    world.expect(slowed_to > 0.9, f"throughput fell to {slowed_to:.0%}")

    two_commits_later_s = time.monotonic() + 2.5
    eventually(lambda: time.monotonic() > two_commits_later_s, 10)
    failed_before = world.simulator.stats()["faults"]["fail_people"]
    world.kill(worker)
    world.fixed_bound = 19
    world.start_workers(1, **few)
    eventually(lambda: world.simulator.stats()["faults"]["fail_people"] >= failed_before + 3, 60)
    world.simulator.configure(fail_people={})


def _pace(world, people, count, but):
    """Give the events a second at which Encharge took a backlog, without the people named."""
    seen = len(world.requests())
    batch = world.events.turns(people, count)
    world.produce(batch)
    expected = {event.id for event in batch if event.person not in but}
    eventually(lambda: not expected - world.accepted_ids().keys(), 180, "the end of the backlog")
    times_s = [
        request["accepted_at"]
        for request in world.requests()[seen:]
        if request["body"] and request["body"].get("messageId") in expected
    ]
    return len(times_s) / (times_s[-1] - times_s[0])
