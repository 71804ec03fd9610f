"""The event tester: what becomes of an event, and of a mapping that is edited; sends only on a second click.

Nothing that is typed here is kept or written anywhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from aiohttp import web

from connector.core.deletion import DELETE_PERSON
from connector.delivery.ports import Sender
from connector.delivery.record import Record
from connector.delivery.response_rules import ResponseRules
from connector.edges.clocks import monotonic_clock
from connector.edges.console.in_force import InForce, in_force
from connector.edges.console.pages import VIEWER, fragment
from connector.edges.console.parts import Process
from connector.edges.console.tester_edit import targets
from connector.edges.console.tester_events import (
    Records,
    recent_of,
    sample,
    samples,
    text_of_letter,
    text_of_record,
)
from connector.edges.console.tester_explain import Explained
from connector.edges.console.tester_form import (
    Trouble,
    Typed,
    TypedError,
    largest_of,
    place_in,
    read_form,
    trouble,
    typed_of,
)
from connector.edges.console.tester_send import (
    MOST_REQUESTS,
    Plan,
    Sent,
    Tickets,
    outgoing_shown,
    send_all,
    tally,
)
from connector.edges.console.tester_work import Bench

SAME_LIST_S: Final = 3.0  # that the newest records are not read again
TESTER: Final = "/console/tester"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows besides the form; what is not asked for is None."""

    troubles: Sequence[Trouble] = ()
    result: Explained | None = None
    plan: Plan | None = None
    ticket: str = ""
    sent: Sequence[Sent] | None = None
    is_repeated: bool = False
    status: int = 200


class Tester:
    """The pages of the tester."""

    def __init__(self, process: Process, records: Records) -> None:
        self._process, self._records = process, records
        self._bench = Bench(process.settings)
        self._tickets = Tickets()
        self._newest: tuple[float, list[Record]] | None = None
        self._reading = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/tester", self.show),
            web.get("/tester/recent", self.recent),
            web.post("/tester/explain", self.explain),
            web.post("/tester/download", self.download),
            web.post("/tester/send", self.send),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show the form, with the event and the mapping that the address names."""
        query, now = request.query, await in_force(self._process)
        typed = Typed(sample(query.get("sample", "")).text, sample=query.get("sample", ""))
        try:
            if "mapping" in query:
                work = self._bench.with_mapping if typed.sample else self._bench.with_fitting_event
                typed = await self._bench.run(work, now, typed, query["mapping"])
            if "recent" in query or "letter" in query:
                typed = replace(typed, event=await self._record(request, now), sample="")
        except TypedError as error:
            return await self._page(request, now, typed, Shown(error.troubles, status=error.status))
        return await self._page(request, now, typed, Shown())

    async def recent(self, request: web.Request) -> web.Response:
        """List the newest records of the by-user topic."""
        reveals = request[VIEWER].reveals
        records = [recent_of(each, reveals=reveals) for each in await self._newest_records()]
        values = {"records": records, "topic": self._process.settings.by_user_topic}
        return await _html(request, "tester_recent.html", values)

    async def explain(self, request: web.Request) -> web.Response:
        """Do what the pressed button says; everything that is typed stays."""
        form, now = await read_form(request), await in_force(self._process)
        typed, bench = typed_of(form), self._bench
        try:
            match form.get("do", "try"):
                case "sample":
                    typed = replace(typed, event=sample(typed.sample).text)
                    return await self._page(request, now, typed, Shown(), part="reloaded")
                case "edit":
                    typed = await bench.run(bench.with_mapping, now, typed, form.get("edit", ""))
                    return await self._page(request, now, typed, Shown(), part="reloaded")
                case "drop":
                    typed = replace(typed, target="", mapping="")
                    return await self._page(request, now, typed, Shown(), part="reloaded")
                case "confirm":
                    shown = await self._confirm(request, now, typed)
                case _:
                    result = await bench.run(bench.explained, now, typed, largest_of(request))
                    shown = Shown(result=result)
        except TypedError as error:
            shown = Shown(error.troubles, status=error.status)
        return await self._page(request, now, typed, shown)

    async def download(self, request: web.Request) -> web.Response:
        """Give the destination file with only the edited mapping changed."""
        form, now = await read_form(request), await in_force(self._process)
        typed, bench = typed_of(form), self._bench
        try:
            content = await bench.run(bench.changed_file, now, typed, largest_of(request))
        except TypedError as error:
            return await self._page(request, now, typed, Shown(error.troubles, status=error.status))
        headers = {"Content-Disposition": 'attachment; filename="destination.yaml"'}
        return web.Response(body=content, content_type="application/yaml", headers=headers)

    async def send(self, request: web.Request) -> web.Response:
        """Send what the second step showed, if nothing changed since."""
        form, now = await read_form(request), await in_force(self._process)
        typed = typed_of(form)
        try:
            shown = await self._sent(request, now, typed, form)
        except TypedError as error:
            shown = Shown(error.troubles, status=error.status)
        return await self._page(request, now, typed, shown)

    async def _confirm(self, request: web.Request, now: InForce, typed: Typed) -> Shown:
        self._refuse_sending(request, now)
        plan = await self._bench.run(self._bench.planned, now, typed, largest_of(request))
        if not plan.outgoing:
            raise trouble("send", "this becomes no request, there is nothing to send")
        if len(plan.outgoing) > MOST_REQUESTS:
            text = f"{len(plan.outgoing)} requests are too many at a time, at most {MOST_REQUESTS} are sent"
            raise trouble("send", text)
        return Shown(plan=plan, ticket=secrets.token_urlsafe(12))

    async def _sent(self, request: web.Request, now: InForce, typed: Typed, form: Mapping[str, str]) -> Shown:
        self._refuse_sending(request, now)
        sender, deliverable, ticket = self._process.sender, now.deliverable, form.get("ticket", "")
        assert sender is not None
        assert deliverable is not None
        earlier = self._tickets.outcome(ticket)
        if earlier is not None:
            return Shown(sent=await asyncio.shield(earlier), is_repeated=True)
        plan = await self._bench.run(self._bench.planned, now, typed, largest_of(request))
        if not secrets.compare_digest(plan.digest.encode(), form.get("digest", "").encode()):
            text = (
                "event or configuration changed since the requests were shown; nothing was sent, look again"
            )
            raise trouble("send", text, status=409)
        is_first = self._tickets.take(ticket, lambda: _send(sender, plan, deliverable.rules))
        sending = self._tickets.outcome(ticket)
        if sending is None:
            text = "this was confirmed before, long ago; nothing was sent again, look again"
            raise trouble("send", text, status=409)
        return Shown(sent=await asyncio.shield(sending), is_repeated=not is_first)

    def _refuse_sending(self, request: web.Request, now: InForce) -> None:
        why = self._why_not(now)
        if why:
            raise trouble("send", why, status=409)
        if not request[VIEWER].may_act:
            raise trouble("send", "sign in with the console token to send", status=403)

    def _why_not(self, now: InForce) -> str:
        """Say why nothing can be sent from here; empty when it can."""
        if now.deliverable is not None and self._process.sender is not None:
            return ""
        return (
            "This process delivers nothing (it only ingests), so it has no connection to Encharge to send by."
        )

    async def _newest_records(self) -> list[Record]:
        async with self._reading:
            if self._newest is None or monotonic_clock() - self._newest[0] > SAME_LIST_S:
                records = await self._records.newest(self._process.settings)
                self._newest = (monotonic_clock(), records)
            return self._newest[1]

    async def _record(self, request: web.Request, now: InForce) -> str:
        if not request[VIEWER].reveals:
            way = "" if request[VIEWER].may_act else "sign in, then "
            text = (
                f"an event of Kafka is personal data: {way}choose “Reveal personal data”, then load it again"
            )
            raise trouble("event", text, status=403)
        kind = "letter" if "letter" in request.query else "recent"
        place, records, settings = place_in(request.query[kind]), self._records, self._process.settings
        found = None
        async with self._reading:
            if kind == "letter":
                letter = await records.letter(settings, str(now.config.get("id", "")), place)
                if letter is not None:
                    found = await self._bench.run(text_of_letter, letter)
            else:
                record = await records.at(settings, place)
                if record is not None:
                    found = await self._bench.run(text_of_record, record.value)
        if found is None:
            what = "dead letter" if kind == "letter" else "record"
            raise trouble("event", f"there is no {what} at {place} (any more)", status=404)
        return found

    async def _page(
        self, request: web.Request, now: InForce, typed: Typed, shown: Shown, part: str = "result"
    ) -> web.Response:
        plan, deliverable = shown.plan, now.deliverable
        outgoing = outgoing_shown(plan, deliverable.endpoints) if plan and deliverable else []
        values = {
            "typed": typed,
            "samples": samples(),
            "targets": targets(now),
            "now": now,
            "file": self._process.settings.destination_file.name,
            "shown": shown,
            "no_sending": self._why_not(now),
            "not_ready": self._process.facts().get("not_ready", ()),
            "outgoing": outgoing,
            "deletes": any(each.action == DELETE_PERSON for each in outgoing),
            "largest": largest_of(request),
        }
        if "HX-Request" not in request.headers:
            return await _html(request, "tester.html", values, status=shown.status)
        response = await _html(request, f"parts/tester_{part}.html", values, status=shown.status)
        response.headers["HX-Retarget"] = "#tester" if part == "reloaded" else "#result"
        return response


async def _send(sender: Sender, plan: Plan, rules: ResponseRules) -> list[Sent]:
    sent = await send_all(sender, plan.outgoing, rules)
    log.info("requests of the event tester were sent", requests=len(sent), outcomes=tally(sent))
    return sent


async def _html(
    request: web.Request, template: str, values: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """Render in a thread: an event of a megabyte makes a long page."""
    every = {"viewer": request[VIEWER], "path": TESTER, **values}
    body = await asyncio.to_thread(_rendered, template, every)
    return web.Response(body=body, content_type="text/html", charset="utf-8", status=status)


def _rendered(template: str, values: Mapping[str, Any]) -> bytes:
    # Half an emoji is no UTF-8; a question mark stands for it.
    return fragment(template, values).encode("utf-8", "replace")
