"""Encharge: keys, the address that takes events, and whether its clock and ours agree."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from connector.cli.checks.finding import Finding
from connector.errors import ConfigurationError, ConnectorError
from connector.settings import Settings

CONNECT_TIMEOUT_S = 10.0
MOST_SKEW_S = 60.0  # ages, retry times and suppressions are compared across machines

_KEY = "CONNECTOR_ENCHARGE_API_KEY"
_WRITE_KEY = "CONNECTOR_ENCHARGE_WRITE_KEY"


async def encharge_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Try the key, and the way to the address that takes events. No event is sent."""
    from connector.core.request import Endpoints, checked_key  # noqa: PLC0415
    from connector.edges.encharge_api import EnchargeApi  # noqa: PLC0415

    if settings.encharge_write_key is not None:
        try:  # no request tries this key, so that it can be sent is all there is to check
            checked_key(settings.encharge_write_key, setting=_WRITE_KEY)
        except ConfigurationError as error:
            yield Finding("encharge", "write key", ok=False, seen=str(error))
        else:
            yield Finding("encharge", "write key", ok=True, seen="set; only an event could try it")
    if settings.encharge_api_key is None:
        seen = f"{_KEY} (or …_FILE) is not set"
        yield Finding(
            "encharge", "credentials", ok=False, seen=seen, fix="`encharge-connector init` asks for it"
        )
    else:
        endpoints = Endpoints(settings.encharge_api_key, api_url=settings.encharge_api_url)
        async with EnchargeApi(endpoints) as api:
            try:
                credentials = await api.test_credentials()
            except ConnectorError as error:
                fix = "is CONNECTOR_ENCHARGE_API_URL right, and does a firewall or proxy let us through?"
                shown = "" if isinstance(error, ConfigurationError) else fix
                yield Finding("encharge", "credentials", ok=False, seen=str(error), fix=shown)
            else:
                seen = f"{settings.encharge_api_url} answers {credentials.answer}"
                fix = "" if credentials.valid else f"set {_KEY} to a key of the Account page, API keys"
                yield Finding("encharge", "credentials", ok=credentials.valid, seen=seen, fix=fix)
                if credentials.server_time is not None:
                    yield _clock(time.time() - credentials.server_time)
    yield await _ingest(settings.encharge_ingest_url)


def _clock(ahead_s: float) -> Finding:
    seen = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} Encharge's"
    if abs(ahead_s) > MOST_SKEW_S:
        return Finding("machine", "clock", ok=False, seen=seen, fix="let it be set by NTP")
    return Finding("machine", "clock", ok=True, seen=f"within {MOST_SKEW_S:.0f} s of Encharge's")


async def _ingest(url: str) -> Finding:
    """Connect to the address that takes events, with TLS where it has it, and send nothing."""
    what = "ingest address"
    if _is_proxied(url):
        return Finding(
            "encharge", what, ok=True, seen=f"{url} is reached through a proxy, which was not tried"
        )
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    fix = "is CONNECTOR_ENCHARGE_INGEST_URL right, and does a firewall let us through?"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            context = ssl.create_default_context() if is_tls else None
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
            writer.close()
    except ssl.SSLError as error:
        seen = f"{url} cannot be trusted ({error.reason or type(error).__name__})"
        fix = "a proxy that opens TLS? SSL_CERT_FILE names the certificates to trust"
        return Finding("encharge", what, ok=False, seen=seen, fix=fix)
    except OSError as error:  # TimeoutError is one
        seen = f"{url} cannot be reached ({error.strerror or type(error).__name__})"
        return Finding("encharge", what, ok=False, seen=seen, fix=fix)
    return Finding("encharge", what, ok=True, seen=f"{url} can be reached")


def _is_proxied(url: str) -> bool:
    parts, proxies = urlsplit(url), getproxies()
    has_proxy = parts.scheme in proxies or "all" in proxies
    return has_proxy and not proxy_bypass(parts.hostname or "")
