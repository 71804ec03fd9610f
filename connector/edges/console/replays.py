"""Replays: which there are and how far; planning, running and ending one by the commands of `replay`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from multidict import MultiMapping

from connector.edges.clocks import wall_clock
from connector.edges.console.job_page import Shown, go_to, job_of
from connector.edges.console.jobs import Job
from connector.edges.console.letter_filters import moment_ms
from connector.edges.console.letter_shown import pretty, shown_url
from connector.edges.console.letters import read_rate
from connector.edges.console.masking import MASK
from connector.edges.console.pages import VIEWER, Viewer, page
from connector.edges.console.parts import CONSOLE, Process
from connector.edges.console.plain_text import plain
from connector.edges.console.replay_list import Ask, Standings, replay_values, shown_replays
from connector.edges.console.replay_plans import RUN, Plans
from connector.edges.replay.state import Known, progress_of

PLAN: Final = "replay-plan"
CANCEL: Final = "replay-cancel"
SAMPLES: Final = 3
LONGEST: Final = 4000  # characters of one field of the form

# As `--from-offsets` takes them. Not its other form, a file: a form must not name files of this machine.
_PART = "[0-9]{1,9}:[0-9]{1,18}(?:-[0-9]{1,18})?"
_OFFSETS = re.compile(rf"{_PART}(?:[,\s]+{_PART})*")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class Replays:
    """The pages about replays.

    ask  asks Kafka how far they are
    """

    def __init__(self, process: Process, ask: Ask | None = None) -> None:
        self._process = process
        self._standings = Standings(ask or partial(progress_of, process.settings))
        self._plans = Plans()

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/replays", self._list),
            web.post("/replays/plan", self._plan),
            web.post("/replays/run", self._run),
            web.get("/replays/plans/{job}", self._file),
            web.get("/replays/{id}", self._one),
            web.get("/replays/{id}/cancel", self._ask_cancel),
            web.post("/replays/{id}/cancel", self._cancel),
        ]

    def jobs(self) -> dict[str, Shown]:
        """Give how the jobs of these pages are shown."""
        back = ("/console/replays", "Replays")
        return {
            PLAN: Shown("job_replay_plan.html", *back, self._plan_values),
            RUN: Shown("job_replay_run.html", *back, _run_values),
            CANCEL: Shown("job_replay_cancel.html", *back, lambda job, _viewer: {"result": job.result}),
        }

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        """Clean up at the end, after the jobs have ended."""
        yield
        self._plans.close(app[CONSOLE].jobs)

    # Looking

    async def _list(self, request: web.Request) -> web.Response:
        console = request.app[CONSOLE]
        snapshot = await console.snapshot()
        replays, more = shown_replays(snapshot.control)
        standings, trouble = await self._standings.of(replays)
        now = wall_clock()
        rows = [replay_values(snapshot.control, each, standings.get(each.id), now) for each in replays]
        values: dict[str, Any] = {
            "rows": rows,
            "more": more,
            "trouble": snapshot.trouble or trouble,
            "is_live": any(row["is_live"] for row in rows) or bool(console.jobs.running(RUN)),
            "jobs": console.jobs.all(PLAN, RUN, CANCEL),
        }
        if "HX-Request" in request.headers:
            return page(request, "replays_part.html", values)
        deliverable = self._process.deliverable()
        names = [] if deliverable is None else [each.name for each in deliverable.destination.mappings]
        values["mappings"] = names
        values["is_by_user"] = self._process.settings.partitioning == "repartition"
        values["deliver_topic"] = self._process.settings.deliver_topic
        return page(request, "replays.html", values)

    async def _one(self, request: web.Request) -> web.Response:
        known, values = await self._known(request)
        template = "replays_one_part.html" if "HX-Request" in request.headers else "replays_one.html"
        return page(request, template, {"replay": values, "id": known.id})

    async def _known(self, request: web.Request) -> tuple[Known, dict[str, Any]]:
        snapshot, id_ = await request.app[CONSOLE].snapshot(), request.match_info["id"]
        replays, _ = shown_replays(snapshot.control)
        known = next((each for each in replays if each.id == id_), None)
        runs = request.app[CONSOLE].jobs.running(RUN)
        if known is None and any(job.context.get("id") == id_ for job in runs):
            raise web.HTTPSeeOther("/console/replays")  # it has not told anybody yet
        if known is None or not _ID.fullmatch(id_):
            raise web.HTTPNotFound(text=snapshot.trouble or "there is no such replay among the newest")
        standings, trouble = await self._standings.of(replays)
        values = replay_values(snapshot.control, known, standings.get(id_), wall_clock())
        return known, {**values, "trouble": trouble}

    # Planning

    async def _plan(self, request: web.Request) -> web.Response:
        console, form, viewer = request.app[CONSOLE], await request.post(), request[VIEWER]
        options = _read_options(form, viewer, wall_clock())
        where, users = _text(form, "where"), _lines(form, "users")
        file = self._plans.new_file(console.jobs)
        job = await console.jobs.start(
            PLAN,
            ["replay", "plan", "--json", f"--out={file}", f"--samples={SAMPLES}", *options],
            "Plan of a replay",
            private=[*users, where, *_LITERAL.findall(where)],
            context={"file": str(file)},
        )
        return go_to(job)

    def _plan_values(self, job: Job, viewer: Viewer) -> dict[str, Any]:
        plan = job.result
        if not plan:
            return {"plan": None}
        filters = plan.get("filters", {})
        return {
            "plan": plan,
            "unit": "events" if plan.get("from_source") else "requests",
            "by_mapping": [(plain(name), count) for name, count in plan["counts"]["by_mapping"].items()],
            "by_day": [
                (day, sum(found.values())) for day, found in list(plan["counts"]["by_day"].items())[-60:]
            ],
            "codes": list(plan["counts"]["dead_letters"].items()),
            "records": sum(end - start for start, end in plan["ranges"].values()),
            "where": pretty_text(filters.get("where", ""), reveals=viewer.reveals),
            "users": len(filters.get("users", ())),
            "events": [plain(each) for each in filters.get("events", ())],
            "too_old": _too_old(plan, wall_clock()),
            "age_days": plan["max_age_s"] / 86400,
            "samples": [_sample(each, reveals=viewer.reveals) for each in plan.get("samples", ())],
            "names_people": bool(filters.get("where") or filters.get("users")),
            "in_force": "" if (found := self._process.deliverable()) is None else found.version,
        }

    async def _file(self, request: web.Request) -> web.Response:
        """Give the plan file, for those who may see whom it names."""
        job, viewer = job_of(request.app[CONSOLE].jobs, request.match_info["job"], PLAN), request[VIEWER]
        if not viewer.may_act:
            raise web.HTTPForbidden(text="sign in with the console token to do this")
        filters = job.result.get("filters", {})
        if (filters.get("where") or filters.get("users")) and not viewer.reveals:
            raise web.HTTPForbidden(text="reveal personal data first: the plan may name people")
        try:
            content = await asyncio.to_thread(Path(job.context["file"]).read_bytes)
        except OSError:
            raise web.HTTPNotFound(text="this plan was not written, or is gone") from None
        name = f'attachment; filename="replay-{job.result.get("id", "plan")}.json"'
        return web.Response(
            body=content, content_type="application/json", headers={"Content-Disposition": name}
        )

    # Running and ending

    async def _run(self, request: web.Request) -> web.Response:
        console, form = request.app[CONSOLE], await request.post()
        planned = job_of(console.jobs, form.get("job"), PLAN)
        if planned.state != "done" or not planned.result:
            raise web.HTTPConflict(text="this plan is not made yet")
        options = read_rate(form.get("rate"))
        options += ["--automations-may-fire"] if form.get("automations") == "yes" else []
        job = await console.jobs.start(
            RUN,
            ["replay", "run", planned.context["file"], "--yes", "--json", *options],
            f"Replay {planned.result['id']}",
            private=planned.private,
            context={"file": planned.context["file"], "id": planned.result["id"]},
            follows=planned,
            is_nice=False,
        )
        return go_to(job)

    async def _ask_cancel(self, request: web.Request) -> web.Response:
        _, values = await self._known(request)
        return page(request, "replays_cancel.html", {"replay": values})

    async def _cancel(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        if not _ID.fullmatch(id_):
            raise web.HTTPNotFound(text="there is no such replay")
        job = await request.app[CONSOLE].jobs.start(
            CANCEL, ["replay", "cancel", "--json", id_], f"Cancellation of replay {id_}", context={"id": id_}
        )
        return go_to(job)


def pretty_text(text: str, *, reveals: bool) -> str:
    """Give a text that may name people."""
    return plain(text) if reveals or not text else MASK


def _run_values(job: Job, _viewer: Viewer) -> dict[str, Any]:
    return {
        "result": job.result,
        "replay_id": job.context["id"],
        "everybody": job.result.get("all_processes", {}),
    }


def _too_old(plan: Any, now: float) -> bool:
    oldest = plan.get("oldest_at")
    return bool(oldest) and now - datetime.fromisoformat(oldest).timestamp() > plan["max_age_s"]


def _sample(found: Any, *, reveals: bool) -> dict[str, str]:
    try:
        body = pretty(json.loads(found["body"]), reveals=reveals)
    except ValueError:
        body = MASK if found["body"] else ""
    return {
        "mapping": plain(found["mapping"]),
        "method": found["method"],
        "url": shown_url(found["url"], reveals=reveals),
        "body": body,
    }


def _read_options(form: MultiMapping[Any], viewer: Viewer, now: float) -> list[str]:
    """Read the form of a plan as options of the command.

    Raises: HTTPBadRequest, HTTPForbidden
    """
    options = []
    for name in ("since", "until"):
        if text := _text(form, name):
            try:
                moment_ms(text, now)
            except (ValueError, OverflowError):
                raise web.HTTPBadRequest(
                    text=f"{name} is no time; write e.g. 2026-11-24T04:15:00Z, 24h or 7d"
                ) from None
            options.append(f"--{name}={text}")
    if offsets := _text(form, "offsets"):
        if not _OFFSETS.fullmatch(offsets):
            raise web.HTTPBadRequest(text="offsets are written as 0:1200,1:980-1100")
        options.append(f"--from-offsets={offsets}")
    where, users = _text(form, "where"), _lines(form, "users")
    if users and not viewer.reveals:
        raise web.HTTPForbidden(text="reveal personal data first, to replay the events of a person")
    options += [f"--where={where}"] if where else []
    options += [f"--user={user}" for user in users]
    options += [f"--event={event}" for event in _lines(form, "events")]
    options += [f"--mapping={name}" for name in _texts(form, "mapping")]
    options += read_rate(form.get("rate"))
    if max_age := _text(form, "max_age"):
        options.append(f"--max-age={max_age}")
    options += ["--from-source"] if form.get("from_source") == "yes" else []
    return options


def _text(form: MultiMapping[Any], name: str) -> str:
    return next(iter(_texts(form, name)), "")


def _texts(form: MultiMapping[Any], name: str) -> list[str]:
    found = [value.strip() for value in form.getall(name, []) if isinstance(value, str) and value.strip()]
    if any(len(value) > LONGEST or "\0" in value for value in found):
        raise web.HTTPBadRequest(text=f"{name} is too long, or holds what no value has")
    return found


def _lines(form: MultiMapping[Any], name: str) -> list[str]:
    return [line.strip() for line in _text(form, name).splitlines() if line.strip()]
