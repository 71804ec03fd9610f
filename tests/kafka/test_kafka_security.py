"""docs/kafka-security.md is true: what it says to set works, what it says is refused is refused in its words."""

import json
import re
import signal
import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from tests.cli.command import Process, run
from tests.edges.certificates import make_authority
from tests.eventually import eventually
from tests.kafka.listeners import HOST, PASSWORD, secure_listeners
from tests.kafka.stack import API_KEY, Stack, track
from tests.kafka.tokens import lasting

pytestmark = pytest.mark.kafka
PAGE = (Path(__file__).parents[2] / "docs" / "kafka-security.md").read_text()
CLIENT_ID, CLIENT_SECRET = "connector", "right-secret"
FUNCTIONS = "tests.kafka.tokens"
TOKEN_START = "eyJ"  # of a JSON object in base64

WAYS = {
    section.partition("\n")[0]: dict(re.findall(r"^CONNECTOR_KAFKA_(\w+)=(.+)", section, re.MULTILINE))
    for section in PAGE.split("\n## ")
    if "\n```sh\n" in section
}
REFUSALS = dict(re.findall(r"^\| ([^|`]+) \| `([^`]+)` \|$", PAGE, re.MULTILINE))
LISTENER = {
    "TLS": "TLS",
    "Mutual TLS": "MUTUAL",
    "Password": "PASSWORDS",
    "Tokens of an endpoint": "TOKENS",
    "Tokens of a function": "TOKENS",
}


class TokenEndpoint(BaseHTTPRequestHandler):
    """Gives a token to one that says so, whatever is asked; only this broker takes it."""

    def do_POST(self):
        is_known = self.headers["authorization"] == "Basic Y29ubmVjdG9yOnJpZ2h0LXNlY3JldA=="
        body = {"access_token": lasting(), "expires_in": 3600} if is_known else {"error": "invalid_client"}
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


@contextmanager
def token_endpoint():
    with ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
        server.shutdown()


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kafka")
    (folder / "password").write_text(PASSWORD)
    (folder / "client-secret").write_text(CLIENT_SECRET)
    (folder / "stranger").mkdir()
    with secure_listeners(folder) as kafka, token_endpoint() as kafka.token_url:
        kafka.folder, kafka.stranger = folder, make_authority(folder / "stranger")
        yield kafka


class CheckedStack(Stack):
    """One on which `check` was run, which leaves dead letters of its own."""

    def dead_letters(self):
        return [each for each in super().dead_letters() if dict(each.headers())["encharge.code"] != b"probe"]


@pytest.fixture(scope="module")
def stack(kafka, tmp_path_factory):
    """Topics that all tests share; commands and workers log in, the test itself need not."""
    with CheckedStack(kafka.bootstrap_servers, tmp_path_factory.mktemp("stack"), partitions=1) as stack:
        assert run("topics", "apply", "--yes", **stack.environment).code == 0
        yield stack


def as_the_page_says(kafka, title):
    """Give the settings of a block, with what is true here in place of the examples."""
    names = WAYS[title]
    true_here = {
        "BOOTSTRAP_SERVERS": kafka.environment(LISTENER[title])["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"],
        "SSL_CA_FILE": str(kafka.authority.file),
        "SSL_CERT_FILE": str(kafka.client.file),
        "SSL_KEY_FILE": str(kafka.client.key_file),
        "SASL_PASSWORD_FILE": str(kafka.folder / "password"),
        "OAUTH_TOKEN_URL": kafka.token_url,
        "OAUTH_CLIENT_SECRET_FILE": str(kafka.folder / "client-secret"),
        "OAUTH_TOKEN_PROVIDER": f"{FUNCTIONS}:lasting",
    }
    return {f"CONNECTOR_KAFKA_{name}": true_here.get(name, value) for name, value in names.items()}


CASES = [
    *(pytest.param(title, {}, id=title) for title in LISTENER),
    *(pytest.param("Password", {"CONNECTOR_KAFKA_SASL_MECHANISM": other}, id=other) for other in ("SCRAM-SHA-256", "PLAIN")),
]  # fmt: skip


def test_the_page_has_a_block_for_each_listener():
    assert list(WAYS) == list(LISTENER)


@pytest.mark.parametrize(("title", "other"), CASES)
def test_check_passes_and_a_worker_delivers(kafka, stack, title, other):
    environment = as_the_page_says(kafka, title) | other

    checked = run("check", **{**stack.environment, **environment})
    worker = stack.start_worker(**environment, CONNECTOR_LOG_LEVEL="debug")
    stack.produce([track(f"{worker.name}-{number}", 1) for number in range(3)])
    verdict = stack.await_all()
    stack.stop_workers()

    assert checked.code == 0, checked.out + checked.err
    assert (verdict.lost, verdict.violations, verdict.wrong, verdict.duplicates) == ([], [], [], 0)
    log = worker.log.read_text()
    assert not [secret for secret in (PASSWORD, CLIENT_SECRET, TOKEN_START) if secret in log]


# What is refused


def refused(kafka):
    """Give what is wrong, by the rows of the page: the settings that make it so."""
    on, stranger = kafka.environment, kafka.stranger.sign("connector", usage="clientAuth")
    scram = {"SASL_MECHANISM": "SCRAM-SHA-512"}
    endpoint = {
        "OAUTH_TOKEN_URL": kafka.token_url,
        "OAUTH_CLIENT_ID": CLIENT_ID,
        "OAUTH_CLIENT_SECRET": "wrong-secret",
    }
    return {
        "the CA file is of another authority": on("TLS", SSL_CA_FILE=str(kafka.stranger.file)),
        "the broker's certificate has expired": on("EXPIRED"),
        "the broker's certificate is for another name": on("ELSEWHERE"),
        "we have no certificate, and the broker wants one": on(
            "MUTUAL", SSL_CERT_FILE=None, SSL_KEY_FILE=None
        ),
        "our certificate is of an authority that the broker does not know": on(
            "MUTUAL", SSL_CERT_FILE=str(stranger.file), SSL_KEY_FILE=str(stranger.key_file)
        ),
        "the password is wrong": on("PASSWORDS", SASL_PASSWORD="wrong-secret", **scram),
        "the broker refuses the token": on("TOKENS", OAUTH_TOKEN_PROVIDER=f"{FUNCTIONS}:ended"),
        "the token endpoint does not know our client": on("TOKENS", **endpoint),
        "the listener speaks TLS, and we do not": on("TLS", SECURITY_PROTOCOL="PLAINTEXT", SSL_CA_FILE=None),
        "the listener wants no login": on(
            "TLS", SECURITY_PROTOCOL="SASL_SSL", SASL_USERNAME="connector", SASL_PASSWORD="wrong-secret"
        ),
        "the listener does not know the mechanism": on(
            "TOKENS", SASL_USERNAME="connector", SASL_PASSWORD="wrong-secret", **scram
        ),
    }


@pytest.fixture(scope="module")
def workers(kafka, stack, tmp_path_factory):
    """One worker for each row, all started before one is waited for."""
    folder = tmp_path_factory.mktemp("refused")
    started = {
        row: Process(["run"], folder, folder, {**stack.environment, **environment}, stdin=None)
        for row, environment in refused(kafka).items()
    }
    yield started
    for worker in started.values():
        worker.close()


def test_each_row_of_the_page_is_provoked(kafka):
    assert sorted(REFUSALS) == sorted(refused(kafka))


def is_said(row, environment, text):
    address = environment["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"]
    words = re.escape(REFUSALS[row]).replace("…", "[^)]+")
    return re.search(f"Kafka at {address} {words}\n", text) is not None


@pytest.mark.parametrize("row", REFUSALS)
def test_a_command_says_what_is_wrong_in_the_words_of_the_page(kafka, stack, row):
    environment = refused(kafka)[row]

    done = run("topics", "diff", **{**stack.environment, **environment})

    assert done.code == 3
    assert is_said(row, environment, done.err), done.err
    assert "wrong-secret" not in done.out + done.err


def test_check_has_it_as_a_finding(kafka, stack):
    row = "the broker's certificate has expired"
    environment = refused(kafka)[row]

    done = run("check", **{**stack.environment, **environment})

    assert done.code == 1
    assert is_said(row, environment, done.out), done.out


@pytest.mark.parametrize("listener", [None, "PASSWORDS"], ids=["no TLS", "a login"])
def test_a_listener_that_only_ends_the_connection_is_asked_for_its_protocol(kafka, stack, listener):
    address = kafka.bootstrap_servers
    if listener is not None:
        address = kafka.environment(listener)["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"]
    environment = kafka.environment("TLS", BOOTSTRAP_SERVERS=address)

    done = run("topics", "diff", **{**stack.environment, **environment})

    assert done.code == 3
    assert "ends the connection; does it speak SSL (CONNECTOR_KAFKA_SECURITY_PROTOCOL)?" in done.err


@pytest.mark.parametrize("row", REFUSALS)
def test_a_worker_that_cannot_start_says_it_and_ends(kafka, workers, row):
    done = workers[row].done(within_s=60)

    assert done.code == 3
    assert is_said(row, refused(kafka)[row], done.err), done.err
    assert "wrong-secret" not in done.out + done.err


def test_a_worker_waits_for_a_token_that_may_come(kafka, stack):
    worker = stack.start_worker(**kafka.environment("TOKENS", OAUTH_TOKEN_PROVIDER=f"{FUNCTIONS}:failing"))

    eventually(lambda: worker.log.read_text().count("Kafka cannot be reached, will repeat") >= 2, 30)

    log = worker.log.read_text()
    worker.kill()
    assert "no token: CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER fails with RuntimeError" in log
    assert "secret-of-the-provider" not in log


# What changes while a worker runs


def ports_of(worker, address):
    """Give our ends of a worker's connections to a listener."""
    port = int(address.rpartition(":")[2])
    connections = psutil.Process(worker.pid).net_connections("tcp")
    return {each.laddr.port for each in connections if each.raddr and each.raddr.port == port}


def test_a_worker_outlives_its_tokens_and_the_certificate_of_the_broker(kafka, stack):
    environment = kafka.environment("TOKENS", OAUTH_TOKEN_PROVIDER=f"{FUNCTIONS}:brief")
    address = environment["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"]
    shown = ssl.get_server_certificate(address.split(":"))
    worker = stack.start_worker(**environment)
    stack.produce([track("before", number) for number in range(1, 4)])
    stack.await_all()
    before = ports_of(worker, address)

    kafka.renew("TOKENS")
    eventually(lambda: ssl.get_server_certificate(address.split(":")) != shown, 20)
    stack.produce((track(f"during-{number % 10}", number // 10 + 1) for number in range(200)), rate=50)
    eventually(lambda: before.isdisjoint(ports_of(worker, address)), 30)
    verdict = stack.await_all()
    stack.stop_workers()

    assert before
    assert (verdict.lost, verdict.violations, verdict.wrong, verdict.duplicates) == ([], [], [], 0)


def test_a_worker_takes_another_authority_and_certificate_from_disk_without_a_restart(kafka, stack):
    environment = kafka.environment("MUTUAL")
    old = ssl.create_default_context(cadata=kafka.authority.file.read_text())
    worker = stack.start_worker(**environment)
    stack.produce([track("disk", number) for number in range(1, 4)])
    stack.await_all()

    kafka.replace_authority()
    stack.produce([track("disk", number) for number in range(4, 7)])
    verdict = stack.await_all()
    stack.stop_workers()

    assert (verdict.lost, verdict.violations, verdict.wrong) == ([], [], [])
    assert "certificates for Kafka were changed and read anew" in worker.log.read_text()
    assert not is_trusted(environment["CONNECTOR_KAFKA_BOOTSTRAP_SERVERS"], old)


def swap(volume, secrets):
    """Put other files into a mounted volume of Kubernetes, as the kubelet does: all of them by one rename."""
    version = volume / f"..{len(list(volume.iterdir()))}"
    version.mkdir()
    for name, secret in secrets.items():
        (version / name).write_text(secret)
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    (volume / "..data_tmp").symlink_to(version.name)
    (volume / "..data_tmp").replace(volume / "..data")


def test_a_worker_takes_another_password_and_key_from_a_mounted_volume_without_a_restart(
    kafka, stack, tmp_path
):
    secrets = {"kafka-sasl-password": PASSWORD, "encharge-api-key": API_KEY, "tls.crt": "not ours"}
    others = {"kafka-sasl-password": "another-password", "encharge-api-key": "another-key"}
    swap(tmp_path, secrets)
    login = kafka.environment("PASSWORDS", SASL_MECHANISM="SCRAM-SHA-512", SASL_PASSWORD=None)
    environment = {**stack.environment, **login, "CONNECTOR_SECRETS_DIRECTORY": str(tmp_path)}
    del environment["CONNECTOR_ENCHARGE_API_KEY"]
    worker = Process(["run"], tmp_path, tmp_path, environment, stdin=None)
    try:
        stack.produce([track("volume", number) for number in range(1, 4)])
        stack.await_all()

        stack.simulator.configure(tokens=[others["encharge-api-key"]])
        kafka.change_password(others["kafka-sasl-password"])
        eventually(lambda: "uthenticat" in worker.err, 60)  # it is refused, and goes on trying
        swap(tmp_path, secrets | others)
        stack.produce([track("volume", number) for number in range(4, 7)])
        verdict = stack.await_all()
        worker.send(signal.SIGTERM)
        done = worker.done()
    finally:
        worker.close()
        stack.simulator.configure(tokens=[API_KEY])
        kafka.change_password(PASSWORD)

    assert (verdict.lost, verdict.violations, verdict.wrong) == ([], [], [])
    assert done.code == 0
    assert "secret was changed and read anew" in done.err
    assert "configuration is in force" in done.err
    assert not [each for each in (PASSWORD, API_KEY, *others.values()) if each in done.out + done.err]


def is_trusted(address, context):
    with socket.create_connection((HOST, int(address.rpartition(":")[2])), 10) as plain:
        try:
            context.wrap_socket(plain, server_hostname=HOST).close()
        except ssl.SSLCertVerificationError:
            return False
        return True
