"""Finds a Chromium and starts it; nothing is ever fetched here, see `make browser`."""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def executable():
    """Give the path of a browser; skip the tests where there is none, or fail them where one is required."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no Chromium here ({', '.join(NAMES)}); `make browser` tells how to get one"
        if os.environ.get("CI") or os.environ.get("CONNECTOR_TESTS_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def flags():
    """Give the flags to start it with; its sandbox refuses root."""
    return [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else [*FLAGS]
