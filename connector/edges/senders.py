"""Which sender a worker uses."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from connector.core.request import Endpoints
from connector.edges.http1 import Http1Sender
from connector.edges.pyreqwest_sender import PyreqwestSender
from connector.errors import ConfigurationError, Problem
from connector.settings import Settings

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def make_sender(settings: Settings, endpoints: Endpoints) -> Http1Sender | PyreqwestSender:
    """Make the sender that the settings ask for; it opens connections when it has something to send.

    Raises: ConfigurationError when the environment asks for a proxy that the sender cannot use, or for none
        that anybody could use
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
            for url in proxied:
                _check_proxy(url)
            return PyreqwestSender(timeout_s=settings.request_timeout, max_connections=settings.max_in_flight)


def _check_proxy(url: str) -> None:
    """Refuse an address that the library would pass over without a word, and connect directly."""
    scheme = urlsplit(url).scheme
    proxies = getproxies()
    name = scheme if scheme in proxies else "all"
    proxy = proxies[name]
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:  # the address itself may hold a password
        message = f"is no address of a proxy ({', '.join(_PROXY_SCHEMES)}://host:port)"
        raise ConfigurationError(Problem(message, path=f"{name.upper()}_PROXY"))


def _is_proxied(url: str) -> bool:
    parts = urlsplit(url)
    proxies = getproxies()
    if parts.scheme not in proxies and "all" not in proxies:
        return False
    return not proxy_bypass(parts.hostname or "")
