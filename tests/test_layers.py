"""The import direction: cli -> wiring -> edges -> delivery, ingest -> core, never back."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each package may import of the connector, itself aside. `errors` is open to all.
MAY_IMPORT = {
    "connector/core": (),
    "connector/ingest": ("connector.core",),
    "connector/delivery": ("connector.core",),
    "connector/edges": (
        "connector.core",
        "connector.delivery",
        "connector.ingest",
        "connector.settings",
        "connector.secret_files",
    ),
    "connector/demo": ("connector.edges", "connector.embedded", "connector.settings", "connector.simulator"),
    "connector/embedded": (),
    "connector/simulator": (),
    "topics": (),
    "schemas": (),
}
OPEN_TO_ALL = ("connector.errors", "schemas", "topics")

# Outside things the inner layers know nothing of.
NETWORK = ("aiohttp", "aiokafka", "faust", "httpx", "mode", "socket")
CLOCK_AND_CHANCE = ("random", "time")
FORBIDDEN_INSIDE = {
    "connector/core": (*NETWORK, *CLOCK_AND_CHANCE, "asyncio"),
    "connector/ingest": (*NETWORK, *CLOCK_AND_CHANCE, "asyncio"),
    "connector/delivery": (*NETWORK, *CLOCK_AND_CHANCE),
}


def modules(package):
    return [
        pytest.param(package, path, id=str(path.relative_to(ROOT)))
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


@pytest.mark.parametrize(("package", "path"), [case for package in MAY_IMPORT for case in modules(package)])
def test_imports_point_inwards_only(package, path):
    own = package.replace("/", ".")
    allowed = (own, *MAY_IMPORT[package], *(OPEN_TO_ALL if package.startswith("connector") else ()))

    strangers = {
        name
        for name in imported_by(path)
        if belongs_to(name, ("connector", "topics", "schemas")) and not belongs_to(name, allowed)
    }

    assert strangers <= {"connector"}  # the package itself holds the version


@pytest.mark.parametrize(
    ("package", "path"), [case for package in FORBIDDEN_INSIDE for case in modules(package)]
)
def test_inner_layers_know_no_clock_no_chance_and_no_network(package, path):
    assert not {name for name in imported_by(path) if belongs_to(name, FORBIDDEN_INSIDE[package])}


def imported_by(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def belongs_to(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)
