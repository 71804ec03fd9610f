"""Who may act: the token, the session in a cookie, and the proof that a form came from one of our pages.

A session is a signed text, so that all processes with the same token know it and a restart ends none:

    expires.nonce.reveals.signature     signature = HMAC-SHA256(key of the token, the three before)

Everything secret is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

COOKIE: Final = "encharge_console"
LASTS_S: Final = 12 * 3600.0
_PURPOSE: Final = b"encharge-connector console "


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in; `reveals` is whether its owner wants personal data unmasked."""

    expires_at: int  # epoch seconds
    nonce: str
    reveals: bool = False


class Gatekeeper:
    """Knows the token; without one nobody can sign in."""

    def __init__(self, token: str | None) -> None:
        self.change(token)

    def change(self, token: str | None) -> None:
        """Take another token from now on; sessions that began with the one before end."""
        self._token = None if token is None else token.encode()
        self._key = hashlib.sha256(_PURPOSE + (self._token or b"")).digest()

    @property
    def has_token(self) -> bool:
        """Whether somebody can sign in at all."""
        return self._token is not None

    def is_token(self, text: str) -> bool:
        """Tell whether this is the token."""
        # Of both the digest: the time must not tell the length either.
        given, wanted = (hashlib.sha256(each).digest() for each in (_bytes(text), self._token or b""))
        return hmac.compare_digest(given, wanted) and self._token is not None

    def sign_in(self, now: float) -> Session:
        """Begin a session."""
        return Session(int(now + LASTS_S), secrets.token_urlsafe(18))

    def cookie_of(self, session: Session) -> str:
        """Write a session as the value of its cookie."""
        text = f"{session.expires_at}.{session.nonce}.{int(session.reveals)}"
        return f"{text}.{self._sign('session', text)}"

    def session_of(self, cookie: str, now: float) -> Session | None:
        """Read a cookie back; None for one that is not ours, or over."""
        text, _, signature = cookie.rpartition(".")
        if self._token is None or not _equal(self._sign("session", text), signature):
            return None
        expires_at, nonce, reveals = text.split(".")
        return Session(int(expires_at), nonce, reveals == "1") if now < int(expires_at) else None

    def proof_of(self, session: Session) -> str:
        """Give what a form of this session must bring along."""
        return self._sign("form", session.nonce)

    def is_proof(self, session: Session, text: str) -> bool:
        """Tell whether a form is one of this session."""
        return _equal(self.proof_of(session), text)

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, _bytes(f"{purpose} {text}"), "sha256").hexdigest()


def _equal(ours: str, given: str) -> bool:
    return hmac.compare_digest(_bytes(ours), _bytes(given))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # what comes over the wire may hold lone surrogates
