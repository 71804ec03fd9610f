"""Which Kafka the tests use: a container where a Docker engine answers, else the embedded broker."""

import os
import warnings
from functools import cache
from pathlib import Path


@cache
def docker_answers():
    """Ask the engine once; CONNECTOR_TESTS_NO_DOCKER=1 keeps the tests off it."""
    if os.environ.get("CONNECTOR_TESTS_NO_DOCKER"):
        return False
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        return False
    import docker

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a refused engine leaves its socket open
        try:
            client = docker.from_env(timeout=3)
        except docker.errors.DockerException:
            return False
        try:
            return client.ping()
        except (docker.errors.DockerException, OSError):
            return False
        finally:
            client.close()


def choice():
    if docker_answers():
        return "testcontainers, a Docker engine answers"
    return "the embedded broker, no Docker engine answers"
