"""What never stands in a log line."""

import asyncio
import sys

import pytest
from aiokafka.errors import KafkaConnectionError

from connector.edges.log_redaction import (
    SHORTEST_SECRET,
    LogRedaction,
    ShownException,
    exception_text,
    secrets_of,
    secrets_of_environment,
)
from connector.errors import OperationalError
from connector.settings import Settings
from tests.cpu_time import least_cpu_s

KEY = 'k3y/"é\\ 1'


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param(f"key {KEY} refused", "key [redacted] refused", id="as it is"),
        pytest.param('{"key": "k3y/\\"\\u00e9\\\\ 1"}', '{"key": "[redacted]"}', id="in JSON"),
        pytest.param(f"key {KEY!r} refused", "key '[redacted]' refused", id="in a repr()"),
        pytest.param("GET /x/k3y%2F%22%C3%A9%5C%201/y", "GET /x/[redacted]/y", id="in a URL"),
        pytest.param(f"{KEY}{KEY}", "[redacted][redacted]", id="twice"),
    ],
)
def test_a_known_secret_is_taken_out_wherever_it_stands(text, redacted):
    assert LogRedaction([KEY]).text(text) == redacted


def test_the_longer_of_two_secrets_is_taken_out_whole():
    assert LogRedaction(["secret", "secret-of-two"]).text("it is secret-of-two.") == "it is [redacted]."


def test_a_secret_that_is_learned_later_is_taken_out_from_then_on_and_the_old_one_still():
    redaction = LogRedaction(["old-key"])

    redaction.know(["new-key"])

    assert redaction.text("old-key, new-key") == "[redacted], [redacted]"


def test_a_value_so_short_that_words_hold_it_is_not_looked_for():
    assert LogRedaction(["topic"]).text("topic") == "topic"
    assert len("topic") == SHORTEST_SECRET - 1


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param("to ada@example.com now", "to [redacted] now", id="address"),
        pytest.param("?email=ada%40example.com", "?email=[redacted]", id="address in a URL"),
        pytest.param("Authorization: Bearer abc", "Authorization: [redacted]", id="header"),
        pytest.param("{'X-Encharge-Token': 'abc', 'A': 'b'}", "{'X-Encharge-Token': '[redacted]', 'A': 'b'}", id="headers"),
        pytest.param("(b'x-encharge-token', b'abc')", "(b'x-encharge-token', b'[redacted]')", id="headers as bytes"),
        pytest.param("sent bearer eyJhbGciOi.x1", "sent bearer [redacted]", id="bearer"),
        pytest.param("sent Basic dXNlcjpwdw==", "sent Basic [redacted]", id="basic"),
        pytest.param("url?token=abcd&x=1", "url?token=[redacted]&x=1", id="token in a query"),
        pytest.param('{"api_key": "abcdef", "x": 1}', '{"api_key": "[redacted]", "x": 1}', id="key in JSON"),
        pytest.param("password: hunter22", "password: [redacted]", id="password"),
        pytest.param("CONNECTOR_ENCHARGE_API_KEY: is required to deliver", "CONNECTOR_ENCHARGE_API_KEY: is required to deliver", id="a setting's name"),
        pytest.param("a bearer of news, a basic knowledge", "a bearer of news, a basic knowledge", id="words"),
        pytest.param("GET https://api.encharge.io/v1/people?people[0][userId]=u1 failed", "GET https://api.encharge.io/v1/people?[redacted] failed", id="query"),
        pytest.param("DELETE /v1/people?people[0][userId]=u1&force=1", "DELETE /v1/people?people[0][userId]=[redacted]&force=1", id="person in a query without a host"),
        pytest.param("GET https://api.encharge.io/v1/people/u1", "GET https://api.encharge.io/v1/people/[redacted]", id="person in a path"),
        pytest.param("GET https://api.encharge.io/v1/accounts/info: 401", "GET https://api.encharge.io/v1/accounts/info: 401", id="no person in it"),
        pytest.param("<Task finished name='T' exception=KeyError('u1')>", "<Task finished name='T' exception=KeyError([redacted])>", id="failed task"),
        pytest.param("via http://me:pass@proxy:8080 failed", "via [redacted] at http://proxy:8080 failed", id="login in a URL"),
        pytest.param("kafka-1:9092 cannot be reached", "kafka-1:9092 cannot be reached", id="a broker"),
    ],
)  # fmt: skip
def test_what_looks_secret_or_personal_is_taken_out_and_the_rest_stays(text, redacted):
    assert LogRedaction().text(text) == redacted


@pytest.mark.parametrize(
    ("name", "value", "logged"),
    [
        pytest.param("kafka_sasl_password", "pw", "[redacted]", id="password"),
        pytest.param("X-Encharge-Token", b"t", "[redacted]", id="header"),
        pytest.param("apiKey", "k", "[redacted]", id="camel case"),
        pytest.param("user_id", "u1", "[redacted]", id="who"),
        pytest.param("traits", {"name": "Ada"}, "[redacted]", id="traits"),
        pytest.param("token", None, None, id="nothing"),
        pytest.param("has_token", True, True, id="yes or no"),
        pytest.param("new_key", True, True, id="another key"),
        pytest.param("topic", "tokens", "tokens", id="another name"),
        pytest.param("code", "credentials", "credentials", id="a code"),
        pytest.param("offset", 1234567, 1234567, id="number"),
        pytest.param("partitions", [0, 1], [0, 1], id="numbers"),
        pytest.param("headers", {"token": "t", "n": ["a@b.c"]}, {"token": "[redacted]", "n": ["[redacted]"]}, id="inside"),
        pytest.param("raw", b"ada@example.com", "b'[redacted]'", id="bytes"),
        pytest.param("error", KeyError("u1"), "KeyError([redacted])", id="exception"),
        pytest.param("error", OperationalError("topic is full"), "OperationalError('topic is full')", id="ours"),
    ],
)  # fmt: skip
def test_a_field_is_redacted_by_its_name_and_by_what_it_holds(name, value, logged):
    found = LogRedaction()(None, "info", {name: value})[name]

    assert (repr(found) if isinstance(found, Exception) else found) == logged


def test_what_needs_no_redaction_is_handed_on_as_it_is():
    value = object()

    assert LogRedaction()(None, "info", {"value": value})["value"] is value


def test_a_value_that_holds_itself_is_redacted_all_the_same():
    value = ["ada@example.com"]
    value.append(value)

    assert "ada" not in repr(LogRedaction()(None, "info", {"value": value}))


def told(error):
    try:
        raise error
    except BaseException:
        return exception_text(sys.exc_info())


@pytest.mark.parametrize(
    ("error", "last"),
    [
        pytest.param(KeyError("u-ada"), "KeyError: [redacted]", id="key"),
        pytest.param(ValueError("order ORD-123456 is odd"), "ValueError: order [redacted] is odd", id="value"),
        pytest.param(OperationalError("'x' is full"), "connector.errors.OperationalError: 'x' is full", id="ours"),
        pytest.param(FileNotFoundError(2, "No such file", "/etc/x12345"), "FileNotFoundError: [Errno 2] No such file: '/etc/x12345'", id="the system's"),
        pytest.param(KafkaConnectionError("10.0.0.1:9092"), "aiokafka.errors.KafkaConnectionError: KafkaConnectionError: 10.0.0.1:9092", id="Kafka's"),
    ],
)  # fmt: skip
def test_the_text_of_an_unexpected_exception_loses_its_values_and_others_stay(error, last):
    lines = told(error).splitlines()

    assert lines[0] == "Traceback (most recent call last):"
    assert any("raise error" in line for line in lines)
    assert lines[-1] == last


def test_causes_notes_and_groups_lose_their_values_too():
    cause = KeyError("u-cause")
    cause.add_note("seen in 'u-note'")
    error = ExceptionGroup("2 of them", [ValueError("'u-one'"), TypeError("'u-two'")])
    error.__cause__ = cause

    text = told(error)

    assert "KeyError" in text
    assert "TypeError" in text
    assert not [name for name in ("u-cause", "u-note", "u-one", "u-two") if name in text]


def test_an_exception_that_is_logged_as_a_value_loses_what_it_quotes():
    assert repr(ShownException(KeyError("u1"))) == "KeyError([redacted])"
    assert str(ShownException(ValueError("order ORD-123456 is odd"))) == "order [redacted] is odd"
    assert repr(ShownException(TimeoutError("after 5 s"))) == "TimeoutError('after 5 s')"
    assert str(ShownException(TimeoutError("after 12345 s"))) == "after 12345 s"


def test_what_asyncio_says_of_a_failed_task_is_what_is_looked_for():
    async def failed():
        async def fail():
            raise KeyError("u-ada")

        task = asyncio.create_task(fail())
        await asyncio.wait({task})
        return repr(task), task.exception()

    text, _ = asyncio.run(failed())

    assert "u-ada" in text
    assert "u-ada" not in LogRedaction().text(text)


def test_all_secret_settings_are_known():
    settings = Settings(
        encharge_api_key="one", encharge_write_key="two", kafka_sasl_password="three", console_token="four"
    )

    assert set(secrets_of(settings)) == {"one", "two", "three", "four"}


@pytest.mark.parametrize(
    ("environment", "secrets"),
    [
        ({"OTEL_EXPORTER_OTLP_HEADERS": "api-key=abc%2F1, x=two"}, {"abc%2F1", "abc/1", "two"}),
        ({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=Bearer%20abc"}, {"Bearer%20abc", "Bearer abc"}),
        ({"HTTPS_PROXY": "http://me:pa%20ss@proxy:8080"}, {"pa%20ss", "pa ss"}),
        ({"http_proxy": "me:p@ss@proxy:8080"}, {"p@ss"}),
        ({"HTTPS_PROXY": "http://proxy:8080", "OTHER": "a=b@c"}, set()),
    ],
)
def test_secrets_of_others_in_the_environment_are_known(environment, secrets):
    assert set(secrets_of_environment(environment)) == secrets


def test_settings_without_secrets_have_none():
    assert list(secrets_of(Settings())) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 10_000, id="one word"),
        pytest.param("token" * 2000, id="words that look like names"),
        pytest.param("x-" * 5000, id="dashes"),
        pytest.param("bearer " * 1500, id="bearers"),
        pytest.param("http://" * 1500, id="URLs"),
        pytest.param("a@%40" * 2000, id="at signs"),
        pytest.param("exception=E(" * 800, id="exceptions"),
        pytest.param("people[0]" * 1000, id="people"),
    ],
)
def test_no_line_of_ten_kilobytes_holds_up_the_event_loop(text):
    redaction = LogRedaction(["s3cret-key"])

    assert least_cpu_s(lambda: redaction.text(text)) < 0.1
