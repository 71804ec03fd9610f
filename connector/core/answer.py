"""What the reference makes of an HTTP answer: data, or an error with a name.

Delivery has classes of its own (connector.delivery.outcome), which know pausing and waiting; this is for
people who ask one question and look at the answer: the key's test, object types, deletion, the event tester.

Source: segmentio/action-destinations, packages/core/src/middleware/after-response/prepare-response.ts and
request-client.ts; the rule for retrying is the one its documentation gives
"""

from __future__ import annotations

from typing import Any, NamedTuple

from connector.core.json_text import ReadError, read_json

_RETRIED_4XX = frozenset((408, 423, 429))
_NOT_RETRIED_5XX = 501


class Answer(NamedTuple):
    """One HTTP answer: status, reason phrase, content type ("" for none) and body."""

    status: int
    reason: str
    content_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def data(self) -> Any:
        """Give the parsed JSON where the type says so and it is something, else the raw text."""
        text = self.body.decode("utf-8", "replace")
        if "application/json" in self.content_type:
            try:
                parsed = read_json(self.body)
            except ReadError:
                return text
            if parsed is not None:
                return parsed
        return text


class Failure(NamedTuple):
    """An error as the reference names it.

    kind    HTTPError, TimeoutError, FetchError, AggregateAjvError, IntegrationError, TypeError, …
    status  of the error, or of the answer behind it; None where there is neither
    """

    kind: str
    message: str
    status: int | None = None
    code: str | None = None

    @property
    def effective_status(self) -> int:
        """The status that decides about retrying."""
        return 500 if self.status is None else self.status

    @property
    def is_retryable(self) -> bool:
        """Whether the reference's documentation says that the request is sent again."""
        status = self.effective_status
        return status in _RETRIED_4XX or (status >= 500 and status != _NOT_RETRIED_5XX)


def http_failure(answer: Answer) -> Failure:
    """Give the failure that an answer without success is."""
    return Failure("HTTPError", answer.reason, answer.status)


def timed_out(after_s: float) -> Failure:
    """Give the failure of a request without an answer in time."""
    return Failure("TimeoutError", f"Request timed out after {round(after_s * 1000)}ms", code="ETIMEDOUT")


def no_batches() -> Failure:
    """Give the failure of every batch: no action of this destination takes them."""
    return Failure(
        "IntegrationError", "This action does not support batched requests.", 501, "NotImplemented"
    )
