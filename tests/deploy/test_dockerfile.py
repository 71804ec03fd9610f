"""The image without a Docker engine: its build stage run step by step, what it made run as the image runs it."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from connector.embedded.ports import free_port
from tests.kafka.stack import Stack, round_robin

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
USER = 10001
OURS = "segment-encharge-connector"
PARTS = "share/doc/segment-encharge-connector/sbom.json"


def instructions(text):
    joined = re.sub(r"\\\n", " ", text)
    for line in joined.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            yield name, rest.strip()


def stages(text):
    found = []
    for name, rest in instructions(text):
        if name == "FROM":
            found.append([])
        elif found:
            found[-1].append((name, rest))
    return found


BUILD, FINAL = stages(DOCKERFILE)


def pairs(name, stage):
    """What the ENV, ARG or LABEL instructions of a stage set."""
    return dict(
        word.split("=", 1)
        for each, rest in stage
        if each == name
        for word in shlex.split(rest, posix=True)
        if "=" in word
    )


@pytest.fixture(scope="module")
def image():
    """What the build stage leaves in PREFIX, in a folder that everybody may read."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o755)
        source, prefix = place / "src", place / "opt"
        source.mkdir()
        for name, rest in BUILD:
            if name == "COPY":
                *froms, to = shlex.split(rest)
                for each in froms:
                    copy(ROOT / each, source / to)
            elif name == "RUN":
                environment = {**clean_environment(), **pairs("ARG", BUILD), "PREFIX": str(prefix)}
                subprocess.run(["sh", "-ec", rest], cwd=source, env=environment, check=True)
        yield prefix


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copy(source, target)


def clean_environment():
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))
    }


@pytest.mark.wheel
@pytest.mark.timeout(600)
class TestWhatIsBuilt:
    def test_it_is_a_connector_that_runs_with_tracing_and_without_an_installer(self, image):
        command = image / "bin/encharge-connector"

        shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)

        assert shown.stdout.startswith("encharge-connector, version ")
        assert list(image.glob("lib/python3*/site-packages/opentelemetry/sdk"))
        assert not list(image.glob("bin/pip*"))
        assert not list(image.glob("lib/python3*/site-packages/pip"))

    def test_its_list_of_parts_is_what_is_in_it(self, image):
        document = json.loads((image / PARTS).read_text())

        own = document["metadata"]["component"]["purl"]
        needs = {
            each["ref"]: {purl for purl in each["dependsOn"] if purl.startswith("pkg:pypi/")}
            for each in document["dependencies"]
        }
        seen = {own if purl == OURS else purl: found for purl, found in cyclonedx_sees(image).items()}
        assert needs.keys() == seen.keys()
        # The tool also counts what a package would need for extras that nobody asked for.
        assert [purl for purl in needs if not needs[purl] <= seen[purl]] == []

    @pytest.mark.kafka
    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become another user")
    def test_a_worker_delivers_as_nobody_special_where_nothing_can_be_written(self, image, broker, tmp_path):
        with Stack(broker.bootstrap_servers, tmp_path) as stack, readable(tmp_path) as directory:
            destination = directory / "destination.yaml"
            shutil.copy(stack.environment["CONNECTOR_DESTINATION_FILE"], destination)
            environment = {
                **in_the_image(image),
                **stack.environment,
                "CONNECTOR_DESTINATION_FILE": str(destination),
                "CONNECTOR_WEB_PORT": str(free_port("127.0.0.1")),
            }
            with worker(image, environment, tmp_path / "log") as process:
                stack.produce(round_robin(people=5, per_person=4))
                stack.await_all()

                assert health_check(image, environment) == 0
                status = Path(f"/proc/{process.pid}/status").read_text()
                process.send_signal(signal.SIGTERM)

                assert process.wait(60) == 0
            assert re.search(rf"^Uid:\s+{USER}\s", status, re.MULTILINE)
            assert re.search(r"^Cap(Eff|Bnd):\s+0+$", status, re.MULTILINE)
            assert stack.verdict().is_good
        assert "ead-only file system" not in (tmp_path / "log").read_text()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, and become another user")
    def test_nothing_can_be_written_there(self, image, tmp_path):
        """What the test above rests on."""
        program = "import os; print(os.getuid()); open('/tmp/written', 'w')"

        done = subprocess.run(
            confined([image / "bin/python", "-c", program]), capture_output=True, text=True, check=False
        )

        assert done.stdout.split() == [str(USER)]
        assert "OSError: [Errno 30] Read-only file system" in done.stderr


def cyclonedx_sees(image):
    """Each package of an environment and what it needs, as the tool of CycloneDX lists them: purl to purls.

    Ours has none, as it comes from no registry.
    """
    tool = Path(sys.executable).with_name("cyclonedx-py")
    shown = subprocess.run(
        [tool, "environment", "--output-reproducible", "--short-PURLs", image / "bin/python"],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(shown.stdout)
    purls = {each["bom-ref"]: each.get("purl", each["name"]) for each in document["components"]}
    needs = {each["ref"]: each.get("dependsOn", ()) for each in document["dependencies"]}
    return {purl: {purls[need] for need in needs.get(ref, ())} for ref, purl in purls.items()}


def confined(command):
    """A command that sees all file systems read-only, as a user without rights."""
    read_only = "cut -d' ' -f2,3 /proc/self/mounts | while read -r place kind; do case $kind in proc|sysfs|cgroup*|devpts|mqueue|devtmpfs) ;; *) mount -o remount,bind,ro \"$place\" || true ;; esac; done"
    become = [
        "setpriv",
        f"--reuid={USER}",
        f"--regid={USER}",
        "--clear-groups",
        "--no-new-privs",
        "--bounding-set=-all",
    ]
    script = f"{read_only}; cd /; exec {shlex.join(become)} {shlex.join(map(str, command))}"
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]


def in_the_image(image):
    """The environment that the final stage sets, with our PREFIX."""
    values = {
        name: value.replace("/opt/connector", str(image)) for name, value in pairs("ENV", FINAL).items()
    }
    return {**values, "PATH": f"{image}/bin:{os.environ['PATH']}", "HOME": "/"}


@contextmanager
def readable(tmp_path):
    """A folder that another user may read, unlike pytest's."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@contextmanager
def worker(image, environment, log):
    entry = json.loads(dict(FINAL)["ENTRYPOINT"]) + json.loads(dict(FINAL)["CMD"])
    with log.open("wb") as output:
        process = subprocess.Popen(
            confined(entry),
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def health_check(image, environment):
    """The exit code of the image's own check."""
    _, _, command = dict(FINAL)["HEALTHCHECK"].partition(" CMD ")
    return subprocess.run(
        json.loads(command), env=environment, stderr=subprocess.DEVNULL, check=False
    ).returncode


class TestHealthCheck:
    @pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
    def test_it_is_what_live_answers_whatever_proxy_is_set(self, status, healthy):
        with answering(status) as port:
            proxy = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
            environment = {**interpreter_first(), **proxy, "CONNECTOR_WEB_PORT": str(port)}

            assert (health_check(None, environment) == 0) is healthy

    def test_nobody_answering_is_unhealthy(self):
        assert (
            health_check(None, {**interpreter_first(), "CONNECTOR_WEB_PORT": str(free_port("127.0.0.1"))})
            != 0
        )


def interpreter_first():
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@contextmanager
def answering(status):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/live" else 404)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_everything_that_is_copied_is_let_through_by_dockerignore():
    allowed = {
        line.removeprefix("!").rstrip("/")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    copied = {each.rstrip("/") for name, rest in BUILD if name == "COPY" for each in shlex.split(rest)[:-1]}

    assert copied == allowed


def test_nothing_but_what_was_built_goes_into_the_image():
    assert [rest for name, rest in FINAL if name in ("COPY", "ADD")] == [
        "--from=build /opt/connector /opt/connector"
    ]


def test_everything_that_is_installed_is_locked_by_hash():
    installs = re.findall(
        r'pip" install (.*?)(?:$|&&)', "\n".join(rest for name, rest in BUILD if name == "RUN"), re.MULTILINE
    )

    assert len(installs) == 3
    for each in installs:
        assert "--require-hashes -r" in each or "--no-deps dist/*.whl" in each


def test_the_image_runs_as_nobody_special_and_ends_by_a_signal_that_drains():
    values = dict(FINAL)

    assert values["USER"] == f"{USER}:{USER}"
    assert values["ENTRYPOINT"] == '["encharge-connector"]'
    assert values["STOPSIGNAL"] == "SIGTERM"


def test_the_image_says_what_it_is():
    labels = {
        name.removeprefix("org.opencontainers.image."): value for name, value in pairs("LABEL", FINAL).items()
    }

    arguments = pairs("ARG", FINAL)
    assert labels["licenses"] == "MIT"
    for name in ("version", "revision", "source"):
        assert labels[name] == f"${{{name.upper()}}}"
        assert name.upper() in arguments


def test_no_secret_goes_into_a_layer():
    names = {*pairs("ARG", BUILD), *pairs("ENV", BUILD), *pairs("ARG", FINAL), *pairs("ENV", FINAL)}

    assert [name for name in names if re.search(r"KEY|TOKEN|SECRET|PASSWORD", name)] == []


def test_the_base_is_slim_and_can_be_named_by_digest():
    [argument] = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)

    assert re.fullmatch(r"python:3\.\d+-slim-\w+", argument)
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
