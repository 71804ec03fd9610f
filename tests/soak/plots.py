"""The curves of a soak, as SVG to stand in a page."""

import io
import re
from itertools import pairwise
from math import nan

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

SIZE_IN = (11, 2.6)
LANE_COLOURS = {"group": "#c0392b", "endgame": "#c0392b", "encharge": "#8e44ad", "operator": "#7f8c8d"}
RATE_EVERY_S = 10.0
_FINE = re.compile(r"(\d\.\d)\d+")


def plots(result):
    """Give (title, SVG) of each."""
    drawings = (
        ("Events a second: written to Kafka (grey), accepted or given up (blue)", _rates),
        ("Events on their way", _waiting),
        (
            "Delay from Kafka's acknowledgement to acceptance: median and 99th percentile, in spans of 10 s",
            _delays,
        ),
        ("Memory of the workers in MB; the veteran's in black", _memory),
        ("Descriptors of the workers; the veteran's in black", _descriptors),
    )
    return [(title, _svg(draw, result)) for title, draw in drawings]


def _svg(draw, result):
    with mpl.rc_context({"svg.hashsalt": "soak", "svg.fonttype": "none", "font.size": 9}):
        figure, axes = plt.subplots(figsize=SIZE_IN, layout="constrained")
        draw(axes, result)
        for lane, colour in LANE_COLOURS.items():
            minutes = [fault.begun_s / 60 for fault in result.faults if fault.lane == lane]
            _marks(axes, minutes, colour)
        axes.set_xlim(0, result.seconds / 60)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(
            "minutes; each line a fault: red workers and Kafka, violet Encharge and network, grey operators"
        )
        axes.grid(visible=True, axis="y", alpha=0.3)
        held = io.StringIO()
        figure.savefig(held, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return compact(held.getvalue())


def compact(svg):
    """Give a drawing to stand in a page: without its preamble, and no finer than a tenth of a point."""
    return _FINE.sub(r"\1", svg[svg.index("<svg") :])


def _marks(axes, minutes, colour):
    """Draw a line from top to bottom at each of these minutes, all of them one path."""
    places = [value for minute in minutes for value in (minute, minute, nan)]
    heights = [0, 1, nan] * len(minutes)
    axes.plot(places, heights, transform=axes.get_xaxis_transform(), color=colour, alpha=0.35, linewidth=0.6)


def _rates(axes, result):
    spans = {}
    for at_s, produced, settled in result.series:
        spans.setdefault(int(at_s / RATE_EVERY_S), []).append((at_s, produced, settled))
    firsts = [span[0] for span in spans.values()]
    pairs = list(pairwise(firsts))
    minutes = [now[0] / 60 for now, _ in pairs]
    for column, colour in ((1, "#7f8c8d"), (2, "#2471a3")):
        axes.plot(
            minutes,
            [(then[column] - now[column]) / (then[0] - now[0]) for now, then in pairs],
            color=colour,
            linewidth=1,
        )


def _waiting(axes, result):
    axes.plot(
        [at / 60 for at, *_ in result.series],
        [max(made - done, 0) for _, made, done in result.series],
        color="#2471a3",
        linewidth=1,
    )


def _delays(axes, result):
    minutes = [at / 60 for at, *_ in result.delays]
    axes.plot(minutes, [each[2] for each in result.delays], color="#d68910", linewidth=1, label="99 %")
    axes.plot(minutes, [each[1] for each in result.delays], color="#2471a3", linewidth=1, label="50 %")
    axes.set_ylabel("s")
    axes.legend(loc="upper right")


def _memory(axes, result):
    _of_workers(axes, result, "rss_mb")


def _descriptors(axes, result):
    _of_workers(axes, result, "descriptors")


def _of_workers(axes, result, row):
    for vitals in result.vitals:
        is_veteran = vitals.name == result.veteran
        axes.plot(
            [at / 60 for at in vitals.at_s],
            getattr(vitals, row),
            linewidth=1.4 if is_veteran else 0.7,
            color="black" if is_veteran else "#85c1e9",
            zorder=3 if is_veteran else 2,
        )
