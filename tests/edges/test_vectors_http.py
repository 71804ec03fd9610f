"""Golden cases of what is asked over HTTP and what is made of the answer, on real sockets.

The reference's hosts are played by one server here; addresses are compared after its own is put back.
"""

import asyncio

import pytest

from connector.core import Destination
from connector.core.account import api_key_of
from connector.core.answer import no_batches
from connector.core.presets import preset_mappings
from connector.core.request import API_URL, INGEST_URL, Endpoints
from connector.edges.encharge_api import EnchargeApi, RequestFailed
from connector.errors import ConfigurationError, PayloadError
from tests.vectors_io import parametrize_vectors

TIMEOUT_S = 0.5  # instead of the reference's ten seconds
REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Internal Server Error"}  # fmt: skip
HEADERS = ("x-encharge-token", "content-type", "x-segment-actions", "user-agent")
EVENT = {"type": "track", "event": "E", "userId": "u1", "previousId": "u0", "traits": {"tag": "t"}}


def pytest_generate_tests(metafunc):
    parametrize_vectors(
        metafunc, "responses" if "has_response" in metafunc.function.__name__ else "lifecycle"
    )


class Encharge:
    """A server with one scripted answer; whoever is redirected to it finds {"ok": 1}."""

    def __init__(self, response):
        self.response = response or {}
        self.requests = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                request_line, *lines = head.strip().split("\r\n")
                method, target, _ = request_line.split(" ", 2)
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append({"method": method, "target": target, "headers": headers, "body": body})
                if self.response.get("connection_reset"):
                    writer.transport.abort()
                elif not self.response.get("never_answers"):
                    await self._answer(writer, target)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer, target):
        if target.endswith("/moved"):
            status, reason, headers, body = 200, "OK", {"content-type": "application/json"}, '{"ok":1}'
        else:
            status = self.response.get("status", 200)
            reason = self.response.get("reason") or REASONS[status]
            headers = self.response.get("headers", {"content-type": "application/json"})
            body = self.response.get("body", "{}")
        lines = [f"HTTP/1.1 {status} {reason}"]
        lines += [f"{name}: {self.of_reference(value, back=True)}" for name, value in headers.items()]
        if status not in (204, 304):
            lines.append(f"content-length: {len(body.encode())}")
        writer.write(
            "\r\n".join([*lines, "", ""]).encode() + (body.encode() if status not in (204, 304) else b"")
        )
        await writer.drain()

    def of_reference(self, text, *, back=False):
        """Put the reference's addresses in the place of ours, or ours back."""
        pairs = [(f"{self.url}/ingest", INGEST_URL), (self.url, API_URL)]
        for ours, theirs in pairs:
            text = text.replace(theirs, ours) if back else text.replace(ours, theirs)
        return text

    def endpoints(self, key):
        return Endpoints(key, f"{self.url}/ingest", self.url)


async def test_an_action_that_has_response_ends_as_in_the_reference(vector):
    expected = vector["expected"]
    async with (
        Encharge(vector["response"]) as encharge,
        EnchargeApi(encharge.endpoints("test-key"), timeout_s=TIMEOUT_S) as api,
    ):
        result, failure = None, None
        try:
            if vector.get("batch"):
                raise RequestFailed(no_batches())
            result = await api.perform(request_of(vector["action"], encharge))
        except RequestFailed as error:
            failure = error.failure

        assert [sent(each, encharge) for each in encharge.requests] == [
            (each["method"], each["url"], each["has_body"]) for each in expected["requests_sent"]
        ]
    assert result == (None if expected["result"] is None else expected["result"]["data"])
    assert_failure(failure, expected["error"])
    assert (failure.effective_status if failure else None) == expected["effective_status"]
    assert (failure.is_retryable if failure else False) == expected["retryable"]


def request_of(action, encharge):
    mappings = [*preset_mappings(), *({"name": a, "action": a, "trigger": "", "fields": {"tag": "t", "userId": "u"}} for a in ("addTag", "removeTag"))]  # fmt: skip
    chosen = next(each for each in mappings if each["action"] == action)
    destination = Destination.from_config(
        {"id": "v", "mappings": [{**chosen, "trigger": 'type = "track"'}]},
        api_key="test-key", ingest_url=f"{encharge.url}/ingest", api_url=encharge.url,
    )  # fmt: skip
    [planned] = destination.plan(EVENT)
    return planned.request


def sent(request, encharge):
    return request["method"], encharge.of_reference(encharge.url + request["target"]), bool(request["body"])


def assert_failure(failure, expected):
    if expected is None:
        assert failure is None
    elif expected.get("native"):
        assert failure is not None
    else:
        message = expected["message"].replace("10000ms", f"{round(TIMEOUT_S * 1000)}ms")
        assert (failure.kind, failure.message) == (expected["kind"], message)
        assert (failure.status, failure.code) == (expected.get("status"), expected.get("code"))


async def test_an_operation_asks_and_answers_as_in_the_reference(vector):
    expected = vector["expected"]
    async with Encharge(vector.get("response")) as encharge:
        outcome, error = None, None
        try:
            endpoints = encharge.endpoints(api_key_of(vector["settings"]))
            async with EnchargeApi(endpoints, timeout_s=TIMEOUT_S) as api:
                outcome = await operate(api, vector)
        except RequestFailed as failed:
            error = {
                "kind": failed.failure.kind,
                "message": failed.failure.message,
                "status": failed.failure.status,
            }
        except PayloadError as refused:
            error = {"kind": refused.kind, "message": refused.message, "status": refused.status}
        except ConfigurationError:
            error = {"kind": "TypeError"}  # a key that is no header: native in the reference

        assert [as_vector(each, encharge) for each in encharge.requests] == expected["requests"]
    if expected["error"] is None:
        assert error is None
    elif not expected["error"].get("native"):
        assert {key: value for key, value in error.items() if value is not None} == expected["error"]
    else:
        assert error is not None
    compare = {
        "delete": compare_deletion,
        "test_authentication": compare_credentials,
        "dynamic_field": compare_choices,
    }
    compare[vector["operation"]](outcome, vector)


async def operate(api, vector):
    match vector["operation"]:
        case "delete":
            return await api.delete(vector["event"])
        case "test_authentication":
            credentials = await api.test_credentials()
            if not credentials.valid:
                raise RequestFailed(credentials.failure)
            return credentials
        case "dynamic_field":
            return await api.choices(vector["action"], vector["field"])
    pytest.fail(f"unknown operation {vector['operation']}")


def as_vector(request, encharge):
    return {
        "method": request["method"],
        "url": encharge.of_reference(encharge.url + request["target"]),
        "headers": {name: request["headers"][name] for name in HEADERS},
        "body": None if not request["body"] else request["body"],
    }


def compare_deletion(outcome, vector):
    expected = vector["expected"]["result"]
    assert outcome == (expected["data"] if isinstance(expected, dict) else expected)


def compare_credentials(outcome, vector):
    assert (outcome is not None and outcome.valid) is vector["expected"]["ok"]


def compare_choices(outcome, vector):
    expected = vector["expected"]["result"]
    if vector.get("native_message") or vector["expected"].get("native_message"):
        assert outcome["choices"] == expected["choices"]
        assert outcome["error"]["code"] == expected["error"]["code"]
    else:
        assert outcome == expected
