"""What networks and servers do to a request, and what must come of it: the table that docs/delivery.md shows."""

from typing import NamedTuple

from tests.netfaults import hostile
from tests.netfaults.hostile import always, bomb, endless

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CONTENT = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b"


class Fault(NamedTuple):
    """A fault and what comes of it.

    row      of the page, by its first cell
    serve    what the server does
    found    the class that the senders give, by the page: a code, or a trouble on the wire
    asked    what becomes of a question to the REST API: "answer", or the kind of the failure
    lasts    whether it takes the whole timeout, for any of them
    library  the class that pyreqwest gives where it is another one
    floods   whom the server can keep reading until the time is over; all others stop by themselves
    is_sound  it is good HTTP, and the connection may carry the next request
    """

    row: str
    serve: object
    found: str
    asked: str
    lasts: bool = False
    library: str | None = None
    floods: tuple[str, ...] = ()
    is_sound: bool = False


SILENCE = "no answer, or one that does not come to its end"
BROKEN = "the connection is lost before an answer"
NO_HTTP = "what comes is no HTTP"
BODY = "the head of an answer is whole, its body is not"
REDIRECT = "a redirect, also in a circle"
NO_CONNECTION = "no connection: refused, no route, cut or hanging in the handshake"
NO_NAME = "the name does not resolve"
NOT_TAKEN = "the request is not taken"
NO_TRUST = "no TLS, or a certificate that proves nothing"

FAULTS = {
    "silence": Fault(SILENCE, hostile.silence, "timeout", "TimeoutError", lasts=True),
    "a head byte by byte": Fault(
        SILENCE, endless(b"HTTP/1.1 200 OK\r\nX: ", b"y", pause_s=0.02), "timeout", "TimeoutError", lasts=True
    ),
    "a few 100 Continue": Fault(
        SILENCE,
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause_s=0.02),
        "timeout",
        "TimeoutError",
        lasts=True,
    ),
    "reset after the request": Fault(BROKEN, hostile.resets_after_request, "read", "FetchError"),
    "closed after the request": Fault(BROKEN, always(b"", ends=True), "read", "FetchError"),
    "head cut off": Fault(BROKEN, always(b"HTTP/1.1 200 OK\r\nContent-", ends=True), "read", "FetchError"),
    "another protocol": Fault(
        NO_HTTP, always(b"220 mail.example.com ESMTP\r\n\r\n"), "protocol", "FetchError"
    ),
    "bytes of chance": Fault(NO_HTTP, always(bytes(range(256)) * 8), "protocol", "FetchError"),
    "endless headers": Fault(
        NO_HTTP, endless(b"HTTP/1.1 200 OK\r\n", b"X-Junk: 0123456789\r\n" * 1000), "protocol", "FetchError"
    ),
    "an endless header": Fault(
        NO_HTTP, endless(b"HTTP/1.1 200 OK\r\nX-Junk: ", hostile.PIECE), "protocol", "FetchError"
    ),
    "a flood of 100 Continue": Fault(
        NO_HTTP,
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        "protocol",
        "TimeoutError",
        lasts=True,
        library="timeout",
        floods=("pyreqwest", "api"),
    ),
    "two lengths": Fault(
        NO_HTTP,
        always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}x"),
        "protocol",
        "FetchError",
    ),
    "a length that is no number": Fault(
        NO_HTTP, always(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"), "protocol", "FetchError"
    ),
    "another protocol is agreed on": Fault(
        NO_HTTP,
        always(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        "protocol",
        "FetchError",
    ),
    "success, body cut off": Fault(
        BODY, always(CONTENT % (200, 9, b"{}"), ends=True), "delivered", "FetchError"
    ),
    "success, body never whole": Fault(
        BODY, always(CONTENT % (200, 9, b"{}")), "delivered", "TimeoutError", lasts=True
    ),
    "success, body too long": Fault(BODY, always(CONTENT % (200, 2, b"{}xxx")), "delivered", "answer"),
    "success, endless": Fault(
        BODY, endless(b"HTTP/1.1 200 OK\r\n\r\n", hostile.PIECE), "delivered", "FetchError"
    ),
    "success, endless chunks": Fault(
        BODY,
        endless(b"HTTP/1.1 200 OK\r\n" + CHUNKED, b"100000\r\n" + 16 * hostile.PIECE + b"\r\n"),
        "delivered",
        "FetchError",
    ),
    "success, gzip bomb": Fault(BODY, always(bomb(200)), "delivered", "answer", is_sound=True),
    "success, chunk of no size": Fault(
        BODY, always(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"zz\r\n{}\r\n"), "delivered", "FetchError"
    ),
    "success, chunk beyond all sizes": Fault(
        BODY, always(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"f" * 40 + b"\r\n{}\r\n"), "delivered", "FetchError"
    ),
    "success, endless extension of a chunk": Fault(
        BODY, endless(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"1;", hostile.PIECE), "delivered", "FetchError"
    ),
    "success, endless trailers": Fault(
        BODY,
        endless(b"HTTP/1.1 200 OK\r\n" + CHUNKED + b"0\r\n", b"X-Junk: 0123456789\r\n" * 1000),
        "delivered",
        "FetchError",
    ),
    "refusal, body cut off": Fault(
        BODY, always(CONTENT % (400, 9, b"{}"), ends=True), "rejected", "FetchError"
    ),
    "refusal, endless": Fault(
        BODY, endless(b"HTTP/1.1 400 X\r\n\r\n", hostile.PIECE), "rejected", "FetchError"
    ),
    "refusal, byte by byte": Fault(
        BODY, endless(b"HTTP/1.1 400 X\r\n\r\n", b"y", pause_s=0.02), "rejected", "TimeoutError", lasts=True
    ),
    "refusal, gzip bomb": Fault(BODY, always(bomb(400)), "rejected", "HTTPError", is_sound=True),
    "failure, endless": Fault(
        BODY, endless(b"HTTP/1.1 500 X\r\n\r\n", hostile.PIECE), "transient", "FetchError"
    ),
    "answer to a request that is not whole": Fault(
        BODY, hostile.answers_at_the_first_byte, "rejected", "HTTPError"
    ),
    "redirects in a circle": Fault(
        REDIRECT, hostile.redirects_in_a_circle, "rejected", "FetchError", is_sound=True
    ),
}
