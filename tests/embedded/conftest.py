"""A stand-in for the Maven repository, a broker for each module, and waiting with a deadline."""

import os
import time

import pytest

from connector.embedded import EmbeddedKafka, EmbeddedKafkaError, fetch
from connector.embedded.java import java_executable
from tests.embedded.repository import Repository, serving


@pytest.fixture
def eventually():
    """Returns the first truthy value of a function, or fails when there is none in time."""

    def wait(check, *, within_s=20):
        deadline_s = time.monotonic() + within_s
        while not (value := check()):
            assert time.monotonic() < deadline_s, f"not within {within_s} s"
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture
def repository():
    with serving(Repository()) as repository:
        yield repository


@pytest.fixture(scope="session")
def kafka_jars():
    """The real jars, from the user's cache or the real repository."""
    try:
        java_executable()
        return fetch()
    except EmbeddedKafkaError as exc:
        if exc.reason not in ("no_network", "not_installed") or os.environ.get("CI"):
            raise
        pytest.skip(str(exc))


@pytest.fixture(scope="module")
def kafka(kafka_jars):
    """One broker for the tests of a module; each test makes its own topics."""
    with EmbeddedKafka(jars=kafka_jars) as broker:
        yield broker
