"""What is made of the body of an answer that is no success."""

import orjson
import pytest

from connector.delivery.encharge_error import EnchargeError, parse_error


def test_message_code_and_trace_id_are_found():
    body = b'{"error": {"message": "Bad request", "errorCode": "Invalid", "traceId": "t-1", "more": 1}}'

    assert parse_error(body) == EnchargeError("Bad request", "Invalid", "t-1")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b'{"error": {"message": "no"}}', EnchargeError("no"), id="message only"),
        pytest.param(b'{"error": "no"}', EnchargeError("no"), id="error is text"),
        pytest.param(b'{"message": "no", "errorCode": 7}', EnchargeError("no", "7"), id="without an envelope"),
        pytest.param(b'{"error": {"message": null, "traceId": null}}', EnchargeError(), id="nulls"),
        pytest.param(b'{"error": null}', EnchargeError(), id="error is null"),
        pytest.param(b'{"error": []}', EnchargeError("[]"), id="error is a list"),
        pytest.param(b"{}", EnchargeError(), id="empty object"),
        pytest.param(b"[1, 2]", EnchargeError("[1, 2]"), id="a list"),
        pytest.param(b'"no"', EnchargeError("no"), id="a text"),
        pytest.param(b"null", EnchargeError(), id="null"),
        pytest.param(b"", EnchargeError(), id="nothing"),
        pytest.param(b"Bad Gateway", EnchargeError("Bad Gateway"), id="no JSON"),
        pytest.param(b"caf\xe9 \xff", EnchargeError("caf� �"), id="no UTF-8"),
        pytest.param(b'{"error": {"message": "cut', EnchargeError("{[redacted]: {[redacted]: [redacted]"), id="cut off"),
        pytest.param(b"[" * 2000 + b"]" * 2000, EnchargeError("[" * 500 + "…"), id="nested too deeply"),
    ],
)  # fmt: skip
def test_any_other_shape_gives_what_there_is(body, expected):
    assert parse_error(body) == expected


def test_the_message_is_redacted():
    body = orjson.dumps({"error": {"message": "ada@example.com is no email of 507f1f77bcf86cd799439011"}})

    assert parse_error(body).message == "[redacted] is no email of [redacted]"


def test_a_body_that_is_no_json_is_redacted():
    assert parse_error(b"no ada@example.com here").message == "no [redacted] here"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"the key keyofwords is not known", id="text"),
        pytest.param(
            b'{"error":{"message":"keyofwords","errorCode":"keyofwords","traceId":"for keyofwords"}}',
            id="JSON",
        ),
    ],
)
def test_an_answer_that_quotes_our_key_loses_it_also_where_it_is_a_word_like_others(body):
    assert "keyofwords" in str(parse_error(body))
    assert "keyofwords" not in str(parse_error(body, "keyofwords"))


def test_no_part_is_endless():
    long = "word " * 1000
    error = parse_error(orjson.dumps({"error": {"message": long, "errorCode": long, "traceId": long}}))

    assert [len(part) for part in error] == [501, 100, 100]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        pytest.param(EnchargeError("no", "Invalid", "t1"), "no errorCode=Invalid traceId=t1", id="all"),
        pytest.param(EnchargeError("no"), "no", id="message only"),
        pytest.param(EnchargeError(trace_id="t1"), "traceId=t1", id="trace id only"),
        pytest.param(EnchargeError("two\r\n  lines"), "two lines", id="several lines"),
        pytest.param(EnchargeError(), "", id="nothing"),
    ],
)
def test_as_text_it_is_one_line(error, line):
    assert str(error) == line
