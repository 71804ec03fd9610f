"""The overview: what came in, what became of it, how fast, and what keeps it from going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from aiohttp import web

from connector.delivery.gate import Shut
from connector.delivery.tally import QUANTILES, Delay, Requests, Tally
from connector.edges.console.pages import fragment, page, seconds
from connector.edges.console.parts import CONSOLE
from connector.edges.console.snapshot import Snapshot
from connector.edges.funnel import Funnel, make_funnel
from connector.edges.status_report import Report, WorkerStatus, readers_of

PARTS: Final = ("findings", "state", "funnel", "delays", "mappings", "reasons", "workers")
# What others do is heard every five seconds; sent each second is what people look at to see that it moves.
EACH_SECOND: Final = ("findings", "state", "funnel")
SLOW: Final = 5


class Step(NamedTuple):
    """One row of the funnel.

    counts  of all that is known, of a day, an hour and a minute
    rates   a second, of a minute, an hour and a day
    share   of what the step is a part of, None for the first
    """

    name: str
    title: str
    help: str
    counts: tuple[int, ...]
    rates: tuple[float | None, ...]
    share: float | None


class State(NamedTuple):
    """What keeps requests back, or lets them go, in one word and in a line."""

    title: str
    word: str
    text: str
    kind: str  # good, warn, bad or idle


class WorkerRow(NamedTuple):
    """One worker, and what it does."""

    instance: str
    is_silent: bool
    heard_s: float
    role: str
    version: str
    configuration: str
    partitions: Sequence[str]
    in_flight: str
    shut: Sequence[str]
    not_ready: Sequence[str]


def routes() -> list[web.RouteDef]:
    """Give the routes."""
    return [web.get("/", _show)]


async def _show(request: web.Request) -> web.Response:
    return page(request, "overview.html", values(await request.app[CONSOLE].snapshot()))


def live(snapshot: Snapshot, turn: int) -> dict[str, str]:
    """Give the live parts that are due in this turn, one a second."""
    shown = values(snapshot)
    due = EACH_SECOND if turn % SLOW else PARTS
    return {name: fragment(f"parts/{name}.html", shown) for name in due}


def values(snapshot: Snapshot) -> dict[str, Any]:
    """Give what the page shows."""
    funnel, report = make_funnel(snapshot.control, snapshot.at, snapshot.destination), snapshot.report
    return {
        "report": report,
        "trouble": snapshot.trouble,
        "funnel": funnel,
        "steps": steps(funnel),
        "states": states(report, _delivering(snapshot)),
        "delays": delays(funnel),
        "mappings": sorted(funnel.known.by_mapping.items(), key=_busiest_first),
        "reasons": sorted(funnel.known.by_code.items(), key=lambda item: (-item[1], item[0])),
        "day_reasons": funnel.day.counts.by_code,
        "workers": [] if report is None else [worker_row(each) for each in report.workers],
    }


def _delivering(snapshot: Snapshot) -> list[WorkerStatus]:
    """Give the workers that are heard and deliver to the destination of this process, or those of all."""
    wanted = snapshot.destination
    return [
        each
        for each in (() if snapshot.report is None else snapshot.report.workers)
        if not each.silent and wanted in (None, each.facts.get("destination", wanted))
    ]


def _busiest_first(item: tuple[str, Requests]) -> tuple[int, str]:
    return -item[1].made, item[0]


# The funnel


def steps(funnel: Funnel) -> list[Step]:
    """Give the rows, from what came in to what became of it."""
    return [
        _step(funnel, "received", "received", "records taken from Kafka, each once", "received", None),
        _step(funnel, "filtered", "filtered", "records that no mapping matched", "filtered", "received"),
        _step(funnel, "matched", "matched", "records of which a request was made", "matched", "received"),
        _step(funnel, "planned", "requests", "what the mappings made of the records", None, None),
        _step(funnel, "delivered", "delivered", "requests that Encharge took", "delivered", "planned"),
        _step(funnel, "retried", "retried", "attempts after the first", "retried", None),
        _step(
            funnel, "dead", "dead-lettered", "given up, with the reason, on the dead-letter topic",
            "dead_letters", "planned",
        ),
    ]  # fmt: skip


def _step(funnel: Funnel, name: str, title: str, help_: str, rated: str | None, whole: str | None) -> Step:
    windows = (funnel.day, funnel.hour, funnel.minute)
    counts = tuple(_counted(each, name) for each in (funnel.known, *(window.counts for window in windows)))
    rates = tuple(None if rated is None else getattr(window.rates, rated) for window in reversed(windows))
    of = 0 if whole is None else _counted(funnel.known, whole)
    return Step(name, title, help_, counts, rates, counts[0] / of if of else None)


def _counted(tally: Tally, name: str) -> int:
    requests = tally.requests
    counted = {
        "received": tally.received - tally.handed_over,  # the next owner counts them
        "filtered": tally.filtered + tally.discarded,
        "matched": tally.matched,
        "planned": requests.made,
        "delivered": requests.delivered,
        "retried": tally.retries,
        "dead": tally.dead_letters,
    }
    return counted[name]


def delays(funnel: Funnel) -> list[tuple[str, list[str]]]:
    """Give per percentile the time from produce to acceptance, of a minute, an hour and a day."""
    windows = (funnel.minute, funnel.hour, funnel.day)
    return [
        (f"p{round(100 * quantile)}", [_delay(window.counts.delays[number]) for window in windows])
        for number, quantile in enumerate(QUANTILES)
    ]


def _delay(delay: Delay | None) -> str:
    if delay is None:
        return seconds(None)
    return f"> {seconds(delay.seconds)}" if delay.is_beyond else seconds(delay.seconds)


# What keeps requests back


def states(report: Report | None, workers: Sequence[WorkerStatus]) -> list[State]:
    """Give breaker, limiter, credentials, and what people decided."""
    facts = [each.facts for each in workers if isinstance(each.facts.get("limiter"), Mapping)]
    if report is None or not facts:
        return []
    shut = {str(each.get("reason")): str(each.get("detail", "")) for fact in facts for each in _shut(fact)}
    failing = sum(_number(each.get("failing_persons")) for each in facts)
    people = "1 person" if failing == 1 else f"{failing} people"
    return [
        _is_shut(
            "Breaker", shut, Shut.OUTAGE,
            State("Breaker", "closed", f"{people} whose last request failed", "warn" if failing else "good"),
        ),
        _is_shut("Credentials", shut, Shut.CREDENTIALS, State("Credentials", "accepted", "", "good")),
        _is_shut("Flood guard", shut, Shut.FLOOD, State("Flood guard", "quiet", "", "good")),
        _limiter(facts),
        _is_shut("Destination", shut, Shut.PAUSED, _is_shut(
            "Destination", shut, Shut.DISABLED, State("Destination", "sending", "", "good"),
        )),
    ]  # fmt: skip


def _is_shut(title: str, shut: Mapping[str, str], reason: Shut, otherwise: State) -> State:
    if reason not in shut:
        return otherwise
    is_wanted = reason in (Shut.PAUSED, Shut.DISABLED)
    return State(title, _SHUT_WORDS[reason], shut[reason], "warn" if is_wanted else "bad")


_SHUT_WORDS: Final = {
    Shut.OUTAGE: "open: outage",
    Shut.CREDENTIALS: "refused",
    Shut.FLOOD: "stopped a flood",
    Shut.PAUSED: "paused",
    Shut.DISABLED: "disabled",
}


def _limiter(facts: Sequence[Mapping[str, Any]]) -> State:
    in_flight = sum(_number(each["limiter"].get("in_flight")) for each in facts)
    window = sum(_number(each["limiter"].get("window")) for each in facts)
    paces = [each["limiter"].get("per_s") for each in facts]
    slowed = [pace for pace in paces if isinstance(pace, (int, float))]
    text = f"at most {sum(slowed):,.0f} requests a second" if slowed and len(slowed) == len(paces) else ""
    return State("Limiter", f"{in_flight} of {window} in flight", text, "idle")


def _shut(facts: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    shut = facts.get("shut")
    return [each for each in shut if isinstance(each, dict)] if isinstance(shut, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


# Workers


def worker_row(worker: WorkerStatus) -> WorkerRow:
    """Give what is shown of a worker; what its heartbeat does not tell is left empty."""
    facts = worker.facts
    limiter = facts.get("limiter")
    not_ready = facts.get("not_ready")
    return WorkerRow(
        worker.instance,
        worker.silent,
        worker.heard_s,
        str(facts.get("role", "")),
        str(facts.get("version", "")),
        " ".join(str(facts[name]) for name in ("destination", "config_version") if facts.get(name)),
        [f"{each.get('stage')} {ranges(each.get('partitions'))}" for each in readers_of(facts)],
        f"{limiter.get('in_flight')} of {limiter.get('window')}" if isinstance(limiter, dict) else "",
        [str(each.get("reason")) for each in _shut(facts)],
        [_reason(each) for each in not_ready] if isinstance(not_ready, list) else [],
    )


def _reason(reason: object) -> str:
    if isinstance(reason, dict):
        return " ".join(str(reason[name]) for name in ("code", "topic") if reason.get(name))
    return str(reason)


def ranges(numbers: object) -> str:
    """Write numbers in ascending order in short: 0-3, 7."""
    found: list[list[int]] = []
    for number in numbers if isinstance(numbers, list) else ():
        if not isinstance(number, int):
            continue
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found) or "none"
