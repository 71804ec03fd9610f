"""Why a record may be given up: the closed set of codes.

A code is the header `encharge.code` of a dead letter, a metric label and a log field, and has an entry in
docs/codes.md. Codes are stable.
"""

from __future__ import annotations

from typing import Final, get_args

from connector.core import PlanErrorCode
from connector.errors import UnreadableReason

UNREADABLE_PREFIX: Final = "unreadable_"  # and a reason of UnreadableRecord

REJECTED: Final = "rejected"  # Encharge refuses the request, and no repetition cures that
RETRY_WINDOW: Final = "retry_window"  # failed in passing for longer than the window
INTERNAL: Final = "internal"  # a defect of ours

CODES: Final[tuple[str, ...]] = (
    *(UNREADABLE_PREFIX + reason for reason in get_args(UnreadableReason)),
    *PlanErrorCode,
    REJECTED,
    RETRY_WINDOW,
    INTERNAL,
)
