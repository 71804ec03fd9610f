"""Memory and descriptors of processes over time, and whether they grow."""

import time
from dataclasses import dataclass, field
from statistics import median

import psutil

from tests.lookout import Lookout

EVERY_S = 2.0
WARM_UP_SHARE = 0.2  # of the time watched: caches fill, code is loaded


@dataclass(slots=True)
class Vitals:
    """Of one process; the rows belong together."""

    name: str
    at_s: list = field(default_factory=list)  # since the begin of the run
    rss_mb: list = field(default_factory=list)
    descriptors: list = field(default_factory=list)


class VitalsWatch(Lookout):
    """Looks at processes again and again."""

    def __init__(self, elapsed_s, every_s=EVERY_S):
        super().__init__(every_s)
        self._elapsed_s = elapsed_s
        self._watched = []

    @property
    def all(self):
        return [vitals for _, vitals in self._watched]

    def watch(self, name, pid):
        vitals = Vitals(name)
        self._watched.append((psutil.Process(pid), vitals))
        return vitals

    def look(self):
        for process, vitals in list(self._watched):
            try:
                rss, descriptors = process.memory_info().rss, process.num_fds()
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, or is a zombie
                continue
            vitals.at_s.append(self._elapsed_s())
            vitals.rss_mb.append(rss / 1024**2)
            vitals.descriptors.append(descriptors)


@dataclass(frozen=True, slots=True)
class Trend:
    """How a row of figures goes, without its first part.

    slope  a second, by Theil and Sen: the median of the slopes between all pairs of points, so that a buffer
           that is full for a while does not look like growth
    grown  slope times the time it was taken over
    """

    slope: float
    grown: float
    typical: float
    over_s: float


def trend(at_s, values, points=60):
    """Give the Trend of a row, None when there is too little to say.

    The row is cut into `points` equal spans of time, of which the medians are compared.
    """
    if len(at_s) < 10:
        return None
    begin_s = at_s[0] + (at_s[-1] - at_s[0]) * WARM_UP_SHARE
    kept = [(at, value) for at, value in zip(at_s, values, strict=True) if at >= begin_s]
    span_s = (kept[-1][0] - kept[0][0]) / points or 1.0
    spans = {}
    for at, value in kept:
        spans.setdefault(int((at - kept[0][0]) / span_s), []).append((at, value))
    middles = [(median(at for at, _ in span), median(value for _, value in span)) for span in spans.values()]
    slopes = [
        (later - earlier) / (then - now)
        for index, (now, earlier) in enumerate(middles)
        for then, later in middles[index + 1 :]
        if then > now
    ]
    if not slopes:
        return None
    over_s = kept[-1][0] - kept[0][0]
    slope = median(slopes)
    return Trend(slope, slope * over_s, median(value for _, value in kept), over_s)


def time_since(begun_s):
    return time.monotonic() - begun_s
