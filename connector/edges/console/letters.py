"""Dead letters: which there are and why, one of them, and sending them again by `dlq redrive`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from connector.delivery.letter import Place
from connector.edges.clocks import wall_clock
from connector.edges.console.job_page import Shown, go_to, job_of
from connector.edges.console.jobs import Job
from connector.edges.console.letter_filters import Filters, moment_text, read_by, read_filters
from connector.edges.console.letter_list import list_values, listed
from connector.edges.console.letter_reading import ReadsLetters
from connector.edges.console.letter_shown import LEFT, Today, letter_values, today_values
from connector.edges.console.pages import VIEWER, Viewer, page
from connector.edges.console.parts import CONSOLE, Process
from connector.edges.dead_letters.reader import Found
from connector.errors import ConfigurationError, ConnectorError

PLAN: Final = "redrive-plan"
REDRIVE: Final = "redrive"


class Letters:
    """The pages about dead letters."""

    def __init__(self, process: Process, source: ReadsLetters) -> None:
        self._process, self._source = process, source
        self._today = Today(process.settings)

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/dead-letters", self._list),
            web.post("/dead-letters", self._list_of_person),
            web.get("/dead-letters/{place:[0-9]+:[0-9]+}", self._letter),
            web.post("/dead-letters/redrive", self._plan),
            web.post("/dead-letters/redrive/send", self._send),
        ]

    def jobs(self) -> dict[str, Shown]:
        """Give how the jobs of these pages are shown."""
        back = ("/console/dead-letters", "Dead letters")
        return {
            PLAN: Shown("job_redrive_plan.html", *back, self._plan_values),
            REDRIVE: Shown("job_redrive.html", *back, self._sent_values),
        }

    # Looking

    async def _list(self, request: web.Request) -> web.Response:
        if "user" in request.query:
            raise web.HTTPBadRequest(text="a person's id does not belong into an address; use the form")
        return await self._show(request, read_filters(request.query, wall_clock()), request.query)

    async def _list_of_person(self, request: web.Request) -> web.Response:
        form = await request.post()
        filters = read_filters(form, wall_clock())
        _check_person(filters, request[VIEWER])
        return await self._show(request, filters, form)

    async def _show(self, request: web.Request, filters: Filters, form: Mapping[str, Any]) -> web.Response:
        console, viewer = request.app[CONSOLE], request[VIEWER]
        jobs = console.jobs.all(PLAN, REDRIVE)
        try:
            read = await self._source.letters(filters.user)
        except ConnectorError as error:
            values = {"trouble": str(error), "jobs": jobs}
            return page(request, "letters.html", values, status=503)
        by, number = read_by(form), _number(form.get("page"))
        deliverable = self._process.deliverable()
        names = [] if deliverable is None else [each.name for each in deliverable.destination.mappings]
        # 20,000 letters take some ten milliseconds, so beside the event loop.
        values = await asyncio.to_thread(
            lambda: list_values(
                read, listed(read, filters, by, number), filters, by, names, reveals=viewer.reveals
            )
        )
        return page(request, "letters.html", {"trouble": "", "jobs": jobs, **values})

    async def _letter(self, request: web.Request) -> web.Response:
        partition, _, offset = request.match_info["place"].partition(":")
        if len(partition) > 9 or len(offset) > 18:
            raise web.HTTPNotFound(text="there is no letter at that place")
        place = Place(int(partition), int(offset))
        found = await self._source.letter(place)
        if found is None:
            raise web.HTTPNotFound(
                text=f"there is no letter at {place}: retention or a purge deleted it, or it is none"
            )
        values = await self._letter_values(found, reveals=request[VIEWER].reveals)
        return page(request, "letter.html", values)

    async def _letter_values(self, found: Found, *, reveals: bool) -> dict[str, Any]:
        settings, letter = self._process.settings, found.letter
        shown = await asyncio.to_thread(letter_values, found, settings, reveals=reveals)
        today, trouble = None, ""
        try:
            today = await self._today.ask(
                lambda destination, version: today_values(
                    found, destination, version, settings, reveals=reveals
                )
            )
        except ConfigurationError as error:
            trouble = str(error)
        deliverable = self._process.deliverable()
        since, until = moment_text(letter.timestamp), moment_text(letter.timestamp + 1)
        alike = Filters(codes=(letter.code,), mappings=(letter.mapping,))
        this = Filters(alike.codes, alike.mappings, since_text=since, until_text=until)
        return {
            "letter": shown,
            "today": today,
            "today_trouble": trouble,
            "in_force": "" if deliverable is None else deliverable.version,
            "this": this.fields() if since and until else None,
            "alike": alike.fields(),
            "alike_query": alike.query(state="all"),
        }

    # Sending again

    async def _plan(self, request: web.Request) -> web.Response:
        """Count what would be sent: the first click."""
        now = wall_clock()
        filters = read_filters(await request.post(), now)
        _check_person(filters, request[VIEWER])
        options = filters.options(until=round(now * 1000))
        job = await request.app[CONSOLE].jobs.start(
            PLAN,
            ["dlq", "redrive", "--dry-run", "--json", *options],
            f"What a redrive would send: {filters.in_words}",
            private=[filters.user],
            context={"options": options, "words": filters.in_words},
        )
        return go_to(job)

    async def _send(self, request: web.Request) -> web.Response:
        """Send what was counted: the second click."""
        console, form = request.app[CONSOLE], await request.post()
        planned = job_of(console.jobs, form.get("job"), PLAN)
        if planned.state != "done":
            raise web.HTTPConflict(text="what would be sent has not been counted yet")
        rate = read_rate(form.get("rate"))
        job = await console.jobs.start(
            REDRIVE,
            ["dlq", "redrive", "--yes", "--json", *rate, *planned.context["options"]],
            f"Redrive: {planned.context['words']}",
            private=planned.private,
            context=planned.context,
            follows=planned,
            is_alone=True,  # of two redrives the later one ends the earlier
        )
        return go_to(job)

    def _plan_values(self, job: Job, _viewer: Viewer) -> dict[str, Any]:
        settings, result = self._process.settings, job.result
        targets = dict(result.get("targets", {}))
        return {
            "to_send": result.get("to_send", 0),
            "targets": targets,
            "left": _left(result),
            "own_topic": settings.source_topic if settings.source_topic in targets else "",
        }

    @staticmethod
    def _sent_values(job: Job, _viewer: Viewer) -> dict[str, Any]:
        result = job.result
        sent, in_all = result.get("sent", 0), result.get("to_send", 0)
        return {"sent": sent, "others": max(in_all - sent, 0), "left": _left(result)}


def read_rate(text: object) -> list[str]:
    """Read a number a second from a form, as an option; none when it is left empty.

    Raises: HTTPBadRequest
    """
    if not isinstance(text, str) or not text.strip():
        return []
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.001 <= rate <= 1e6:
        raise web.HTTPBadRequest(text="the rate is a number from 0.001 to 1,000,000")
    return [f"--rate={rate:g}"]


def _left(result: Mapping[str, Any]) -> list[tuple[int, str]]:
    left = [(count, LEFT.get(prospect, prospect)) for prospect, count in result.get("left", {}).items()]
    left += [
        (result.get("too_often", 0), "came back too often"),
        (result.get("suppressed", 0), "are of persons that were deleted since"),
        (result.get("redriven_before", 0), "were redriven before"),
        (result.get("over_limit", 0), "are beyond the limit"),
        (result.get("other_destinations", 0), "are of other destinations"),
    ]
    return [(count, why) for count, why in left if count]


def _check_person(filters: Filters, viewer: Viewer) -> None:
    if filters.user and not viewer.reveals:
        raise web.HTTPForbidden(text="reveal personal data first, to look for a person")


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 9 else 1
