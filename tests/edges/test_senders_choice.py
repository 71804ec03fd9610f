"""Which sender a worker uses."""

import pytest

from connector.core.request import Endpoints
from connector.edges.http1 import Http1Sender
from connector.edges.pyreqwest_sender import PyreqwestSender
from connector.edges.senders import make_sender
from connector.errors import ConfigurationError
from connector.settings import Settings

ENDPOINTS = Endpoints("key")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def chosen(**environment):
    return make_sender(Settings.from_environment(environment), ENDPOINTS)


def test_our_own_sender_is_the_usual_one():
    assert isinstance(chosen(), Http1Sender)


def test_the_library_can_be_chosen():
    assert isinstance(chosen(CONNECTOR_HTTP_SENDER="pyreqwest"), PyreqwestSender)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_needs_the_library(monkeypatch, name):
    monkeypatch.setenv(name, "http://proxy.example:3128")

    assert isinstance(chosen(), PyreqwestSender)


@pytest.mark.parametrize("name", ["http_proxy", "NO_PROXY"])
def test_a_proxy_for_others_does_not_count(monkeypatch, name):
    monkeypatch.setenv(name, "ingest.encharge.io,api.encharge.io")
    if name == "NO_PROXY":
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert isinstance(chosen(), Http1Sender)


def test_our_own_sender_with_a_proxy_is_refused(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    with pytest.raises(ConfigurationError, match=r"CONNECTOR_HTTP_SENDER.*NO_PROXY"):
        chosen(CONNECTOR_HTTP_SENDER="http1")


@pytest.mark.parametrize(
    "address", ["ftp://proxy.example", "http://", "http://user:hidden@", "http://proxy.example:none", "://"]
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_an_address_of_no_proxy_is_refused_without_being_told(monkeypatch, name, address):
    monkeypatch.setenv(name, address)

    with pytest.raises(ConfigurationError, match=f"{name}: is no address of a proxy") as refused:
        chosen()

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("address", ["proxy.example:3128", "https://proxy.example", "socks5://[::1]:1080"])
def test_addresses_of_proxies_are_taken(monkeypatch, address):
    monkeypatch.setenv("HTTPS_PROXY", address)

    assert isinstance(chosen(), PyreqwestSender)
