"""The control API under `/_sim/`: inspect and steer the simulator while it runs.

GET  /_sim/config                                 the configuration, without tokens
POST /_sim/config      {"rate_500": 0.1}          change some settings; 400 names the ones that are wrong
POST /_sim/reset[?keep_config=1]                  empty books and account
GET  /_sim/stats                                  all counts
GET  /_sim/requests[?after=N&limit=N&person=ID]   accepted requests as JSON Lines, at most 10,000
GET  /_sim/people[?offset=N&limit=N]              {"people": […], "total": N}
GET  /_sim/people/ID                              one person by any id; 404 if there is none
GET  /_sim/objects[?offset=N&limit=N]             {"objects": […], "total": N}

Errors: {"error": {"message": …, "problems": [{"path": …, "message": …}]}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from connector.errors import ConfigurationError, Problem
from connector.simulator.json_bytes import parse_json, render_json
from connector.simulator.simulation import MAX_PAGE, Simulation

PREFIX = "/_sim/"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"


class ControlAnswer(NamedTuple):
    """What the control API says."""

    status: int
    body: bytes
    content_type: str = JSON


def control(simulation: Simulation, method: str, path: str, query: str, body: bytes) -> ControlAnswer:
    """Do what a request under the prefix asks for; `path` and `query` as they came, undecoded."""
    name = path.removeprefix(PREFIX)
    options = dict(parse_qsl(query))
    try:
        if method == "GET" and name.startswith("people/"):
            return _person(simulation, unquote(name.removeprefix("people/")))
        if (method, name) in _COMMANDS:
            return _COMMANDS[method, name](simulation, options, body)
    except ConfigurationError as exc:
        problems = [{"path": problem.path, "message": problem.message} for problem in exc.problems]
        return _error(400, "; ".join(str(problem) for problem in exc.problems), problems)
    known = ", ".join(" ".join((method, PREFIX + name)) for method, name in _COMMANDS)
    return _error(404, f"The control API has {known}, GET {PREFIX}people/ID.")


def _show_config(simulation: Simulation, _options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    return _json(simulation.config.as_json())


def _change_config(simulation: Simulation, _options: Mapping[str, str], body: bytes) -> ControlAnswer:
    try:
        changes = parse_json(body)
    except ValueError as exc:
        raise ConfigurationError(Problem("is not JSON", path="body")) from exc
    if not isinstance(changes, dict):
        raise ConfigurationError(Problem("must be a JSON object", path="body"))
    return _json(simulation.configure(**changes).as_json())


def _reset(simulation: Simulation, options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    simulation.reset(keep_config=options.get("keep_config", "0") in {"1", "true"})
    return _json(simulation.config.as_json())


def _stats(simulation: Simulation, _options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    return _json(simulation.stats())


def _requests(simulation: Simulation, options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    after = _whole(options, "after", 0)
    limit = min(_whole(options, "limit", MAX_PAGE), MAX_PAGE)
    lines = simulation.request_lines(after, limit, options.get("person"))
    return ControlAnswer(200, b"".join(lines), JSON_LINES)


def _people(simulation: Simulation, options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    return _page("people", simulation.people(), options)


def _objects(simulation: Simulation, options: Mapping[str, str], _body: bytes) -> ControlAnswer:
    return _page("objects", simulation.objects(), options)


def _person(simulation: Simulation, one_id: str) -> ControlAnswer:
    person = simulation.person(one_id)
    return _error(404, "There is nobody with this id.") if person is None else _json(person)


_Command = Callable[[Simulation, Mapping[str, str], bytes], ControlAnswer]
_COMMANDS: Mapping[tuple[str, str], _Command] = {
    ("GET", "config"): _show_config,
    ("POST", "config"): _change_config,
    ("POST", "reset"): _reset,
    ("GET", "stats"): _stats,
    ("GET", "requests"): _requests,
    ("GET", "people"): _people,
    ("GET", "objects"): _objects,
}


def _page(name: str, entries: Sequence[object], options: Mapping[str, str]) -> ControlAnswer:
    offset = _whole(options, "offset", 0)
    limit = min(_whole(options, "limit", MAX_PAGE), MAX_PAGE)
    return _json({name: entries[offset : offset + limit], "total": len(entries)})


def _whole(options: Mapping[str, str], name: str, default: int) -> int:
    value = options.get(name, str(default))
    if not (value.isascii() and value.isdigit()):
        raise ConfigurationError(Problem("must be a whole number that is not negative", path=name))
    return int(value)


def _json(value: object) -> ControlAnswer:
    return ControlAnswer(200, render_json(value))


def _error(status: int, message: str, problems: Sequence[object] = ()) -> ControlAnswer:
    return ControlAnswer(status, render_json({"error": {"message": message, "problems": problems}}))
