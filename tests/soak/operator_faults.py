"""What operators and producers do, rightly or by mistake."""

import os
import subprocess
import sys

from tests.eventually import eventually

GOOD_FILE = "id: test\nname: {}\n"


def another_file(world, dice):
    """Another version of the destination file, which asks for the same."""
    _write(world.destination_file, GOOD_FILE.format(f"Version {dice.randrange(10**6)}"))


def broken_file(world, dice, lasts_s):
    """A file with a mistake: the version before it stays in force."""
    _write(world.destination_file, "id: test\nmappings: {no\n")
    world.last(lasts_s)
    _write(world.destination_file, GOOD_FILE.format(f"Version {dice.randrange(10**6)}"))


def another_key(world, dice, late_s):
    """The key is replaced in the account, and a little later in the file."""
    key = f"key-{dice.randrange(10**9)}"
    world.simulator.configure(tokens=[key])
    world.last(late_s)
    _write(world.key_file, key)


def pause(world, dice, lasts_s):
    """Everything is paused by command, and resumed."""
    if _command(world, "pause", "--by", "soak") != 0:
        return "Kafka was away, nothing was paused"
    world.last(lasts_s)
    eventually(lambda: _command(world, "resume") == 0, 180, "resume")
    return ""


def hostile_burst(world, dice, count):
    """Many events at once that nobody can deliver."""
    world.load.hostile(count)


def busy_person(world, dice, count):
    """One person does many things at once."""
    world.load.busy(f"busy_{dice.randrange(5)}", count)


def _write(file, text):
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)


def _command(world, *arguments):
    found = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "connector", *arguments],
        env={**found, **world.environment},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode
