"""The proxy of these tests does what it says, in both directions and while it runs."""

import socket
import time
from contextlib import closing
from threading import Thread

import pytest

from tests.eventually import eventually
from tests.netfaults.proxy import Proxy


class Echo:
    """Sends back what it gets, and remembers it; `closes` ends each connection behind the first bytes."""

    def __init__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.got = []
        self.ends = 0
        self.closes = False
        Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            while data := _read(connection):
                self.got.append(data)
                connection.sendall(data)
                if self.closes:
                    break
        self.ends += 1


def _read(connection):
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


@pytest.fixture
def echo():
    with closing(Echo()) as echo:
        yield echo


@pytest.fixture
def proxy(echo):
    with Proxy("127.0.0.1", echo.port) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy):
    opened = []

    def connect():
        opened.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=10))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def read(connection, size):
    found = b""
    while len(found) < size:
        data = connection.recv(size - len(found))
        if not data:
            break
        found += data
    return found


def is_silent(connection, for_s=0.3):
    connection.settimeout(for_s)
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(10)


def test_bytes_go_through_both_ways(proxy, connect):
    connection = connect()
    sent = bytes(range(256)) * 4000

    Thread(target=connection.sendall, args=(sent,)).start()

    assert read(connection, len(sent)) == sent
    assert (proxy.accepted, proxy.connections, proxy.struck) == (1, 1, 0)
    eventually(lambda: proxy.up_bytes == proxy.down_bytes == len(sent), 5)


def test_latency_comes_twice_and_keeps_the_order(proxy, connect):
    proxy.set(latency_s=0.1, jitter_s=0.1)
    connection = connect()
    begun_s = time.monotonic()
    for number in range(20):
        connection.sendall(b"%d," % number)

    assert read(connection, 50) == b"".join(b"%d," % number for number in range(20))
    assert time.monotonic() - begun_s >= 0.2


def test_a_bandwidth_is_kept(proxy, connect):
    proxy.set(bytes_per_s=100_000)
    connection = connect()
    begun_s = time.monotonic()
    connection.sendall(b"x" * 30_000)

    assert len(read(connection, 30_000)) == 30_000
    assert time.monotonic() - begun_s >= 0.3


def test_a_blackhole_holds_bytes_and_gives_them_on_when_it_is_over(echo, proxy, connect):
    old = connect()
    old.sendall(b"1")
    assert read(old, 1) == b"1"
    proxy.set(mode="blackhole")
    new = connect()
    for connection in (old, new):
        connection.sendall(b"2")
    assert is_silent(old)
    assert is_silent(new)
    assert echo.got == [b"1"]

    proxy.heal()

    assert read(old, 1) == read(new, 1) == b"2"
    assert proxy.struck == 0


def test_what_was_given_up_in_a_blackhole_never_arrives(echo, proxy, connect):
    connection = connect()
    connection.sendall(b"1")
    assert read(connection, 1) == b"1"
    proxy.set(mode="blackhole")
    connection.sendall(b"2")
    connection.close()
    eventually(lambda: proxy.connections == 0, 5)
    proxy.heal()

    eventually(lambda: echo.ends == 1, 5)
    assert echo.got == [b"1"]
    assert proxy.struck == 1


@pytest.mark.parametrize(("direction", "arrives"), [("down", [b"1"]), ("up", []), ("both", [])])
def test_half_open_throws_bytes_away_and_resets_when_it_is_over(echo, proxy, connect, direction, arrives):
    proxy.set(mode="half-open", direction=direction)
    connection = connect()
    connection.sendall(b"1")
    assert is_silent(connection)
    assert echo.got == arrives

    proxy.heal()

    with pytest.raises(ConnectionResetError):
        connection.recv(1)
    eventually(lambda: proxy.struck == 1, 5)


@pytest.mark.parametrize("mode", ["half-open", "blackhole"])
def test_a_fault_of_old_connections_spares_new_ones(proxy, connect, mode):
    old = connect()
    old.sendall(b"1")
    assert read(old, 1) == b"1"
    proxy.set(mode=mode, only_old=True)
    new = connect()
    for connection in (old, new):
        connection.sendall(b"2")

    assert read(new, 1) == b"2"
    assert is_silent(old)


def test_refused_connections_are_refused_on_a_port_that_stays(proxy, connect):
    port = proxy.port
    old = connect()
    for _ in range(3):
        proxy.set(mode="refuse")
        with pytest.raises(ConnectionRefusedError):
            connect()
        proxy.heal()
        assert proxy.port == port
        new = connect()
        new.sendall(b"1")
        assert read(new, 1) == b"1"

    old.sendall(b"1")
    assert read(old, 1) == b"1"


def test_slow_is_byte_by_byte(proxy, connect):
    proxy.set(mode="slow", pause_s=0.05)
    connection = connect()
    begun_s = time.monotonic()
    connection.sendall(b"12345")

    assert connection.recv(10) == b"1"
    assert read(connection, 4) == b"2345"
    assert time.monotonic() - begun_s >= 0.25


def test_a_fault_ends_for_bytes_that_are_under_way(proxy, connect):
    proxy.set(mode="slow", pause_s=0.05)
    connection = connect()
    connection.sendall(b"x" * 10_000)
    assert connection.recv(10) == b"x"
    proxy.heal()

    assert len(read(connection, 9_999)) == 9_999


@pytest.mark.parametrize("size", [0, 3])
def test_an_answer_can_be_truncated(proxy, connect, size):
    proxy.set(end_after=size)
    connection = connect()
    connection.sendall(b"12345")

    assert read(connection, 5) == b"12345"[:size]
    eventually(lambda: (proxy.struck, proxy.connections) == (1, 0), 5)


@pytest.mark.parametrize("size", [0, 3])
def test_an_answer_can_be_cut(proxy, connect, size):
    proxy.set(cut_after=size)
    connection = connect()
    connection.sendall(b"12345")

    with pytest.raises(ConnectionResetError):
        read(connection, 5)
    eventually(lambda: (proxy.struck, proxy.connections) == (1, 0), 5)


def test_all_connections_can_be_cut_and_only_those_that_owe_an_answer_were_struck(echo, proxy, connect):
    idle, waiting = connect(), connect()
    idle.sendall(b"1")
    assert read(idle, 1) == b"1"
    proxy.set(mode="half-open", direction="down")
    waiting.sendall(b"1")
    eventually(lambda: len(echo.got) == 2, 5)
    proxy.cut_all()

    for connection in (idle, waiting):
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    eventually(lambda: (proxy.struck, proxy.connections) == (1, 0), 5)


def test_all_connections_can_be_ended_politely(proxy, connect):
    connection = connect()
    connection.sendall(b"1")
    assert read(connection, 1) == b"1"
    proxy.close_all()

    assert connection.recv(1) == b""
    assert proxy.struck == 0


@pytest.mark.parametrize(("passes_end", "stays"), [(True, False), (False, True)])
def test_the_end_of_the_target_s_connection_can_be_kept_back(echo, proxy, connect, passes_end, stays):
    echo.closes = True
    proxy.set(passes_end=passes_end)
    connection = connect()
    connection.sendall(b"1")
    assert read(connection, 1) == b"1"
    eventually(lambda: echo.ends == 1, 5)

    if stays:
        assert is_silent(connection)
        assert proxy.connections == 1
    else:
        assert connection.recv(1) == b""
        eventually(lambda: proxy.connections == 0, 5)


def test_a_target_that_is_not_there_resets(proxy, echo, connect):
    proxy.lead_to("127.0.0.1", 1)

    with pytest.raises(ConnectionResetError):
        connect().recv(1)  # the reset may be faster than the client notices that it connected


def test_nothing_stays_open_when_it_ends(echo, connect, proxy):
    with Proxy("127.0.0.1", echo.port) as another:
        connection = socket.create_connection(("127.0.0.1", another.port), timeout=10)
        connection.sendall(b"1")
        assert read(connection, 1) == b"1"

    with connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
    eventually(lambda: echo.ends == 1, 5)
