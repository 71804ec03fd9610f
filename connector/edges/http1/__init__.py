"""A slim HTTP/1.1 client for one kind of exchange: a small request, a status, seldom more."""

from connector.edges.http1.sender import Http1Sender

__all__ = ["Http1Sender"]
