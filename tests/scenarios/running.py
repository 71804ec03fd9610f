"""Runs one scenario once and lets the judge speak."""

import time

from tests.scenarios.world import World


def run(name, story, kafka, directory, *, scale, seed, number=1):
    """Give the Result; whatever the story finds wrong is a breach in it."""
    begun_s = time.monotonic()
    with World(kafka.bootstrap_servers, directory, scale=scale, seed=seed, kafka=kafka) as world:
        try:
            story(world)
            world.settle()
        except AssertionError as error:
            world.breaches.append(str(error).splitlines()[0] if str(error) else repr(error))
        if world.breaches:
            show_logs(world)
        return world.result(name, number, time.monotonic() - begun_s)


def show_logs(world):
    """Print how the logs of the workers end."""
    for worker in world.workers:
        print(f"--- {worker.name}, exit code {worker.exit_code}, {worker.log}")
        print("\n".join(worker.log.read_text(errors="replace").splitlines()[-25:]), flush=True)
