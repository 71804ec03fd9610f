"""What happens to workers: they join, leave, crash and freeze under load."""

import os
import signal

from tests.eventually import eventually


def churn(world):
    """Join, TERM, KILL, join, KILL, under a steady load."""
    between_s = world.scale.of(short=1.5, full=12)
    first, second = world.start_workers(2)
    with world.load() as load:
        load.go_on(between_s)
        third = world.start_worker()
        load.go_on(between_s)
        world.terminate(first)
        load.go_on(between_s)
        world.kill(second)
        load.go_on(between_s)
        world.start_worker()
        load.go_on(between_s)
        world.kill(third)
        load.go_on(between_s)


def rejoin(world):
    """Another worker joins and leaves again, six times: the group shares out its partitions twelve times."""
    between_s = world.scale.of(short=0.3, full=5)
    world.start_workers(2)
    with world.load() as load:
        for _ in range(world.scale.of(short=3, full=6)):
            worker = world.start_worker()
            world.await_members(3)
            load.go_on(between_s)
            world.terminate(worker)
            world.await_members(2)
            load.go_on(between_s)


def kill_all(world):
    """SIGKILL of all workers at once while three people in ten get nothing but 500; then new workers."""
    people = 200
    workers = world.start_workers(2)
    failing = world.dice.sample(range(people), people * 3 // 10)
    world.simulator.configure(fail_people={f"u{number}": 500 for number in failing})
    with world.load(people=people) as load:
        load.go_on(world.scale.of(short=4, full=30))
        world.kill(*workers)
        world.start_worker()
        world.start_worker()
        load.go_on(world.scale.of(short=1, full=15))
        world.simulator.configure(fail_people={})


def frozen(world):
    """SIGSTOP of one of two workers for longer than the session timeout, then SIGCONT.

    Its partitions are another's by then: it must send nothing for them, and its commits must not count.
    """
    session_s = world.scale.of(short=2, full=10)
    first, _ = world.start_workers(2, CONNECTOR_SESSION_TIMEOUT=f"{session_s}s")
    with world.watch_commits() as watch, world.load() as load:
        load.go_on(world.scale.of(short=2, full=10))
        world.freeze(first)
        world.await_members(1)
        load.go_on(world.scale.of(short=1, full=15))
        before = world.accepted_ids()
        os.kill(first.pid, signal.SIGCONT)
        world.await_members(2)
        load.go_on(world.scale.of(short=1.5, full=10))
    world.await_all()
    late = {id_ for id_, count in world.accepted_ids().items() if 0 < before[id_] < count}
    world.notes["late"] = len(late)
    world.notes["commits read"] = watch.readings
    world.expect(not watch.went_back, f"committed offsets went back: {watch.went_back[:3]}")
    world.expect(first.exit_code is None, "the frozen worker did not survive")


def backlog(world):
    """A backlog far above the high mark, and two workers more join the two that work it off."""
    world.simulator.configure(latency=world.scale.of(short="uniform:50,150", full="uniform:20,60"))
    total = world.scale.of(short=6_000, full=40_000)
    world.produce(world.events.turns(people=500, count=total))
    few = {"CONNECTOR_MAX_BUFFERED_RECORDS": "500", "CONNECTOR_MAX_IN_FLIGHT": "32"}
    world.start_workers(2, **few)
    eventually(lambda: world.accepted > total * world.dice.uniform(0.15, 0.3), 120)
    world.start_workers(2, **few)
    world.expect(world.accepted < total, "the backlog was gone before the others joined")
    world.simulator.configure(latency="uniform:10,30")
