"""Waits for conditions, never for time."""

import asyncio
import time


def eventually(check, within_s, what=None):
    """Call `check` until it gives something true; give that, or fail with the last value."""
    deadline_s = time.monotonic() + within_s
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline_s:
            message = f"{what or check.__name__} did not come true within {within_s} s, last was {value!r}"
            raise AssertionError(message)
        time.sleep(0.05)


async def eventually_async(check, within_s, what=None):
    """Do the same while the event loop goes on; `check` may be a coroutine function."""
    deadline_s = time.monotonic() + within_s
    while True:
        value = check()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline_s:
            message = f"{what or check.__name__} did not come true within {within_s} s, last was {value!r}"
            raise AssertionError(message)
        await asyncio.sleep(0.02)
