"""Tokens for Kafka: asked for once, renewed in time, and never shown when something is wrong."""

import asyncio
import base64
import json
import sys
import threading
import time
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from connector.edges import kafka_oauth
from connector.edges.kafka_oauth import (
    PROVIDER,
    KafkaTokens,
    Token,
    TokenTrouble,
    from_function,
    imported,
    kafka_tokens,
)
from connector.edges.oauth_grant import ClientCredentials
from connector.errors import ConfigurationError
from connector.secret_files import read_secret
from connector.settings import Settings
from tests.edges.certificates import make_authority, server_context
from tests.eventually import eventually_async

SECRET = "the-token"


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


class Source:
    """Gives what it was told to give, one after the other, and counts the questions."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        await asyncio.sleep(0)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def tokens_of(source, clock=None, extensions=None):
    return KafkaTokens(source, "SETTING", extensions or {}, clock or Clock())


async def trouble_of(source):
    with pytest.raises(TokenTrouble) as caught:
        await tokens_of(source).token()
    return caught.value


# How long a token is used


async def test_a_token_is_used_for_four_fifths_of_its_life_and_then_renewed():
    clock, source = Clock(), Source(Token("first", 1100.0), Token("second", 1200.0))
    tokens = tokens_of(source, clock)

    found = []
    for clock.now_s in (1000.0, 1079.0, 1080.0):
        found.append(await tokens.token())

    assert (found, source.asked) == (["first", "first", "second"], 2)


async def test_a_token_whose_end_nobody_knows_is_used_once():
    tokens = tokens_of(Source(Token("first"), Token("second")))

    assert [await tokens.token(), await tokens.token()] == ["first", "second"]


async def test_all_that_wait_for_a_token_share_one_question():
    source = Source(Token("one", 1100.0))
    tokens = tokens_of(source)

    assert await asyncio.gather(*(tokens.token() for _ in range(5))) == ["one"] * 5
    assert source.asked == 1


async def test_one_that_stops_waiting_takes_nothing_from_the_others():
    source = Source(Token("one", 1100.0))
    tokens = tokens_of(source)
    impatient, patient = (asyncio.create_task(tokens.token()) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()

    assert await patient == "one"
    assert source.asked == 1


async def test_while_a_token_is_good_trouble_with_the_next_one_is_only_logged():
    clock, source = Clock(), Source(Token("first", 1100.0), TokenTrouble("no answer"), TokenTrouble("none"))
    tokens = tokens_of(source, clock)
    await tokens.token()

    clock.now_s = 1099.0
    with capture_logs() as lines:
        assert await tokens.token() == "first"
    clock.now_s = 1100.0
    with pytest.raises(TokenTrouble):
        await tokens.token()

    assert [line["error"] for line in lines] == ["no answer"]


async def test_what_goes_beside_the_token_is_what_the_settings_say():
    settings = Settings.from_environment(
        {
            "CONNECTOR_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "CONNECTOR_KAFKA_SASL_MECHANISM": "OAUTHBEARER",
            "CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER": "tests.kafka.tokens:lasting",
            "CONNECTOR_KAFKA_OAUTH_EXTENSIONS": "logicalCluster=lkc-1, identityPoolId=pool-2",
        }
    )

    assert kafka_tokens(settings).extensions() == {"logicalCluster": "lkc-1", "identityPoolId": "pool-2"}


# What is no token


async def test_trouble_is_an_error_that_aiokafka_tries_again():
    trouble = await trouble_of(Source(ValueError(SECRET)))

    assert isinstance(trouble, KafkaError)
    assert trouble.retriable
    assert str(trouble) == "TokenTrouble: SETTING fails with ValueError"


@pytest.mark.parametrize("text", ["", "two words", "line\n", "nul\x00", "auth\x01host=other", "é"], ids=repr)
async def test_a_text_that_is_no_bearer_token_is_refused_and_not_shown(text):
    trouble = await trouble_of(Source(Token(SECRET + text if text else text)))

    assert trouble.problem == "SETTING gives a text that is no bearer token"
    assert trouble.is_final


async def test_a_token_that_ended_already_is_not_used():
    trouble = await trouble_of(Source(Token(SECRET, 1000.0)))

    assert "has ended already" in trouble.problem
    assert SECRET not in trouble.problem


async def test_one_that_gives_nothing_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(kafka_oauth, "TOKEN_TIMEOUT_S", 0.05)

    trouble = await trouble_of(asyncio.Event().wait)

    assert trouble.problem == "SETTING gives none within 0.05 s"
    assert not trouble.is_final


async def test_a_time_limit_of_the_source_is_told_as_its_own():
    assert (await trouble_of(Source(TimeoutError()))).problem == "SETTING fails with TimeoutError"


def test_a_token_is_not_part_of_what_is_shown_of_it():
    assert SECRET not in repr(Token(SECRET, 1.0))


# A function of the user's


async def soon():
    await asyncio.sleep(0)
    return SECRET, 1100


class WithAsyncCall:
    async def __call__(self):
        return SECRET


@pytest.mark.parametrize(
    ("function", "token"),
    [
        pytest.param(lambda: SECRET, Token(SECRET), id="text"),
        pytest.param(lambda: (SECRET, 1100.5), Token(SECRET, 1100.5), id="text and end"),
        pytest.param(soon, Token(SECRET, 1100), id="async"),
        pytest.param(WithAsyncCall(), Token(SECRET), id="object with an async call"),
    ],
)
async def test_a_function_gives_a_text_or_a_text_with_its_end(function, token):
    assert await from_function(function)() == token


@pytest.mark.parametrize("given", [None, b"bytes", 5, (SECRET, "soon"), (SECRET,), {"token": SECRET}])
async def test_what_a_function_must_not_give_is_told_by_its_type(given):
    trouble = await trouble_of(from_function(lambda: given))

    assert trouble.is_final
    assert trouble.problem == (
        f"{PROVIDER} gives a {type(given).__name__}, not a token or (token, expires_at)"
    )


async def test_a_function_that_blocks_does_not_hold_up_the_others():
    blocked = threading.Event()

    def function():
        assert blocked.wait(10)
        return SECRET

    asking = asyncio.create_task(from_function(function)())
    await asyncio.sleep(0)
    blocked.set()

    assert await asking == Token(SECRET)


async def test_an_error_in_a_thread_is_told_as_one():
    def function():
        raise SystemError(SECRET)

    assert (await trouble_of(from_function(function))).problem == "SETTING fails with SystemError"


async def test_a_function_that_never_returns_does_not_outlive_its_time_limit(monkeypatch):
    monkeypatch.setattr(kafka_oauth, "TOKEN_TIMEOUT_S", 0.05)
    end = threading.Event()

    trouble = await trouble_of(from_function(lambda: end.wait(30)))

    [thread] = [each for each in threading.enumerate() if each.name == "kafka-token"]
    assert thread.daemon  # so it does not keep the process
    end.set()
    await eventually_async(lambda: not thread.is_alive(), 5)
    assert "gives none within" in trouble.problem


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module:token", "there is no module no_such_module; install it, or name its folder in PYTHONPATH"),
        ("tests.no_such_module:token", "there is no module tests.no_such_module"),
        ("tests.kafka.tokens:none", "tests.kafka.tokens has no function none"),
        ("tests.kafka.tokens:__doc__", "tests.kafka.tokens has no function __doc__"),
        ("broken_provider:token", "broken_provider cannot be imported (ZeroDivisionError)"),
    ],
)  # fmt: skip
def test_a_provider_that_cannot_be_used_is_told_before_anything_starts(tmp_path, monkeypatch, name, words):
    (tmp_path / "broken_provider.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigurationError) as caught:
        imported(name)

    [problem] = caught.value.problems
    assert problem.path == PROVIDER
    assert words in problem.message
    sys.modules.pop("broken_provider", None)


# Client credentials


class Endpoint:
    """A token endpoint that answers as told and keeps what it was asked."""

    def __init__(self, status=200, body=None, location=None):
        self.status, self.location = status, location
        self.body = {"access_token": SECRET, "expires_in": 300} if body is None else body
        self.asked = []

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n"))
        }
        form = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append((head.split("\r\n", 1)[0], headers, parse_qs(form.decode())))
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        more = f"location: {self.location}\r\n" if self.location else ""
        writer.write(f"HTTP/1.1 {self.status} X\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self, tls=None):
        async with await asyncio.start_server(self.serve, "localhost", 0, ssl=tls) as server:
            place = f"localhost:{server.sockets[0].getsockname()[1]}"
            self.url = f"{'https' if tls else 'http'}://{place}/oauth/token/?tenant=1"
            yield self


def grant(url, **more):
    settings = {"client_id": "me & you", "client_secret": "s3cret:/+ ", **more}
    return ClientCredentials(
        Settings(
            kafka_oauth_token_url=url, **{f"kafka_oauth_{name}": value for name, value in settings.items()}
        ),
        Clock(),
    )


async def refusal(**answer):
    async with Endpoint(**answer).running() as endpoint:
        with pytest.raises(TokenTrouble) as caught:
            await grant(endpoint.url).ask()
    return caught.value


async def test_the_endpoint_is_asked_as_the_standard_says():
    async with Endpoint().running() as endpoint:
        token = await grant(endpoint.url, scope="kafka read").ask()

    assert token == Token(SECRET, 1300.0)
    [(line, headers, form)] = endpoint.asked
    assert line == "POST /oauth/token/?tenant=1 HTTP/1.1"
    assert form == {"grant_type": ["client_credentials"], "scope": ["kafka read"]}
    scheme, _, credentials = headers["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(credentials) == b"me+%26+you:s3cret%3A%2F%2B+"


async def test_a_secret_that_was_changed_in_its_file_is_sent_from_the_next_question_on(tmp_path):
    file = tmp_path / "kafka-oauth-client-secret"
    file.write_text("old-secret")
    async with Endpoint().running() as endpoint:
        asking = grant(endpoint.url, client_id="me", client_secret=read_secret(file))
        await asking.ask()
        file.write_text("new-secret-of-the-client")
        await asking.ask()

    sent = [base64.b64decode(headers["authorization"].partition(" ")[2]) for _, headers, _ in endpoint.asked]
    assert sent == [b"me:old-secret", b"me:new-secret-of-the-client"]


async def test_without_a_scope_none_is_asked_for():
    async with Endpoint().running() as endpoint:
        await grant(endpoint.url).ask()

    assert endpoint.asked[0][2] == {"grant_type": ["client_credentials"]}


@pytest.mark.parametrize(
    ("members", "expires_at"),
    [({"expires_in": "60"}, 1060.0), ({"expires_in": 60.5}, 1060.5), ({}, None), ({"expires_in": None}, None)],
)  # fmt: skip
async def test_the_end_of_a_token_is_told_from_when_it_was_asked_for(members, expires_at):
    async with Endpoint(body={"access_token": SECRET, **members}).running() as endpoint:
        assert await grant(endpoint.url).ask() == Token(SECRET, expires_at)


CLIENT = "; are CONNECTOR_KAFKA_OAUTH_CLIENT_ID and CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET right?"


@pytest.mark.parametrize(
    ("answer", "words", "is_final"),
    [
        pytest.param({"status": 401, "body": {"error": "invalid_client"}}, f"gives none (HTTP 401, invalid_client){CLIENT}", True, id="client"),
        pytest.param({"status": 403, "body": b"<html>"}, f"gives none (HTTP 403){CLIENT}", True, id="forbidden"),
        pytest.param({"status": 400, "body": {"error": "invalid_scope"}}, "gives none (HTTP 400, invalid_scope); is CONNECTOR_KAFKA_OAUTH_SCOPE right?", True, id="scope"),
        pytest.param({"status": 404, "body": []}, "gives none (HTTP 404); is it right?", True, id="no such page"),
        pytest.param({"status": 400, "body": {"error": ["the-token"]}}, "gives none (HTTP 400); is it right?", True, id="odd error"),
        pytest.param({"status": 400, "body": {"error": "the-token"}}, "gives none (HTTP 400); is it right?", True, id="unknown error"),
        pytest.param({"status": 429}, "gives none (HTTP 429)", False, id="too many"),
        pytest.param({"status": 503}, "gives none (HTTP 503)", False, id="unavailable"),
        pytest.param({"body": {"token": "the-token"}}, "answers without an access_token; is it right?", True, id="no token"),
        pytest.param({"body": b"<html>the-token"}, "answers without an access_token; is it right?", True, id="no JSON"),
    ],
)  # fmt: skip
async def test_an_answer_without_a_token_is_told_by_status_and_known_codes_only(answer, words, is_final):
    trouble = await refusal(**answer)

    assert trouble.problem == f"CONNECTOR_KAFKA_OAUTH_TOKEN_URL {words}"
    assert trouble.is_final == is_final


async def test_the_secret_goes_to_no_other_address():
    async with Endpoint().running() as other:
        trouble = await refusal(status=302, location=other.url)

    assert trouble.problem == "CONNECTOR_KAFKA_OAUTH_TOKEN_URL gives none (HTTP 302); is it right?"
    assert other.asked == []


async def test_an_endpoint_that_nobody_serves_is_worth_another_try():
    with pytest.raises(TokenTrouble) as caught:
        await grant("http://127.0.0.1:1/token").ask()

    assert caught.value.problem.startswith("CONNECTOR_KAFKA_OAUTH_TOKEN_URL cannot be reached (")
    assert not caught.value.is_final


async def test_the_certificate_of_the_endpoint_is_checked_against_ssl_cert_file(tmp_path, monkeypatch):
    authority = make_authority(tmp_path)
    async with Endpoint().running(server_context(authority.sign("localhost"))) as endpoint:
        with pytest.raises(TokenTrouble) as caught:
            await grant(endpoint.url).ask()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

        assert (await grant(endpoint.url).ask()).text == SECRET

    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.problem


async def test_settings_choose_between_a_function_and_an_endpoint():
    async with Endpoint(body={"access_token": "from-the-endpoint"}).running() as endpoint:
        settings = Settings(
            kafka_oauth_token_url=endpoint.url, kafka_oauth_client_id="a", kafka_oauth_client_secret="b"
        )

        assert await kafka_tokens(settings).token() == "from-the-endpoint"

    by_function = Settings(kafka_oauth_token_provider="tests.kafka.tokens:brief")
    text = await kafka_tokens(by_function).token()
    claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
    assert claims["exp"] == pytest.approx(time.time() + 3, abs=2)
