"""TLS of a client: who is trusted, and sessions that are resumed."""

from __future__ import annotations

import ssl


class ClientContext(ssl.SSLContext):
    """Verifies servers as the system does, offers HTTP/1.1, and resumes the last session with each host.

    asyncio has no argument for a session, but it makes its TLS objects here. A session saves a new connection
    the exchange and the check of certificates; a server that forgot it makes a full handshake.
    """

    _sessions: dict[str | None, ssl.SSLSession]

    @classmethod
    def of_system(cls) -> ClientContext:
        """Make a context that trusts what the system trusts, and SSL_CERT_FILE if that is set."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags = ssl.create_default_context().verify_flags
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        context._sessions = {}
        return context

    def keep_session(self, made: ssl.SSLObject) -> None:
        """Keep the session of a connection that was answered: TLS 1.3 sends it behind the handshake."""
        if made.session is not None:
            self._sessions[made.server_hostname] = made.session

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Make the TLS object of a connection, with the last session if there is one."""
        session = session or self._sessions.get(_text(server_hostname))
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def _text(host: str | bytes | None) -> str | None:
    return host.decode() if isinstance(host, bytes) else host
