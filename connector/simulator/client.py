"""A client for the control API of a running simulator, for tests and tools in other processes."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import httpx
import orjson

from connector.errors import ConfigurationError, OperationalError, Problem
from connector.simulator.books import LoggedRequest
from connector.simulator.json_bytes import parse_json
from connector.simulator.simulation import MAX_PAGE, AllStats, ObjectView, PersonView


class SimulatorClient:
    """Inspects and steers the simulator at `url`.

    Its calls block, so a simulator running in the same event loop must be asked directly instead.
    ConfigurationError names the settings refused; OperationalError means nobody answered.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A proxy of the environment is for the outside, not for a simulator next door.
        self._http = httpx.Client(base_url=f"{self.url}/_sim/", trust_env=False, timeout=30.0)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def config(self) -> dict[str, Any]:
        """Give the configuration, without tokens."""
        return cast("dict[str, Any]", self._json("GET", "config"))

    def configure(self, **changes: object) -> dict[str, Any]:
        """Change some settings and give all of them."""
        return cast("dict[str, Any]", self._json("POST", "config", content=orjson.dumps(changes)))

    def reset(self, *, keep_config: bool = False) -> None:
        """Empty books and account; the configuration is that of the start again unless it is kept."""
        self._ask("POST", "reset", params={"keep_config": int(keep_config)})

    def stats(self) -> AllStats:
        """Give all counts."""
        return cast("AllStats", self._json("GET", "stats"))

    def requests(self, after: int = 0, person: str | None = None) -> list[LoggedRequest]:
        """Give all accepted requests with a higher `seq`, oldest first."""
        found: list[LoggedRequest] = []
        chosen = {} if person is None else {"person": person}
        while True:
            answer = self._ask("GET", "requests", params={"after": after, "limit": MAX_PAGE, **chosen})
            page = [cast("LoggedRequest", parse_json(line)) for line in answer.content.splitlines()]
            found += page
            if len(page) < MAX_PAGE:
                return found
            after = page[-1]["seq"]

    def people(self) -> list[PersonView]:
        """Give everybody, in order of their first request."""
        return cast("list[PersonView]", self._pages("people"))

    def person(self, one_id: str) -> PersonView | None:
        """Give whom any kind of id belongs to."""
        answer = self._ask("GET", f"people/{quote(one_id, safe='')}", missing_is_fine=True)
        return None if answer.status_code == 404 else cast("PersonView", orjson.loads(answer.content))

    def objects(self) -> list[ObjectView]:
        """Give all objects, in order of their first request."""
        return cast("list[ObjectView]", self._pages("objects"))

    def _pages(self, name: str) -> list[Any]:
        found: list[Any] = []
        while True:
            page = self._json("GET", name, params={"offset": len(found), "limit": MAX_PAGE})
            found += page[name]
            if not page[name] or len(found) >= page["total"]:
                return found

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return orjson.loads(self._ask(method, path, **options).content)

    def _ask(
        self, method: str, path: str, *, missing_is_fine: bool = False, **options: Any
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as exc:
            raise OperationalError(
                f"the simulator at {self.url} did not answer ({type(exc).__name__}); is it running?"
            ) from exc
        if answer.status_code == 400:
            problems = orjson.loads(answer.content)["error"]["problems"]
            raise ConfigurationError(
                Problem(problem["message"], path=problem["path"]) for problem in problems
            )
        if answer.is_success or (missing_is_fine and answer.status_code == 404):
            return answer
        raise OperationalError(f"{self.url} answered {answer.status_code}; is it a simulator?")
