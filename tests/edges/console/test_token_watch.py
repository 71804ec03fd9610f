"""Another console token, while a worker runs."""

import httpx
import pytest
from structlog.testing import capture_logs

from connector.edges.console.parts import Process
from connector.edges.console.session import Gatekeeper
from connector.edges.console.token_watch import TokenWatch
from connector.settings import Settings
from tests.edges.console.conftest import TOKEN
from tests.eventually import eventually_async

NEW = "another-token-of-the-tests"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "console-token"
    file.write_text(TOKEN)
    return file


@pytest.fixture
def process(file):
    settings = Settings(console_token=TOKEN, destination_file=file.parent / "destination.yaml")
    environment = {"CONNECTOR_SECRETS_DIRECTORY": str(file.parent)}
    return Process(settings=settings, environment=environment, instance="here-1", facts=dict)


async def test_sessions_of_the_old_token_end_and_the_new_one_signs_in(file, signed_in, console_url):
    assert "Sign out" in (await signed_in.get("/console/")).text

    file.write_text(NEW)
    await eventually_async(lambda: is_out(signed_in), 20)

    refused = await signed_in.post("/console/reveal", {"reveals": "yes"})
    async with httpx.AsyncClient(base_url=console_url, trust_env=False) as client:
        old = await client.post("/console/sign-in", data={"token": TOKEN})
        new = await client.post("/console/sign-in", data={"token": NEW})
    assert refused.status_code == 403
    assert (old.status_code, new.status_code) == (403, 303)


async def is_out(somebody):
    return "Sign out" not in (await somebody.get("/console/")).text


def watch(file, gatekeeper):
    known = []
    return TokenWatch((file,), gatekeeper, known.extend), known


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda file: file.write_text("short"), id="too short"),
        pytest.param(lambda file: file.write_text(""), id="empty"),
        pytest.param(lambda file: (file.unlink(), file.symlink_to("gone")), id="a link that leads nowhere"),
    ],
)
def test_a_token_that_cannot_be_used_leaves_the_one_before(file, break_it):
    gatekeeper = Gatekeeper(TOKEN)
    token, _ = watch(file, gatekeeper)

    with capture_logs() as logged:
        break_it(file)
        token.change()

    assert gatekeeper.is_token(TOKEN)
    assert [line["log_level"] for line in logged] == ["warning"]
    assert "short" not in str(logged)


def test_a_token_that_is_taken_away_leaves_a_console_that_only_shows(file):
    gatekeeper = Gatekeeper(TOKEN)
    cookie = gatekeeper.cookie_of(gatekeeper.sign_in(0.0))
    token, _ = watch(file, gatekeeper)

    file.unlink()
    token.change()

    assert not gatekeeper.has_token
    assert gatekeeper.session_of(cookie, 1.0) is None


def test_a_new_token_is_kept_out_of_what_jobs_print(file):
    token, known = watch(file, Gatekeeper(TOKEN))

    file.write_text(NEW)
    token.change()

    assert known == [NEW]
