"""What a crash leaves behind: no core dump, no value in what is written, no secret on a command line."""

import re
import resource
import signal
import stat

import psutil
import pytest

from tests.cli.command import run
from tests.cli.conftest import API_KEY
from tests.eventually import eventually

NO_KAFKA = {"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "CONNECTOR_WEB_PORT": "0"}
TOKEN = "token-of-the-console-canary"
WAITS = "Kafka cannot be reached, will repeat"


def allow_core_dumps():
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


@pytest.fixture
def waiting(here, start):
    """Start a worker in an environment that allows core dumps, and wait until it waits for Kafka."""
    (here / "destination.yaml").write_text("id: production\n")

    def waiting(*more, **environment):
        process = start(
            "run",
            *more,
            options={"preexec_fn": allow_core_dumps, "stdin": None},
            **{
                **NO_KAFKA,
                "CONNECTOR_ENCHARGE_API_KEY": API_KEY,
                "CONNECTOR_CONSOLE_TOKEN": TOKEN,
                **environment,
            },
        )
        eventually(lambda: WAITS in process.err, 60)
        return process

    return waiting


def limits(process):
    return psutil.Process(process._process.pid).rlimit(psutil.RLIMIT_CORE)


def test_a_worker_leaves_no_core_dump_and_tells_where_it_crashed_without_values(here, waiting):
    process = waiting()
    limit, _ = limits(process)

    process.send(signal.SIGABRT)
    done = process.done()

    assert limit == 0
    assert done.code == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in done.err
    assert re.search(r'File ".+", line \d+ in run_async', done.err)
    assert not [secret for secret in (API_KEY, TOKEN) if secret in done.err + done.out]
    assert [file.name for file in here.iterdir()] == ["destination.yaml"]


def test_a_setting_allows_core_dumps(waiting):
    limit, hard = limits(waiting(CONNECTOR_CORE_DUMPS="on"))

    assert limit == hard


def test_no_process_of_a_supervisor_has_a_secret_on_its_command_line(waiting):
    process = waiting("--processes", "2")
    workers = eventually(lambda: len(process.children()) == 2 and process.children(), 30)

    for each in workers:
        assert each.cmdline()[1:] == ["-m", "connector", "run", "--role", "all"]
        assert each.rlimit(psutil.RLIMIT_CORE)[0] == 0
        assert each.environ()["CONNECTOR_ENCHARGE_API_KEY"] == API_KEY  # where it has to be


@pytest.mark.parametrize(
    ("mode", "warns"), [(0o644, True), (0o640, True), (0o600, False)], ids=["everybody", "group", "owner"]
)
def test_check_warns_of_a_secret_file_that_others_can_read_with_the_words_how_to_mend_it(here, mode, warns):
    (here / "destination.yaml").write_text("id: production\n")
    file = here / "key"
    file.write_text(API_KEY)
    file.chmod(mode)
    environment = {
        **NO_KAFKA,
        "CONNECTOR_ENCHARGE_API_KEY_FILE": str(file),
        "CONNECTOR_ENCHARGE_API_URL": "http://127.0.0.1:1",
        "CONNECTOR_ENCHARGE_INGEST_URL": "http://127.0.0.1:1",
    }

    text, rows = run("check", **environment), run("check", "--json", **environment).json

    [row] = [row for row in rows if row["what"] == "secret files"]
    assert (row["ok"], row["is_warning"]) == (True, warns)
    [line] = [line for line in text.out.splitlines() if "secret files" in line]
    assert line.startswith("warn machine: " if warns else "ok   machine: ")
    assert ("chmod 600" in line, "defaultMode" in line, str(file) in line) == (warns,) * 3


def test_a_worker_warns_of_it_once(here, waiting):
    secrets = here.parent / "secrets"
    secrets.mkdir()
    for name in ("encharge-write-key", "kafka-ca.pem"):
        (secrets / name).write_text("canary-write-key")
        (secrets / name).chmod(0o644)

    process = waiting(CONNECTOR_SECRETS_DIRECTORY=str(secrets))

    [line] = [line for line in process.err.splitlines() if "can be read by others" in line]
    assert "encharge-write-key (CONNECTOR_ENCHARGE_WRITE_KEY)" in line
    assert "chmod 600" in line
    assert "canary-write-key" not in process.err


def test_cases_of_recorded_events_are_for_their_owner_alone_and_a_file_that_exists_keeps_its_mode(here):
    (here / "destination.yaml").write_text("id: production\n")
    event = b'{"type":"track","event":"x","userId":"u-ada","messageId":"m"}\n'

    def record():
        assert run("test", "--record", stdin=event).code == 0
        [file] = here.glob("*.cases.yaml")
        return file

    assert stat.S_IMODE(record().stat().st_mode) == 0o600
    record().chmod(0o640)
    assert stat.S_IMODE(record().stat().st_mode) == 0o640
