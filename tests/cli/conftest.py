"""A clean environment for every command, and what commands talk to."""

import logging
import os
import signal
from pathlib import Path

import pytest
import structlog

from connector.edges.logs import LIBRARIES
from connector.simulator import SimulatorConfig, running_simulator
from tests.cli.cluster import Cluster
from tests.cli.command import Process

API_KEY = "key-that-works"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    """Start every test in an empty directory, without settings, and leave logging and signals as they were."""
    for name in os.environ:
        if name.startswith("CONNECTOR_"):
            monkeypatch.delenv(name)
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, LIBRARIES)]
    handlers, levels = root.handlers, [logger.level for logger in loggers]
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    root.handlers = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    structlog.reset_defaults()
    for number, handler in signals.items():
        signal.signal(number, handler)


@pytest.fixture
def here():
    """The working directory of the command."""
    return Path.cwd()


@pytest.fixture
def start(here, tmp_path):
    """Start commands as processes that end with the test at the latest."""
    processes = []

    def start(*arguments, options=None, **environment):
        process = Process(arguments, here, tmp_path, environment, **(options or {}))
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.close()


@pytest.fixture
def encharge():
    """A stand-in for Encharge that knows one key."""
    with running_simulator(SimulatorConfig(tokens=(API_KEY,))) as client:
        yield client


@pytest.fixture
def cluster(broker, tmp_path):
    """Topics of this test alone; none of them exists yet."""
    return Cluster(broker.bootstrap_servers, tmp_path)
