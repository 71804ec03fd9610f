"""Which answer means what."""

import pytest

from connector.delivery.outcome import (
    Delivered,
    NoReply,
    Rejected,
    Reply,
    Throttled,
    Transient,
    Unauthorized,
    classify,
    parse_retry_after,
)

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        *((Reply(status), Delivered(status)) for status in (200, 201, 202, 204, 299)),
        (Reply(429), Throttled(429, None)),
        (Reply(429, "7"), Throttled(429, 7.0)),
        (Reply(503, "7"), Throttled(503, 7.0)),
        (Reply(503), Transient("503", 503)),
        *((Reply(status), Transient(str(status), status)) for status in (408, 423, 425, 500, 502, 504, 599)),
        (Reply(500, "9"), Transient("500", 500, 9.0)),
        *((Reply(status), Unauthorized(status)) for status in (401, 403)),
        *(
            (Reply(status), Rejected(status))
            for status in (300, 301, 302, 304, 307, 400, 404, 405, 409, 410, 413, 422, 501)
        ),
        (NoReply("timeout"), Transient("timeout")),
        (NoReply("connect"), Transient("connect")),
    ],
    ids=repr,
)
def test_an_answer_belongs_to_one_class(answer, outcome):
    assert classify(answer, now=NOW) == outcome


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("86400", 3600.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Mon, 21 Sep 2026 13:33:30 GMT", 10.0),
        ("Mon, 21 Sep 2026 13:33:10 GMT", 0.0),
        ("Mon, 21 Sep 2026 15:33:30 +0200", 10.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    now = 1_789_997_600.0  # Mon, 21 Sep 2026 13:33:20 GMT

    assert parse_retry_after(text, now=now) == seconds
