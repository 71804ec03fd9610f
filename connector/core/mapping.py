"""A mapping, compiled: trigger + fields + action, from event to request."""

from __future__ import annotations

from typing import Any

from connector.core.actions import Action
from connector.core.fields import Fields
from connector.core.json_text import WriteError, write_json
from connector.core.plan import PlanError, PlanErrorCode, Planned
from connector.core.request import Endpoints, Request
from connector.core.triggers import Trigger
from connector.errors import FieldsError, PayloadError, TriggerError

_AUDIENCE_KIND = "TypeError"


class Mapping:
    """One enabled mapping of a destination."""

    __slots__ = ("_headers", "_url", "action", "fields", "name", "trigger")

    def __init__(
        self, name: str, action: Action, trigger: Trigger, fields: Fields, endpoints: Endpoints
    ) -> None:
        self.name, self.action, self.trigger, self.fields = name, action, trigger, fields
        self._url = endpoints.url_of(action)
        self._headers = endpoints.headers_of(action)

    def plan(self, event: dict[str, Any]) -> Planned | None:
        """Give the request of one event, or the error that prevents it; None without a match."""
        try:
            if not self.trigger.holds(event):
                return None
            request = self.request(event)
        except (FieldsError, PayloadError, TriggerError, WriteError, RecursionError) as error:
            return Planned(self.name, self.action.key, None, _plan_error(error))
        return Planned(self.name, self.action.key, request, None)

    def request(self, event: dict[str, Any]) -> Request:
        """Build the request of an event that matched.

        Raises: FieldsError, PayloadError, WriteError
        """
        action = self.action
        payload = action.schema.clean(self.fields.resolve(event))
        look_up_audience(event)
        body = write_json(action.body(payload))
        return Request(action.method, self._url, self._headers, body)


def look_up_audience(event: dict[str, Any]) -> None:
    """Do what the reference does with `context.personas` before it sends: nothing, or fail.

    Raises: PayloadError where context or context.personas is null; all else is harmless
    """
    context = event.get("context", "")
    if context is None:
        raise PayloadError(
            "Cannot read properties of null (reading 'personas')", kind=_AUDIENCE_KIND, status=None
        )
    if type(context) is dict and "personas" in context and context["personas"] is None:
        raise PayloadError(
            "Cannot read properties of null (reading 'computation_class')",
            kind=_AUDIENCE_KIND,
            status=None,
        )


def _plan_error(error: Exception) -> PlanError:
    match error:
        case FieldsError():
            messages = error.messages if error.kind == "AggregateError" else ()
            return PlanError(PlanErrorCode.FIELDS, error.message, None, error.kind, messages)
        case PayloadError(kind="PayloadValidationError"):
            return PlanError(PlanErrorCode.ACTION, error.message, error.status, error.kind)
        case PayloadError(status=None):
            return PlanError(PlanErrorCode.EVENT, error.message, None, error.kind)
        case PayloadError():
            return PlanError(PlanErrorCode.SCHEMA, error.message, error.status, error.kind)
        case TriggerError():
            return PlanError(PlanErrorCode.TRIGGER, error.message, None, "TypeError")
        case WriteError():
            return PlanError(PlanErrorCode.ENCODING, str(error), None, "RangeError")
        case _:
            return PlanError(PlanErrorCode.ENCODING, "nested too deeply", None, "RangeError")
