"""Sessions of the console: what is taken for one, and what is not."""

import inspect

import pytest

from connector.edges.console import session as module
from connector.edges.console.session import LASTS_S, Gatekeeper, Session

TOKEN = "correct horse battery staple"


@pytest.fixture
def gatekeeper():
    return Gatekeeper(TOKEN)


def test_the_token_alone_is_the_token(gatekeeper):
    assert gatekeeper.is_token(TOKEN)
    assert not any(map(gatekeeper.is_token, ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é雪", "\udcff")))


def test_without_a_token_nobody_signs_in():
    nobody = Gatekeeper(None)

    assert not nobody.has_token
    assert not nobody.is_token("")
    assert nobody.session_of(nobody.cookie_of(nobody.sign_in(0.0)), 1.0) is None


def test_a_session_is_read_back_until_it_is_over(gatekeeper):
    session = gatekeeper.sign_in(1000.0)
    cookie = gatekeeper.cookie_of(session)

    assert gatekeeper.session_of(cookie, 1000.0 + LASTS_S - 1) == session
    assert gatekeeper.session_of(cookie, 1000.0 + LASTS_S) is None


def test_a_session_holds_after_a_restart_and_in_other_processes(gatekeeper):
    cookie = gatekeeper.cookie_of(gatekeeper.sign_in(0.0))

    assert Gatekeeper(TOKEN).session_of(cookie, 1.0) is not None


def test_a_new_token_ends_all_sessions(gatekeeper):
    cookie = gatekeeper.cookie_of(gatekeeper.sign_in(0.0))

    assert Gatekeeper("another token").session_of(cookie, 1.0) is None


@pytest.mark.parametrize("position", range(4), ids=["expiry", "nonce", "reveals", "signature"])
def test_a_changed_cookie_is_none(gatekeeper, position):
    parts = gatekeeper.cookie_of(gatekeeper.sign_in(0.0)).split(".")
    parts[position] = "9" + parts[position][1:] if parts[position][0] != "9" else "8" + parts[position][1:]

    assert gatekeeper.session_of(".".join(parts), 1.0) is None


@pytest.mark.parametrize("cookie", ["", ".", "...", "a.b.c.d", "\udcff.x.0.y", "9" * 5000])
def test_what_is_no_cookie_of_ours_is_none(gatekeeper, cookie):
    assert gatekeeper.session_of(cookie, 1.0) is None


def test_a_proof_belongs_to_one_session(gatekeeper):
    ours, other = gatekeeper.sign_in(0.0), gatekeeper.sign_in(0.0)

    assert gatekeeper.is_proof(ours, gatekeeper.proof_of(ours))
    assert not gatekeeper.is_proof(other, gatekeeper.proof_of(ours))
    assert not gatekeeper.is_proof(ours, "")


def test_the_signature_of_a_session_is_no_proof(gatekeeper):
    session = gatekeeper.sign_in(0.0)

    assert not gatekeeper.is_proof(session, gatekeeper.cookie_of(session).rpartition(".")[2])


def test_revealing_is_part_of_what_is_signed(gatekeeper):
    session = Session(2_000_000_000, "n", reveals=True)

    assert gatekeeper.session_of(gatekeeper.cookie_of(session), 1.0) == session


def test_secrets_are_compared_in_constant_time_only():
    text = inspect.getsource(module)

    assert "compare_digest" in text
    assert not any(f"{name} ==" in text or f"== {name}" in text for name in ("token", "signature", "given"))
