"""Renders the pages. Everything that is put into a template is escaped; nothing is marked safe."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connector import __version__
from connector.delivery.waits import duration
from connector.edges.console.session import Session

HERE: Final = Path(__file__).parent
NONE: Final = "\u2013"  # a dash, shown for what is not known


class Viewer(NamedTuple):
    """Who looks: nobody in particular, or somebody who signed in.

    proof       goes into every form; empty without a session
    can_sign_in whether there is a token at all
    """

    session: Session | None
    proof: str
    can_sign_in: bool

    @property
    def may_act(self) -> bool:
        """Whether what changes something is allowed."""
        return self.session is not None

    @property
    def reveals(self) -> bool:
        """Whether personal data is shown."""
        return self.session is not None and self.session.reveals


class Place(NamedTuple):
    """One entry of the navigation."""

    name: str
    path: str
    title: str


NAVIGATION: Final = (
    Place("overview", "/console/", "Overview"),
    Place("partitions", "/console/partitions", "Partitions"),
    Place("mappings", "/console/mappings", "Mappings"),
    Place("tester", "/console/tester", "Event tester"),
    Place("letters", "/console/dead-letters", "Dead letters"),
    Place("replays", "/console/replays", "Replays"),
)

VIEWER: Final = web.RequestKey("viewer", Viewer)


def count(value: float | None) -> str:
    """Write a number of things: 12,345."""
    return NONE if value is None else f"{value:,.0f}"


def rate(per_s: float | None) -> str:
    """Write a rate with three digits: 0.02, 1.5, 230."""
    if per_s is None:
        return NONE
    if 0 < per_s < 0.001:
        return "< 0.001"
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.3g}"


def percent(share: float | None) -> str:
    """Write a share: 99.98 %. Nothing short of all is 100 %, nothing above none is 0 %."""
    if share is None:
        return NONE
    if 0.9999 < share < 1:
        return "> 99.99 %"
    if 0 < share < 0.0001:
        return "< 0.01 %"
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"


def seconds(value: float | None) -> str:
    """Write a time: 15 ms, 0.4 s, 12 s, 4 min 3 s."""
    if value is None:
        return NONE
    return f"{1000 * value:.3g} ms" if value < 0.1 else duration(value)


def moment(at: float | None) -> str:
    """Write a time of day in UTC."""
    return NONE if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.filters |= {
    "count": count, "rate": rate, "percent": percent, "seconds": seconds, "moment": moment,
}  # fmt: skip
_ENVIRONMENT.globals |= {"NAVIGATION": NAVIGATION, "NONE": NONE, "VERSION": __version__}


def load_templates() -> None:
    """Compile all templates now: the first page would wait for it, and hold the loop of the worker."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


def fragment(template: str, values: Mapping[str, Any]) -> str:
    """Render a part of a page that is the same for everybody."""
    return _ENVIRONMENT.get_template(template).render(values)


def page(
    request: web.Request, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
) -> web.Response:
    """Render a page, or a part of one, for whoever asks: its template knows `viewer` and `path`."""
    text = fragment(template, {"viewer": request[VIEWER], "path": request.path, **(values or {})})
    return web.Response(text=text, content_type="text/html", status=status)
