"""Reads the golden cases; their format is described in tests/vectors/README.md."""

import json


def vectors(config, name):
    """All vectors of one file. Lines end at line feeds only: texts may hold other line separators."""
    lines = (config.getoption("--vectors") / f"{name}.jsonl").read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line]


def parametrize_vectors(metafunc, *names):
    """Make one test of each vector of the named files, called file:line-id."""
    if "vector" in metafunc.fixturenames:
        cases = [
            (vector, f"{name}:{number}-{vector['id']}")
            for name in names
            for number, vector in enumerate(vectors(metafunc.config, name), start=1)
        ]
        metafunc.parametrize("vector", [case for case, _ in cases], ids=[id_ for _, id_ in cases])
