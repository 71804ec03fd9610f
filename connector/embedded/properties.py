"""The broker's server.properties: one node that is broker and controller, for tests and demos."""

from __future__ import annotations

from collections.abc import Mapping

CLIENT_LISTENER = "PLAINTEXT"
CONTROLLER_LISTENER = "CONTROLLER"
CONTROLLER_HOST = "127.0.0.1"
DATA = "data"  # below the working directory

_DEFAULTS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "log.dirs": DATA,  # relative: in an absolute path a comma would separate
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After SIGKILL the controller admits the new broker when the session of the old one has run out: a
    # restart takes 11.6 s with Kafka's 9000, 4 s with 2000. A heartbeat is given up when the controller,
    # which writes to disk meanwhile, takes half its interval; 200 would start no faster and fail sooner.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # Kafka's 128 MB are allocated and zeroed at start: 318 MB resident with them, 196 MB with 8.
    "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
    "log.cleaner.backoff.ms": "1000",  # a compacted topic is compacted while a test looks
}


def server_properties(
    host: str,
    ports: Mapping[str, int],
    controller_port: int,
    protocols: Mapping[str, str],
    overrides: Mapping[str, str],
) -> str:
    """Return the file's text; `ports` and `protocols` are keyed by listener, overrides win over everything.

    The controller's quorum is static: its port may be another one at the next start on the same data.
    """
    controller = f"{CONTROLLER_HOST}:{controller_port}"
    listeners = [f"{name}://{host}:{port}" for name, port in ports.items()]
    names = {**protocols, CONTROLLER_LISTENER: "PLAINTEXT"}
    values = {
        **_DEFAULTS,
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": CONTROLLER_LISTENER,
        "inter.broker.listener.name": CLIENT_LISTENER,
        "listeners": ",".join([*listeners, f"{CONTROLLER_LISTENER}://{controller}"]),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in names.items()),
        **overrides,
    }
    return "".join(f"{key}={_escape(value)}\n" for key, value in values.items())


def _escape(value: str) -> str:
    r"""Write a value so that java.util.Properties reads it back: it takes Latin-1 and \uXXXX only.

    Source: https://docs.oracle.com/en/java/javase/25/docs/api/java.base/java/util/Properties.html
    """
    value = value.replace("\\", r"\\").replace("\n", r"\n").replace("\r", r"\r")
    value = "".join(char if char.isascii() else _utf16(char) for char in value)
    return "\\" + value if value.startswith(" ") else value


def _utf16(char: str) -> str:
    return "".join(rf"\u{unit}" for unit in char.encode("utf-16-be").hex(" ", 2).split())
