"""The page of one job: how far it is, what came of it, and ending it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from connector.edges.clocks import wall_clock
from connector.edges.console.jobs import KILL_AFTER_S, Job, Jobs
from connector.edges.console.pages import VIEWER, Viewer, page
from connector.edges.console.parts import CONSOLE
from connector.edges.console.plain_text import plain


class Shown(NamedTuple):
    """How a kind of jobs is shown: the template of what came of it, where it belongs, and its values."""

    template: str
    back: str
    back_title: str
    values: Callable[[Job, Viewer], Mapping[str, Any]]


class JobPages:
    """The pages of jobs, by their kind."""

    def __init__(self, kinds: Mapping[str, Shown]) -> None:
        self._kinds = kinds

    def routes(self) -> list[web.RouteDef]:
        """Give the routes."""
        return [
            web.get("/jobs/{id}", self._show),
            web.get("/jobs/{id}/cancel", self._ask),
            web.post("/jobs/{id}/cancel", self._cancel),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        job = job_of(request.app[CONSOLE].jobs, request.match_info["id"])
        # htmx asks for the part alone; it asks no more once the job has ended.
        template = "job_part.html" if "HX-Request" in request.headers else "job.html"
        return page(request, template, self._values(job, request[VIEWER]))

    async def _ask(self, request: web.Request) -> web.Response:
        job = job_of(request.app[CONSOLE].jobs, request.match_info["id"])
        return page(request, "job_cancel.html", {"job": job, "kill_after_s": KILL_AFTER_S})

    async def _cancel(self, request: web.Request) -> web.Response:
        jobs = request.app[CONSOLE].jobs
        job = job_of(jobs, request.match_info["id"])
        jobs.cancel(job.id)
        return go_to(job)

    def _values(self, job: Job, viewer: Viewer) -> dict[str, Any]:
        shown = self._kinds[job.kind]
        return {
            "job": job,
            "for_s": (job.ended_at or wall_clock()) - job.started_at,
            # An error may quote what was given, so it is for those who may give it.
            "told": [plain(line) for line in job.told(reveals=viewer.reveals)] if viewer.may_act else [],
            "template": shown.template,
            "back": shown.back,
            "back_title": shown.back_title,
            **shown.values(job, viewer),
        }


def job_of(jobs: Jobs, id_: object, kind: str | None = None) -> Job:
    """Give a job by its id.

    Raises: HTTPNotFound when none is remembered by that id, or it is of another kind
    """
    job = jobs.get(id_) if isinstance(id_, str) else None
    if job is None or kind not in (None, job.kind):
        raise web.HTTPNotFound(
            text="this worker knows no such job: it remembers the last ones only, and none from before it"
            " was started; other workers have their own"
        )
    return job


def go_to(job: Job) -> web.Response:
    """Lead to the page of a job."""
    return web.Response(status=303, headers={"Location": f"/console/jobs/{job.id}"})
