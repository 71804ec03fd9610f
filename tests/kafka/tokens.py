"""Functions for CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER: tokens for Kafka's validator of unsigned ones."""

import base64
import json
import time


def unsigned(*, ends_in_s=3600):
    """Make a token without a signature, which only a broker for tests accepts; give it with its end."""
    now = int(time.time())  # the broker reads whole milliseconds, and refuses what comes from its future
    claims = {"sub": "connector", "iat": min(now, now + ends_in_s - 1), "exp": now + ends_in_s}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims)
    ]
    return ".".join([*parts, ""]), claims["exp"]


def lasting():
    return unsigned()[0]


async def brief():
    """Give one that the broker ends connections with after three seconds at most."""
    return unsigned(ends_in_s=3)


def ended():
    return unsigned(ends_in_s=-3600)[0]


def failing():
    raise RuntimeError("secret-of-the-provider")
