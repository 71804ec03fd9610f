"""What all commands have in common: --json on what reports, --yes on what asks, an example in the help."""

import ast
import json
import shlex
import signal
from inspect import cleandoc

import click
import pytest

from connector.cli import cli
from schemas import schema_names
from tests.cli.command import ROOT, run
from tests.eventually import eventually

# Writes log lines until it is told to stop, and reports nothing.
NO_REPORT = {"run"}
QUESTIONS = {"confirm", "prompt"}


def leaves(group, path=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(leaves(cli))
EVERY = [pytest.param(command, id=name) for name, command in COMMANDS.items()]


def options(command):
    return {option for parameter in command.params for option in parameter.opts}


def asking_modules():
    """The modules of the command line that ask something."""
    for path in sorted((ROOT / "connector/cli").rglob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        if any(isinstance(each, ast.Attribute) and each.attr in QUESTIONS for each in calls):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_what_reports_can_do_so_as_json():
    assert {name for name, command in COMMANDS.items() if "--json" not in options(command)} == NO_REPORT


def test_the_command_of_every_module_that_asks_can_be_told_yes():
    asking = {module: commands_of(module) for module in asking_modules()}

    assert {"connector.cli.init", "connector.cli.person", "connector.cli.topics"} <= set(asking)
    for module, names in asking.items():
        said_yes = {name for name in names if "--yes" in options(COMMANDS[name])}
        assert said_yes, f"{module} asks, and none of its commands has --yes"


def commands_of(module):
    """The commands that a module defines; those of its package where it only helps them."""
    homes = {name: each.callback.__module__ for name, each in COMMANDS.items()}
    package = module.rpartition(".")[0]
    own = {name for name, home in homes.items() if home == module}
    return own or {name for name, home in homes.items() if home.startswith(package)}


@pytest.mark.parametrize("command", EVERY)
def test_the_help_has_an_example_that_the_command_would_take(command):
    [example] = [
        part
        for part in cleandoc(command.help or "").split("\n\n")
        if part.lstrip("\b\n ").startswith("Example")
    ]
    assert example.startswith("\b\n")  # else the lines would be joined
    lines = example.replace("\\\n", " ").splitlines()[2:]
    calls = [words for line in lines if (words := called(line)) is not None]

    assert calls
    for words in calls:
        found, arguments = cli, list(words)
        while isinstance(found, click.Group):
            found = found.get_command(None, arguments.pop(0))
        assert found.name == command.name
        known = options(found) | {each for parameter in found.params for each in parameter.secondary_opts}
        flags = {word.partition("=")[0] for word in arguments if word.startswith("--")}
        assert flags <= known


def called(line):
    """The arguments of the connector's command in a line of shell; None where it is not called."""
    words = shlex.split(line, comments=True)
    if "encharge-connector" not in words or "FAIL" in words:
        return None
    begin = words.index("encharge-connector") + 1
    rest = words[begin:]
    ends = [index for index, word in enumerate(rest) if word in ("|", ">", ";")]
    return rest[: ends[0]] if ends else rest


@pytest.mark.parametrize("command", EVERY)
def test_every_option_says_what_it_does(command):
    silent = {
        parameter.name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help and not parameter.show_default
    }

    assert silent == set()


def test_schemas_are_listed_as_json():
    assert run("schema", "--json").json == [name.removesuffix(".json") for name in schema_names()]


def test_a_simulator_tells_its_address_as_json(start):
    process = start("simulator", "--port", "0", "--json")
    line = eventually(lambda: "}" in process.out and process.out, 20)
    process.send(signal.SIGTERM)

    assert process.wait() == 0
    assert json.loads(line)["url"].startswith("http://127.0.0.1:")
