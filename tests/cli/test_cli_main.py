"""What all commands have in common: help, usage errors, settings, pipes that close, Ctrl-C, secrets."""

import re
import subprocess
import sys

import click
import pytest

from connector import __version__
from connector.cli import cli
from tests.cli.command import ROOT, run
from tests.cli.conftest import API_KEY
from tests.eventually import eventually

COMMANDS = cli.list_commands(click.Context(cli))
NO_KAFKA = "127.0.0.1:1"
SECRETS = {
    "CONNECTOR_ENCHARGE_API_KEY": "api-secret-1",
    "CONNECTOR_ENCHARGE_WRITE_KEY": "write-secret-2",
    "CONNECTOR_KAFKA_SASL_PASSWORD": "sasl-secret-3",
    "CONNECTOR_CONSOLE_TOKEN": "console-secret-4",
}
SASL = {"CONNECTOR_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "CONNECTOR_KAFKA_SASL_USERNAME": "somebody"}
EVENT = b'{"type":"track","event":"Signed Up","userId":"u1"}\n'


def test_the_help_tells_a_sentence_about_every_command():
    done = run("--help")

    assert done.code == 0
    assert re.findall(r"^  ([a-z][a-z-]*)  +[A-Z]", done.out, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("arguments", [*map(str.split, COMMANDS), ["topics", "diff"]], ids=" ".join)
def test_every_command_explains_itself(arguments):
    done = run(*arguments, "-h")

    assert done.code == 0
    assert done.out.startswith(f"Usage: encharge-connector {' '.join(arguments)} ")


def test_the_help_does_not_wait_for_faust_or_kafka_clients():
    program = (
        "import sys; sys.argv = ['encharge-connector', '--help']\n"
        "from connector.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: print([name for name in ('faust', 'aiokafka') if name in sys.modules])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert printed.stdout.splitlines()[-1] == "[]"


def test_the_version_is_the_packages():
    assert run("--version").out == f"encharge-connector, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param([], "Usage: encharge-connector", id="no command"),
        pytest.param(["nonsense"], "No such command 'nonsense'", id="unknown command"),
        pytest.param(["topics"], "Usage: encharge-connector topics", id="no subcommand"),
        pytest.param(["topics", "drop"], "No such command 'drop'", id="unknown subcommand"),
        pytest.param(["check", "--jsn"], "No such option: --jsn", id="unknown option"),
        pytest.param(["check", "now"], "Got unexpected extra argument (now)", id="extra argument"),
        pytest.param(["send"], "Missing argument 'FILE'", id="missing argument"),
        pytest.param(["send", "none.jsonl"], "'none.jsonl': No such file or directory", id="missing file"),
        pytest.param(["explain", "--events", "none.jsonl"], "No such file or directory", id="missing events"),
        pytest.param(["run", "--role", "both"], "'both' is not one of 'all', 'ingest', 'deliver'", id="role"),
        pytest.param(["run", "--processes", "0"], "0 is not in the range 1<=x<=64", id="no process"),
        pytest.param(["run", "--processes", "many"], "'many' is not a valid integer", id="no number"),
        pytest.param(["kafka", "--port", "65536"], "65536 is not in the range 0<=x<=65535", id="port"),
    ],
)
def test_a_usage_error_exits_2_and_is_told_on_standard_error(arguments, words):
    done = run(*arguments)

    assert done.code == 2
    assert words in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["init"],
        ["check"],
        ["run"],
        ["run", "--processes", "2"],
        ["explain"],
        ["topics", "list"],
        ["topics", "diff"],
        ["topics", "apply"],
        ["send", "-"],
        ["settings"],
    ],
    ids=" ".join,
)
def test_wrong_settings_stop_a_command_and_are_told_one_a_line(arguments):
    done = run(*arguments, stdin=EVENT, CONNECTOR_MAX_IN_FLIGHT="many", CONNECTOR_SORCE_TOPIC="x")

    assert done.code == 2
    assert done.err.splitlines() == [
        "error: CONNECTOR_MAX_IN_FLIGHT: 'many' is no whole number",
        "error: CONNECTOR_SORCE_TOPIC: is no setting; did you mean CONNECTOR_SOURCE_TOPIC?",
    ]
    assert done.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--json"],
        ["topics", "diff"],
        ["topics", "apply"],
        ["topics", "apply", "--dry-run"],
        ["send", "-"],
    ],
    ids=" ".join,
)
def test_a_kafka_that_cannot_be_reached_is_told_with_its_address_and_what_to_look_at(arguments):
    done = run(*arguments, stdin=EVENT, CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=NO_KAFKA)

    told = (
        "Kafka at 127.0.0.1:1 cannot be reached (Connection refused);"
        " is CONNECTOR_KAFKA_BOOTSTRAP_SERVERS right, and is the broker up?"
    )
    if arguments[0] == "check":
        assert done.code == 1
        [broker] = [row for row in done.json if row["what"] == "broker"]
        assert (broker["side"], broker["ok"], broker["seen"]) == ("kafka", False, told)
    else:
        assert done.code == 3
        assert done.err.splitlines()[-1] == f"error: {told}"
        assert done.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["settings"],
        ["settings", "--json"],
        ["check"],
        ["check", "--json"],
        ["topics", "list", "--json"],
        ["topics", "diff"],
        ["send", "-"],
        ["explain"],
        ["explain", "--json"],
        ["init", "--id", "x", "--name", "x", "--source-topic", "x"],
        ["init", "--id", "x", "--name", "x", "--source-topic", "x", "--no-verify", "--json"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(encharge, arguments):
    done = run(
        *arguments,
        stdin=EVENT,
        CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=NO_KAFKA,
        CONNECTOR_ENCHARGE_API_URL=encharge.url,
        **SASL,
        **SECRETS,
    )

    assert done.out + done.err != ""
    assert [secret for secret in SECRETS.values() if secret in done.out + done.err] == []


@pytest.mark.kafka
@pytest.mark.parametrize("arguments", [["check"], ["topics", "apply"], ["send", "-"]], ids=" ".join)
def test_a_broker_that_wants_no_login_does_not_make_a_command_print_the_password(cluster, arguments):
    done = run(*arguments, stdin=EVENT, **cluster.environment, **SASL, **SECRETS)

    assert done.code in (1, 3)
    assert "wants no login; is CONNECTOR_KAFKA_SECURITY_PROTOCOL" in done.out + done.err
    assert [secret for secret in SECRETS.values() if secret in done.out + done.err] == []


def test_output_that_nobody_reads_any_more_ends_a_command_quietly(start):
    process = start("settings", options={"stdout": subprocess.PIPE})
    process.stdout.close()

    assert process.wait() == 1
    assert process.err == ""


def test_ctrl_c_ends_a_command_that_waits_for_input(start):
    process = start("explain")
    process.type(EVENT)
    eventually(lambda: "POST https://ingest.encharge.io/v1" in process.out, 10)

    process.press_ctrl_c()

    assert process.wait() == 130
    assert process.err.split() == ["Interrupted."]


def test_a_terminal_without_unicode_is_no_reason_to_stop(start):
    done = start("settings", PYTHONIOENCODING="latin-1", CONNECTOR_ENCHARGE_API_KEY=API_KEY).done()

    assert done.code == 0
    assert r"CONNECTOR_ENCHARGE_API_KEY = \u2022" in done.out


def test_ctrl_c_ends_a_worker_that_waits_for_kafka(start):
    process = start(
        "run",
        "--role",
        "ingest",
        CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=NO_KAFKA,
        CONNECTOR_WEB_PORT="0",
        **SECRETS,
    )
    eventually(lambda: "Kafka cannot be reached, will repeat" in process.err, 20)

    process.press_ctrl_c()

    assert process.wait() == 0
    assert [secret for secret in SECRETS.values() if secret in process.err] == []
