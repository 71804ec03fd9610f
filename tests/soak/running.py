"""One soak from begin to end: lanes of faults over a steady load, then quiet, then the balance."""

import platform
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread

import psutil

from connector import __version__
from tests.eventually import eventually
from tests.scenarios.running import show_logs
from tests.soak import encharge_faults, group_faults, operator_faults
from tests.soak.schedule import endgame, faults
from tests.soak.vitals import Trend, trend
from tests.soak.world import SoakWorld

ENDGAME_SHARE = 0.1  # of the time, at its end
LANE_END_S = 400.0  # what the last fault of a lane may still take
SETTLE_S = 400.0
TELL_EVERY_S = 60.0
MOST_GROWN_MB, MOST_GROWN_DESCRIPTORS = 10.0, 10.0  # of the veteran over its measured life
LEAST_TREND_S = 600.0  # over less time, buffers that fill are all there is to see
MODULES = {"group": group_faults, "encharge": encharge_faults, "operator": operator_faults}
ROOT = Path(__file__).parent.parent.parent


@dataclass(kw_only=True)
class Result:
    """Everything that the report shows.

    series     elapsed seconds with what was produced and what had become of it by then
    breaches   what was promised and not kept, in words; none: the run is good
    """

    seed: int
    version: str
    commit: str
    machine: str
    begun_at_s: float
    wanted_s: float
    seconds: float
    rate: float
    people: int
    workers: int
    faults: list
    balance: object
    bound: int
    parts_of_bound: dict
    memory: Trend | None
    descriptors: Trend | None
    vitals: list
    veteran: str
    series: list
    delays: list
    commits_read: int
    commits_back: int
    breaches: list

    @property
    def is_good(self):
        return not self.breaches

    def line(self):
        found = self.balance
        return (
            f"seed {self.seed}: {len(self.faults)} faults in {self.seconds / 60:.1f} min, produced {found.produced},"
            f" accepted {found.accepted}, dead-lettered {sum(found.dead_letters.values())}, lost {len(found.lost)},"
            f" order violations {found.violations}, wrong {len(found.wrong)}, duplicates {found.duplicates}"
            f" (bound {self.bound}), {len(self.breaches)} breaches"
        )

    def as_json(self):
        return asdict(self)


def run(directory, *, seed, seconds, rate, people, workers, tell=print):
    """Run a soak and give its Result."""
    with SoakWorld(directory, seed=seed, rate=rate, people=people, workers=workers) as world:
        begun_s = time.monotonic()
        lanes = [_Lane(world, name, begun_s, seconds) for name in MODULES]
        series = []
        loading = world.books.start(world.load.run)
        threads = [Thread(target=lane.run, daemon=True) for lane in lanes]
        for thread in threads:
            thread.start()
        try:
            _watch(world, lanes, begun_s, seconds, series, tell)
            world.ending.set()
            for thread, lane in zip(threads, lanes, strict=True):
                thread.join(LANE_END_S)
                if thread.is_alive():
                    world.breach(f"the last fault of lane {lane.name} did not end")
            world.load.stop()
            loading.join(LANE_END_S)
            tell(f"{world.elapsed_s() / 60:.1f} min: quiet, waiting for everything to arrive")
            _settle(world, series)
        except AssertionError as error:
            world.breach(_first_line(error))
        finally:  # an interrupted run would wait for the writing to end
            world.ending.set()
            world.load.stop()
        result = _result(world, lanes, seconds, series)
        if not result.is_good:
            show_logs(world)
        return result


class _Lane:
    """Faults one after the other until the time is over; one that goes wrong ends the lane and is a breach."""

    def __init__(self, world, name, begun_s, seconds):
        self._world, self.name = world, name
        self._endgame_s = begun_s + seconds * (1 - ENDGAME_SHARE)
        self.done = []

    def run(self):
        try:
            for fault in self._faults():
                if self._world.ending.wait(fault.gap_s):
                    return
                self._strike(fault)
        except Exception as error:
            self._world.breach(f"lane {self.name}: {_first_line(error)}")
            if not isinstance(error, AssertionError):
                raise

    def _faults(self):
        upcoming = faults(self._world.seed, self.name)
        while self.name != "group" or time.monotonic() < self._endgame_s:
            yield next(upcoming)
        yield from endgame(self._world.seed)

    def _strike(self, fault):
        world = self._world
        fault.begun_s = world.elapsed_s()
        self.done.append(fault)
        act = getattr(MODULES[self.name], fault.kind)
        fault.note = act(world, fault.dice(), **fault.figures) or ""
        if self.name == "group":
            world.await_whole()
        fault.ended_s = world.elapsed_s()


def _watch(world, lanes, begun_s, seconds, series, tell):
    told_s = begun_s
    while (now_s := time.monotonic()) < begun_s + seconds and not world.breaches:
        _note(world, series)
        world.look_for_the_dead()
        if now_s - told_s >= TELL_EVERY_S:
            told_s = now_s
            tell(_progress(world, lanes))
        time.sleep(0.5)  # how often is looked, nothing is waited for


def _note(world, series):
    ledger = world.books.ledger
    series.append((round(world.elapsed_s(), 1), ledger.produced, ledger.settled))


def _progress(world, lanes):
    ledger = world.books.ledger
    return (
        f"{world.elapsed_s() / 60:.1f} min: {sum(len(lane.done) for lane in lanes)} faults,"
        f" produced {ledger.produced}, waiting {ledger.produced - ledger.settled},"
        f" duplicates {ledger.duplicates}, order violations {ledger.violations}"
    )


def _settle(world, series):
    def is_settled():
        _note(world, series)
        return world.is_settled()

    eventually(is_settled, SETTLE_S, "the arrival and the commit of everything")
    world.terminate(*world.alive)
    world.books.read_rest()


def _result(world, lanes, wanted_s, series):
    balance = world.books.ledger.balance()
    bound, parts = world.bound()
    world.look_for_the_dead()
    for text, found in (("lost", balance.lost), ("wrong", balance.wrong)):
        if found:
            world.breach(f"{len(found)} {text}: {found[:5]}")
    if balance.violations:
        world.breach(f"{balance.violations} order violations: {balance.out_of_order[:5]}")
    if balance.duplicates > bound:
        world.breach(f"{balance.duplicates} duplicates, {bound} are allowed")
    if world.commits.went_back:
        world.breach(f"committed offsets went back: {world.commits.went_back[:3]}")
    veteran = world.vitals.all[0]
    memory = trend(veteran.at_s, veteran.rss_mb)
    descriptors = trend(veteran.at_s, veteran.descriptors)
    if _says_something(memory) and memory.grown > MOST_GROWN_MB:
        world.breach(f"the veteran grew by {memory.grown:.1f} MB")
    if _says_something(descriptors) and descriptors.grown > MOST_GROWN_DESCRIPTORS:
        world.breach(f"the veteran has {descriptors.grown:.0f} descriptors more")
    return Result(
        seed=world.seed,
        version=__version__,
        commit=_commit(),
        machine=_machine(),
        begun_at_s=world.begun_at_s,
        wanted_s=wanted_s,
        seconds=world.elapsed_s(),
        rate=world.rate,
        people=world.people,
        workers=world.wanted,
        faults=sorted((fault for lane in lanes for fault in lane.done), key=lambda fault: fault.begun_s),
        balance=balance,
        bound=bound,
        parts_of_bound=parts,
        memory=memory,
        descriptors=descriptors,
        vitals=world.vitals.all,
        veteran=veteran.name,
        series=series,
        delays=world.books.delays(world.begun_at_s),
        commits_read=world.commits.readings,
        commits_back=len(world.commits.went_back),
        breaches=world.breaches,
    )


def _says_something(found):
    return found is not None and found.over_s >= LEAST_TREND_S


def count_kinds(result):
    """Give how often each kind struck, by lane."""
    counts = {}
    for fault in result.faults:
        counts.setdefault(fault.lane, Counter())[fault.kind] += 1
    return counts


def _first_line(error):
    return (str(error).splitlines() or [repr(error)])[0]


def _commit():
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not known: no checkout"


def _machine():
    memory_gib = psutil.virtual_memory().total / 1024**3
    return (
        f"{psutil.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.release()},"
        f" Python {sys.version.split()[0]}"
    )
