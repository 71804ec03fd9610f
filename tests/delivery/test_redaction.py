"""Redaction: words stay, values go."""

import pytest

from connector.delivery.redaction import LONGEST_EXCERPT, redact
from tests.cpu_time import least_cpu_s


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param("person ada@example.com not found", "person [redacted] not found", id="address"),
        pytest.param("email=ada+x@example.com, <bob@b.io>", "email=[redacted], <[redacted]>", id="addresses"),
        pytest.param("/v1/ada%40example.com now", "[redacted] now", id="address in a URL"),
        pytest.param("ada@", "ada@", id="no address"),
        pytest.param("zoë@exämple.com", "[redacted]", id="address beyond ASCII"),
        pytest.param("field 'plan' is unknown", "field [redacted] is unknown", id="single quotes"),
        pytest.param('field "a b" is unknown', "field [redacted] is unknown", id="double quotes"),
        pytest.param("field “plan” and `x`", "field [redacted] and [redacted]", id="other quotes"),
        pytest.param("''", "[redacted]", id="empty quotes"),
        pytest.param("can't find 'Ada's name' in it", "can't find [redacted] in it", id="apostrophes"),
        pytest.param("key b'ada' is taken", "key [redacted] is taken", id="bytes"),
        pytest.param("{'a': 'says \"no\"', 'b': \"Ada's\"}", "{[redacted]: [redacted], [redacted]: [redacted]}", id="quotes of both kinds"),
        pytest.param("no 'value that is cut off", "no [redacted]", id="an open quote"),
        pytest.param("no key '{\\'name\\': \\'Ada\\'}' here", "no key [redacted] here", id="quotes in quotes"),
        pytest.param('{"error": "no {\\"name\\": \\"Ada\\"}"}', "{[redacted]}", id="JSON in JSON"),
        pytest.param("id 507f1f77bcf86cd799439011.", "id [redacted].", id="hexadecimal id"),
        pytest.param("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "[redacted]", id="UUID"),
        pytest.param("order ORD-123456 of user_123456", "order [redacted] of [redacted]", id="ids with letters"),
        pytest.param("at 203.0.113.17", "at [redacted]", id="IP address"),
        pytest.param("call +4930123456 now", "call +[redacted] now", id="phone number"),
        pytest.param("12345 and abc-12345", "[redacted] and [redacted]", id="five digits"),
        pytest.param("HTTP 400: 2 of 1000, see rule_12", "HTTP 400: 2 of 1000, see rule_12", id="small numbers stay"),
        pytest.param("user is required; see docs.", "user is required; see docs.", id="words stay"),
        pytest.param("", "", id="nothing"),
    ],
)  # fmt: skip
def test_values_are_taken_out_and_words_stay(text, redacted):
    assert redact(text) == redacted


def test_a_long_text_is_cut_and_says_so():
    text = "word " * 200

    assert redact(text) == text[:LONGEST_EXCERPT] + "…"


def test_a_text_of_just_the_longest_length_is_whole():
    text = "ab " * 166 + "ab"

    assert len(text) == LONGEST_EXCERPT
    assert redact(text) == text


def test_redaction_comes_before_the_cut():
    text = "x " * 245 + "ada.lovelace@example.com"

    assert redact(text) == "x " * 245 + "[redacted]"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 4096, id="one word"),
        pytest.param("a." * 2048, id="words and dots"),
        pytest.param("1-" * 2048, id="digits and dashes"),
        pytest.param("-" * 4096, id="a line"),
        pytest.param("'" + "x" * 4095, id="an open quote"),
        pytest.param("'x " * 1365, id="open quotes"),
        pytest.param("\\'" * 2048, id="quotes in quotes"),
        pytest.param("a@" * 2048, id="at signs"),
    ],
)
def test_no_answer_of_four_kilobytes_holds_up_the_event_loop(text):
    assert (
        least_cpu_s(lambda: redact(text)) < 0.05
    )  # 1 ms; a pattern that goes back and forth takes 100 and more
