"""No secret and no personal data leaves the connector but where docs/security.md says so.

Real workers on a real Kafka, at every log level and in both formats, get events full of canaries, most of which
fail in one way or another, from an Encharge that quotes whatever it was sent. Then everything that comes out is
searched: logs, web port, traces, headers of dead letters, control topic, commands, crashes, files left behind.
"""

import json
import logging
import signal
from contextlib import ExitStack
from types import SimpleNamespace

import click
import httpx
import psutil
import pytest
import structlog
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import NewTopic

from connector.cli import cli
from connector.edges.console.app import LIVE, make_console
from connector.edges.console.parts import Process as ConsoleProcess
from connector.embedded.ports import free_port
from connector.settings import Settings
from tests.cli.command import run
from tests.cli.conftest import clean_environment, here  # noqa: F401  fixtures
from tests.cli.test_cli_trouble import COMMANDS
from tests.eventually import eventually
from tests.kafka.canaries import PERSONAL, SECRETS, found_in, spellings
from tests.kafka.canary_world import (
    DESTINATION,
    SITECUSTOMIZE,
    TIMEOUT_S,
    quoting_collector,
    quoting_encharge,
    quoting_tokens,
    records,
)
from tests.kafka.stack import Stack

pytestmark = pytest.mark.kafka

# Every level, and both formats where most is written.
STYLES = (
    ("debug", "console"),
    ("debug", "json"),
    ("info", "json"),
    ("warning", "console"),
    ("error", "json"),
)
HEADERS_OF_TRACES = "OTEL_EXPORTER_OTLP_HEADERS"

# Commands whose purpose is to show events, or what somebody typed; secrets they show no more than others.
SHOW_EVENTS = {"explain", "test", "diff", "dlq show"}
# Not among them: they serve until they are ended, and know neither our secrets nor our events.
NOT_WALKED = {"run", "kafka", "demo", "simulator"}


@pytest.fixture(scope="module")
def world(secured, tmp_path_factory):
    """Five workers that have settled everything, and what came out of them."""
    folder = tmp_path_factory.mktemp("canaries")
    with ExitStack() as exits:
        exits.enter_context(secured.all_rights())
        url, got = exits.enter_context(quoting_encharge())
        collector, exports, shown = exits.enter_context(quoting_collector())
        stack = exits.enter_context(Stack(secured.bootstrap_servers, folder, partitions=1))
        world = SimpleNamespace(
            folder=folder, stack=stack, url=url, got=got, exports=exports, shown=shown, workers=[], answers={}
        )
        prepare(world)
        world.environment = {**stack.environment, **secured.environment, **common(world, collector)}
        for number, (level, style) in enumerate(STYLES):
            world.workers.append(start(world, number, level, style))
        produce(stack)
        for worker in world.workers:
            eventually(lambda worker=worker: is_done(world, worker), 120)
        world.answers = asked(world.workers[0].port, places_of_letters(stack))
        world.command_lines = [psutil.Process(worker.pid).cmdline() for worker in world.workers]
        end(world)
        yield world


def prepare(world):
    (world.folder / "destination.yaml").write_text(json.dumps(DESTINATION))
    (world.folder / "python").mkdir()
    (world.folder / "python" / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (world.folder / "tmp").mkdir()
    topics = [NewTopic(topic_of(world, number), 1) for number in range(len(STYLES))]
    for future in world.stack.admin.create_topics(topics).values():
        future.result(30)


def common(world, collector):
    return {
        "CONNECTOR_ENCHARGE_API_KEY": SECRETS["API key"],
        "CONNECTOR_ENCHARGE_WRITE_KEY": SECRETS["write key"],
        "CONNECTOR_CONSOLE_TOKEN": SECRETS["console token"],
        "CONNECTOR_REQUEST_TIMEOUT": f"{TIMEOUT_S}s",
        "CONNECTOR_FLOOD_RUN": "0",
        "CONNECTOR_FLOOD_SHARE": "1",
        "CONNECTOR_TRACING": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        HEADERS_OF_TRACES: f"Authorization={SECRETS['header for traces'].replace(' ', '%20')}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "PYTHONPATH": str(world.folder / "python"),
        "TMPDIR": str(world.folder / "tmp"),
    }


def topic_of(world, number):
    return f"{world.stack.by_user}-{number}"


def start(world, number, level, style, **more):
    port = free_port("127.0.0.1")
    environment = {
        **world.environment,
        "CONNECTOR_GROUP_ID": f"{world.stack.group}-{number}",
        "CONNECTOR_BY_USER_TOPIC": topic_of(world, number),
        "CONNECTOR_ENCHARGE_INGEST_URL": f"{world.url}/{number}/v1",
        "CONNECTOR_ENCHARGE_API_URL": f"{world.url}/{number}",
        "CONNECTOR_LOG_LEVEL": level,
        "CONNECTOR_LOG_FORMAT": style,
        "CONNECTOR_WEB_PORT": str(port),
        **more,
    }
    worker = world.stack.start_worker(**environment)
    worker.port, worker.number, worker.environment, worker.level = port, number, environment, level
    return worker


def produce(stack):
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "log_level": 2})
    for key, value, headers in records():
        producer.produce(stack.source, value, key=key, headers=headers)
    assert producer.flush(30) == 0


def is_done(world, worker):
    """Tell whether a worker has committed all records of both stages."""
    group = f"{world.stack.group}-{worker.number}"
    assert worker.exit_code is None, worker.log.read_text()[-3000:]
    try:
        return (
            world.stack.lag(world.stack.source, f"{group}.ingest") == 0
            and world.stack.lag(topic_of(world, worker.number), f"{group}.deliver.test") == 0
        )
    except KafkaException:  # the broker has just begun and makes the topic of offsets
        return False


def end(world):
    """End one by a crash of the interpreter, one by SIGKILL, the others well."""
    crashed, killed, *others = world.workers
    psutil.Process(crashed.pid).send_signal(signal.SIGABRT)
    eventually(lambda: crashed.exit_code is not None, 30)
    killed.kill()
    for worker in others:
        worker.begin_stop()
    assert [worker.finish_stop() for worker in others] == [0] * len(others)


# The web port


def paths():
    """Give every path that answers to GET, as the routes have it."""
    filled = {"place": "0:0", "id": "abcd1234", "job": "abcd1234"}
    process = ConsoleProcess(settings=Settings(), environment={}, instance="x", facts=dict)
    canonical = {
        route.resource.canonical
        for route in make_console(process).router.routes()
        if route.method == "GET" and not route.resource.canonical.startswith("/static")
    }
    for path in canonical - {"/{tail}", "/live/{stream}"}:
        yield "/console" + path.format(**filled)
    yield from ("/metrics", "/status", "/ready", "/live", "/", f"/console/nothing?who={PERSONAL['e-mail']}")


def asked(port, places):
    """Give what the port says to everybody, to one who signed in, and to one who asked to see it all."""
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, trust_env=False, timeout=30) as http:
        answers = {"everybody": {path: whole(http.get(path)) for path in (*paths(), *places)}}
        answers["everybody"] |= {f"live {name}": live(http, name) for name in LIVE}
        signed = http.post("/console/sign-in", data={"token": SECRETS["console token"]})
        assert signed.status_code == 303
        answers["signed in"] = {path: whole(http.get(path)) for path in (*paths(), *places)}
        csrf = http.get("/console/").text.split('name="csrf" value="', 1)[1].split('"', 1)[0]
        assert http.post("/console/reveal", data={"csrf": csrf, "reveals": "yes"}).status_code == 303
        answers["revealed"] = {path: whole(http.get(path)) for path in (*paths(), *places)}
    return answers


def whole(response):
    return f"{response.status_code} {response.headers} {response.text}"


def places_of_letters(stack):
    """Give the page of one letter for each code."""
    letters = {dict(each.headers())["encharge.code"]: each for each in stack.dead_letters()}
    return [f"/console/dead-letters/{each.partition()}:{each.offset()}" for each in letters.values()]


def live(http, name):
    with http.stream("GET", f"/console/live/{name}") as response:
        text = ""
        for part in response.iter_text():
            text += part
            if text.count("event: ") >= 2:
                break
        return text


# The search is able to find something


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, values in (("secret", SECRETS), ("personal", PERSONAL)) for name in values],
)
def test_the_search_finds_each_canary_in_each_spelling(kind, name):
    value = (SECRETS | PERSONAL)[name]

    for spelling in spellings(value):
        assert found_in(f'before {spelling}" behind') >= {(kind, name)}
    assert found_in(f"before {value} behind".encode().hex()) >= {(kind, name)}


def test_the_search_finds_what_a_logger_without_redaction_writes(capsys):
    logger = logging.getLogger("connector.unredacted")
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False

    logger.error("key %s of %s", SECRETS["API key"], PERSONAL["e-mail"])

    logger.handlers.clear()
    assert found_in(capsys.readouterr().err) == {("secret", "API key"), ("personal", "e-mail")}


# What comes out


def test_everything_was_provoked_that_may_leak(world):
    sent = b"".join(world.got)
    letters = {dict(each.headers())["encharge.code"].decode() for each in world.stack.dead_letters()}
    logs = world.workers[0].log.read_text()

    assert {"e-mail", "name", "phone", "IP address", "user id", "free text", "name of a property"} <= {
        name for _, name in found_in(sent)
    }
    assert world.shown.count(SECRETS["header for traces"]) == len(world.shown) > 0
    assert {"rejected", "internal", "invalid_action", "invalid_payload"} <= letters
    assert {"unreadable_not_json", "unreadable_not_an_object", "unreadable_no_identity"} <= letters
    for event in (
        "a thread ended by an unexpected error",
        "an unexpected error where none can be raised",
        "Exception in callback",
        "Task exception was never retrieved",
        "record could not be planned",
        "request could not be sent",
        "Encharge refuses the key",
        "Failed to export span",
    ):
        assert event in logs


@pytest.mark.parametrize(("level", "style"), STYLES)
def test_no_log_at_any_level_has_a_canary(world, level, style):
    [worker] = [
        each
        for each in world.workers
        if (each.level, each.environment["CONNECTOR_LOG_FORMAT"]) == (level, style)
    ]
    log = worker.log.read_text()

    assert "[redacted]" in log  # something was there to be taken out
    assert found_in(log) == set(), [line for line in log.splitlines() if found_in(line)][:5]


@pytest.mark.parametrize("who", ["everybody", "signed in"])
def test_the_web_port_shows_no_canary_unless_somebody_asks_for_personal_data(world, who):
    leaks = {path: found_in(text) for path, text in world.answers[who].items()}

    assert {path: leak for path, leak in leaks.items() if leak} == {}


def test_who_asks_for_personal_data_sees_it_where_letters_are_shown_and_secrets_nowhere(world):
    answers = world.answers["revealed"]
    showing = {path for path, text in answers.items() if found_in(text)}

    assert not [path for path in showing if found_in(answers[path], "secret")]
    assert any("/dead-letters/" in path for path in showing)
    assert {
        path for path in showing if not path.startswith(("/console/dead-letters", "/console/tester"))
    } == set()


def test_no_trace_has_a_canary(world):
    assert world.exports
    assert found_in(b"".join(world.exports)) == set()


def test_no_header_of_a_dead_letter_has_a_canary(world):
    letters = world.stack.dead_letters()

    assert found_in(letters[0].value(), "personal")  # the record itself is there as it was
    for letter in letters:
        ours = [each for each in letter.headers() if each[0].startswith(("__connect.errors.", "encharge."))]
        assert found_in(str(ours)) == set(), ours
        assert found_in(letter.value() or b"", "secret") == set()


def test_no_record_of_the_control_topic_has_a_canary(world):
    control = world.stack.records(world.stack.control)

    assert control
    for each in control:
        assert (
            found_in(b"%b %b %b" % (each.key() or b"", each.value() or b"", str(each.headers()).encode()))
            == set()
        )


def test_a_crash_writes_where_it_happened_and_nothing_of_what_it_worked_on(world):
    crashed, killed = world.workers[:2]

    assert (crashed.exit_code, killed.exit_code) == (-signal.SIGABRT, -signal.SIGKILL)
    assert "Fatal Python error: Aborted" in crashed.log.read_text()
    assert found_in(crashed.log.read_text()[-20_000:]) == set()


def test_no_file_is_left_that_has_a_canary(world):
    left = [file for file in world.folder.rglob("*") if file.is_file()]

    assert left
    for file in left:
        if file.name != "sitecustomize.py":
            assert found_in(file.name) | found_in(file.read_bytes()) == set(), file
    assert list((world.folder / "tmp").iterdir()) == []


def test_no_command_line_has_a_secret(world):
    assert found_in(str(world.command_lines), "secret") == set()


# Commands


def with_json(name):
    command = cli
    for part in name.split():
        command = command.get_command(click.Context(command), part)
    return any(each.name == "as_json" for each in command.params)


WALKED = [
    pytest.param(name, more, id=" ".join((name, *more)))
    for name in COMMANDS
    if name not in NOT_WALKED
    for more in ((), ("--json",))
    if not more or with_json(name)
]


@pytest.fixture
def files(world, here):  # noqa: F811
    """What the commands of the table read, made of the records of the workers."""
    (here / "destination.yaml").write_text(json.dumps(DESTINATION))
    events = [value for _, value, _ in records() if value[:1] == b"{" and b'"batch"' not in value]
    (here / "events.jsonl").write_bytes(b"\n".join(events) + b"\n")
    yield here
    structlog.reset_defaults()


@pytest.mark.parametrize(("name", "more"), WALKED)
def test_no_command_shows_a_secret_and_few_show_events(world, files, name, more):
    environment = {
        key: value
        for key, value in world.workers[2].environment.items()
        if key not in ("PYTHONPATH", "TMPDIR")
    }
    environment |= {"CONNECTOR_DESTINATION_FILE": str(files / "destination.yaml"), "CONNECTOR_TRACING": "off"}
    arguments = COMMANDS[name].arguments
    if name == "diff":
        arguments = (*arguments, "--events", "events.jsonl")
    if name == "replay run":
        assert run("replay", "plan", "--out", "replay.json", **environment).code == 0
    if name == "init":
        arguments = (*arguments, "--yes", "--directory", "made")
    if name == "test":
        arguments = (*arguments, "--record", "--events", "events.jsonl")

    done = run(*arguments, *more, **environment)

    said = done.out + done.err
    assert said
    assert found_in(said, "secret") == set(), said
    if name not in SHOW_EVENTS:
        assert found_in(said, "personal") == set(), said


# What fails before anything is read


def told(world, number, **environment):
    """Run a worker that cannot start or cannot reach anything; give it and what it wrote."""
    return start(world, number, "debug", "json", CONNECTOR_WEB_PORT="0", **environment)


def test_a_login_that_is_refused_shows_no_password(world):
    worker = told(world, 0, CONNECTOR_KAFKA_SASL_PASSWORD=SECRETS["wrong SASL password"])

    eventually(lambda: worker.exit_code is not None, 60)

    assert "refuses user or password" in worker.log.read_text()
    assert found_in(worker.log.read_text()) == set()


def test_a_token_endpoint_that_quotes_the_secret_of_the_client_is_not_quoted(world):
    with quoting_tokens() as url:
        environment = {
            key: value
            for key, value in world.environment.items()
            if not key.startswith("CONNECTOR_KAFKA_SASL")
        }
        login = {
            "CONNECTOR_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "CONNECTOR_KAFKA_OAUTH_TOKEN_URL": f"{url}/token",
            "CONNECTOR_KAFKA_OAUTH_CLIENT_ID": "me",
            "CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET": SECRETS["OAuth client secret"],
            "CONNECTOR_LOG_LEVEL": "debug",
        }
        worker = world.stack.start_worker(**environment, **login)
        eventually(lambda: worker.exit_code is not None, 60)

    assert "CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET right?" in worker.log.read_text()
    assert found_in(worker.log.read_text()) == set()


def test_a_proxy_that_cannot_be_reached_shows_no_password(world):
    user = f"me:{SECRETS['password of the proxy'].replace('@', '%40')}"
    proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://{user}@127.0.0.1:9")
    group = f"{world.stack.group}-proxy"
    worker = told(world, 0, CONNECTOR_GROUP_ID=group, **proxy)

    eventually(lambda: "trying one request at a time" in worker.log.read_text(), 60)
    worker.kill()

    assert found_in(worker.log.read_text()) == set()
