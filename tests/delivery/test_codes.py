"""The codes of dead letters: a closed set that others rely on."""

from connector.core import PlanErrorCode
from connector.delivery.codes import CODES, INTERNAL, REJECTED, RETRY_WINDOW, UNREADABLE_PREFIX


def test_the_codes_are_stable():
    assert CODES == (
        "unreadable_empty",
        "unreadable_too_large",
        "unreadable_not_json",
        "unreadable_not_an_object",
        "unreadable_no_identity",
        "invalid_trigger",
        "invalid_fields",
        "invalid_payload",
        "invalid_action",
        "invalid_event",
        "invalid_encoding",
        "rejected",
        "retry_window",
        "internal",
    )


def test_no_two_reasons_share_a_code():
    assert len(set(CODES)) == len(CODES)


def test_only_records_that_hold_no_event_have_the_prefix_that_the_flood_guard_passes_over():
    for code in (*PlanErrorCode, REJECTED, RETRY_WINDOW, INTERNAL):
        assert not code.startswith(UNREADABLE_PREFIX)
