"""Which sender a worker uses."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from connector.core.request import Endpoints
from connector.edges.http1 import Http1Sender
from connector.edges.pyreqwest_sender import PyreqwestSender
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings


def make_sender(settings: Settings, endpoints: Endpoints) -> Http1Sender | PyreqwestSender:
    """Make the sender that the settings ask for; it opens connections when it has something to send.

    Raises: ConfigurationError when the environment asks for a proxy that the sender cannot use
    """
    proxied = [url for url in (endpoints.ingest_url, endpoints.api_url) if _is_proxied(url)]
    match settings.http_sender:
        case "http1" if proxied:
            message = (
                f"http1 knows no proxies, and the environment has one for {proxied[0]}; use auto or"
                " pyreqwest, or except the host by NO_PROXY"
            )
            raise ConfigurationError(Problem(message, path="CONNECTOR_HTTP_SENDER"))
        case "auto" if not proxied:
            return Http1Sender(timeout_s=settings.request_timeout)
        case "http1":
            return Http1Sender(timeout_s=settings.request_timeout)
        case _:
            return PyreqwestSender(timeout_s=settings.request_timeout, max_connections=settings.max_in_flight)


def _is_proxied(url: str) -> bool:
    parts = urlsplit(url)
    proxies = getproxies()
    if parts.scheme not in proxies and "all" not in proxies:
        return False
    return not proxy_bypass(parts.hostname or "")
