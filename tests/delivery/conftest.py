"""What all tests of delivery share."""

import logging

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet():
    """Write no log: pretty tracebacks of provoked defects take longer than all the rest."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
