"""Every setting: its name, default, unit and reason, read once from the environment.

The name of a setting is `CONNECTOR_` and the field's name in capitals. A secret may be given as a file
instead: `CONNECTOR_ENCHARGE_API_KEY_FILE` holds the path of a file that holds the key. Or all of them lie in
one directory, CONNECTOR_SECRETS_DIRECTORY (connector.secret_files).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from connector.core.request import API_URL, INGEST_URL
from connector.errors import ConfigurationError, Problem
from connector.secret_files import DIRECTORY, PREFIX, FileSecret, mounted, possible_files, read_secret

SHORTEST_TOKEN: Final = 16  # characters of CONNECTOR_CONSOLE_TOKEN

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]+)\s*(B|KiB|MiB|GiB|kB|MB|GB)?")
_BYTES: Final = {
    "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "kB": 1000, "MB": 1000**2, "GB": 1000**3,
}  # fmt: skip
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")

Parser = Callable[[str], Any]


def setting(default: str | None, parse: Parser, help: str, *, secret: bool = False) -> Any:  # noqa: A002
    """Declare one setting: its default as an operator would write it, and what it is, its unit and reason."""
    return field(
        default=None if default is None else parse(default),
        metadata={"default": default, "parse": parse, "help": help, "secret": secret},
    )


def text(value: str) -> str:
    """Take any text that is not blank."""
    if not value.strip():
        raise ValueError("is blank; leave it out or give it a value")
    return value


def integer(least: int, most: int | None = None) -> Parser:
    """Take a whole number in a range."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]+", value.strip()):
            raise ValueError(f"{value!r} is no whole number")
        number = int(value)
        if number < least or (most is not None and number > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            raise ValueError(f"{number} is out of range; it must be {limits}")
        return number

    return parse


def rate(value: str) -> float:
    """Take a positive number."""
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None
    if not 0 < number < float("inf"):
        raise ValueError(f"{value!r} must be above 0")
    return number


def share(value: str) -> float:
    """Take a number from 0 to 1."""
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None
    if not 0 <= number <= 1:
        raise ValueError(f"{value!r} must be from 0 to 1")
    return number


def duration(least_s: float = 0.0) -> Parser:
    """Take 500ms, 30s, 15m, 4h, 2d or a number of seconds."""

    def parse(value: str) -> float:
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{value!r} is no duration; write e.g. 500ms, 30s, 15m or 4h")
        seconds = float(match[1]) * _SECONDS[match[2] or "s"]
        if seconds < least_s:
            raise ValueError(f"{value!r} is too short; it must be at least {least_s:g}s")
        return seconds

    return parse


def size(value: str) -> int:
    """Take 1048576, 512KiB, 64MiB, ..."""
    match = _SIZE.fullmatch(value.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{value!r} is no size; write e.g. 1048576, 512KiB or 64MiB")
    return int(match[1]) * _BYTES[match[2] or "B"]


def one_of(*choices: str) -> Parser:
    """Take one of a few words, in any case."""

    def parse(value: str) -> str:
        by_lower = {choice.lower(): choice for choice in choices}
        if value.strip().lower() not in by_lower:
            raise ValueError(f"{value!r} is not known; it must be one of {', '.join(choices)}")
        return by_lower[value.strip().lower()]

    return parse


def topic(value: str) -> str:
    """Take a name that Kafka allows for a topic."""
    if not _TOPIC.fullmatch(value) or value in (".", ".."):
        raise ValueError(f"{value!r} is no topic name; use letters, digits, '.', '_' and '-'")
    return value


def servers(value: str) -> str:
    """Take host:port[,host:port ...]."""
    for server in value.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{server.strip()!r} is not host:port; write e.g. kafka-1:9092,kafka-2:9092")
    return value.replace(" ", "")


def url(value: str) -> str:
    """Take an http or https address; a slash at its end is dropped."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{value!r} is no address; write e.g. https://api.encharge.io")
    return value.rstrip("/")


def endpoint(value: str) -> str:
    """Take an http or https address as it is, with whatever is at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment or parts.username:
        raise ValueError("is no address; write e.g. https://login.example.com/oauth2/token")
    return value


def function(value: str) -> str:
    """Take module:function, where the module may have dots."""
    module, colon, name = value.strip().partition(":")
    if not (colon and name.isidentifier() and all(map(str.isidentifier, module.split(".")))):
        raise ValueError(f"{value!r} is not module:function; write e.g. company.kafka:token")
    return value.strip()


def pairs(value: str) -> tuple[tuple[str, str], ...]:
    """Take name=value[,name=value ...]."""
    found = {}
    for pair in value.split(","):
        name, _, text = pair.strip().partition("=")
        if not re.fullmatch("[A-Za-z]+", name) or not re.fullmatch(r"[\x20-\x7e]+", text):
            raise ValueError("is not name=value[,name=value]; a name has letters only")
        if name == "auth":
            raise ValueError("must not have auth, under which the token is sent")
        found[name] = text
    return tuple(found.items())


def path(value: str) -> Path:
    """Take the path of a file."""
    return Path(text(value)).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a worker and of the commands, as the environment gives them."""

    kafka_bootstrap_servers: str = setting(
        "localhost:9092", servers, "Kafka brokers to start from: host:port, several separated by commas"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "PLAINTEXT", one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), "how to talk to the brokers"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = setting(
        "PLAIN",
        one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"),
        "how to log in, with the security protocols SASL_PLAINTEXT and SASL_SSL; see docs/kafka-security.md",
    )
    kafka_sasl_username: str | None = setting(None, text, "user to log in as")
    kafka_sasl_password: str | None = setting(None, text, "password of that user", secret=True)
    kafka_oauth_token_provider: str | None = setting(
        None, function, "function of yours that gives tokens for OAUTHBEARER: module:function"
    )
    kafka_oauth_token_url: str | None = setting(
        None, endpoint, "address that gives tokens for OAUTHBEARER, by the grant of client credentials"
    )
    kafka_oauth_client_id: str | None = setting(None, text, "client to ask for tokens as")
    kafka_oauth_client_secret: str | None = setting(None, text, "secret of that client", secret=True)
    kafka_oauth_scope: str | None = setting(None, text, "scope to ask for; the endpoint's own when left out")
    kafka_oauth_extensions: tuple[tuple[str, str], ...] | None = setting(
        None, pairs, "what some clusters want beside the token: name=value, several separated by commas"
    )
    kafka_ssl_ca_file: Path | None = setting(
        None, path, "certificates (PEM) to trust; the system's when left out"
    )
    kafka_ssl_cert_file: Path | None = setting(None, path, "our certificate (PEM), for mutual TLS")
    kafka_ssl_key_file: Path | None = setting(None, path, "the key (PEM) of our certificate")

    source_topic: str = setting("segment.events", topic, "topic with Segment events, keyed in any way")
    by_user_topic: str = setting(
        "segment.events.by-user", topic, "the connector's own topic, keyed by person"
    )
    dead_letter_topic: str = setting(
        "encharge.dead-letter", topic, "topic for records that are given up, with the reason in headers"
    )
    control_topic: str = setting(
        "encharge.control", topic, "compacted topic through which workers are paused and tell their state"
    )
    group_id: str = setting(
        "encharge-connector",
        text,
        "first part of the consumer groups: NAME.ingest and NAME.deliver.DESTINATION-ID",
    )
    partitioning: Literal["repartition", "source"] = setting(
        "repartition",
        one_of("repartition", "source"),
        "repartition: events go through the by-user topic; source: the source topic is keyed by person"
        " already and read directly",
    )
    unidentified: Literal["dead-letter", "deliver"] = setting(
        "dead-letter",
        one_of("dead-letter", "deliver"),
        "what happens to events that name nobody (no userId, anonymousId or email); Segment itself refuses"
        " them",
    )
    topic_replication: int | None = setting(
        None,
        integer(1, 100),
        "replicas of topics that `topics apply` creates; the broker's default when left out",
    )

    destination_file: Path = setting("destination.yaml", path, "the mappings")
    encharge_api_key: str | None = setting(
        None, text, "key of the Encharge account (Account page, API keys)", secret=True
    )
    encharge_write_key: str | None = setting(
        None, text, "another key for the ingest host, if the account has one", secret=True
    )
    encharge_ingest_url: str = setting(INGEST_URL, url, "address that takes events")
    encharge_api_url: str = setting(API_URL, url, "address of the REST API, without /v1")
    request_timeout: float = setting(
        "10s", duration(0.1), "time for one request in all; the reference's limit"
    )

    http_sender: Literal["auto", "http1", "pyreqwest"] = setting(
        "auto",
        one_of("auto", "http1", "pyreqwest"),
        "what makes the requests: http1, our own and cheapest; pyreqwest, a library that knows proxies and"
        " HTTP/2; auto: http1 unless HTTPS_PROXY or HTTP_PROXY names a proxy",
    )

    max_in_flight: int = setting(
        "256", integer(1, 10_000), "requests under way at once; see docs/capacity.md for how to size it"
    )
    max_requests_per_second: float | None = setting(
        None,
        rate,
        "requests a second for the whole account, over all workers; each takes the share of it that it has of"
        " the partitions. Below it the limiter finds its own pace from 429 and answer times",
    )
    max_buffered_records: int = setting(
        "4000", integer(1, 1_000_000), "records read but not settled; more makes no worker faster"
    )
    max_buffered_bytes: int = setting(
        "64MiB", size, "bytes of records read but not settled, so that memory stays flat"
    )
    max_record_bytes: int = setting(
        "1MiB", size, "largest record that is read as an event; Segment's own limit is 32 KiB an event"
    )
    max_lane_records: int = setting(
        "1000",
        integer(1, 1_000_000),
        "records of one person that are held; beyond it the person's partition is not read on, so that one"
        " busy person does not fill the buffer",
    )
    retry_window: float = setting(
        "4h",
        duration(),
        "age at which a failing request becomes a dead letter; time in which nothing could be sent does not"
        " count",
    )
    flood_run: int = setting(
        "200",
        integer(0),
        "dead letters in a row after which the destination pauses until somebody resumes it; 0: any number",
    )
    flood_share: float = setting(
        "0.2",
        share,
        "share of dead letters among the last 1000 requests beyond which it pauses likewise; 1: any share",
    )
    commit_interval: float = setting("1s", duration(0.05), "time between two commits of offsets")
    session_timeout: float = setting(
        "10s", duration(1.0), "time until the group takes over the partitions of a dead worker"
    )
    max_poll_interval: float = setting(
        "5m",
        duration(1.0),
        "time without a sign of life of the reader after which the group gives its partitions away",
    )
    stuck_after: float = setting(
        "5m",
        duration(1.0),
        "time without progress after which a partition that holds records counts as stuck: told in the log,"
        " in heartbeats and in connector_stuck_partitions",
    )
    drain_timeout: float = setting(
        "8s",
        duration(),
        "time for requests under way to finish at a stop or a rebalance; must stay well below the 30 s"
        " that the group waits for us",
    )

    web_host: str = setting(
        "127.0.0.1", text, "address of the console, /live, /ready, /status and /metrics; this machine's alone"
    )
    web_port: int = setting("6066", integer(0, 65535), "port of the same; 0 switches them off")
    console_token: str | None = setting(
        None,
        text,
        "token that allows to act in the console and to see personal data; without it the console is read"
        " only",
        secret=True,
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", one_of("debug", "info", "warning", "error"), "least important messages that are logged"
    )
    log_format: Literal["console", "json"] = setting(
        "console", one_of("console", "json"), "lines for people, or one JSON object a line"
    )
    tracing: Literal["off", "otlp"] = setting(
        "off",
        one_of("off", "otlp"),
        "otlp: spans of OpenTelemetry for every record, over HTTP to where OTEL_EXPORTER_OTLP_ENDPOINT says;"
        " needs the extra tracing, see docs/tracing.md",
    )
    secrets_directory: Path | None = setting(
        None,
        path,
        "directory whose files hold secrets, as Kubernetes, Docker and systemd mount them: encharge-api-key"
        " for CONNECTOR_ENCHARGE_API_KEY and so on; see docs/security.md",
    )
    core_dumps: Literal["off", "on"] = setting(
        "off",
        one_of("off", "on"),
        "on: a crash may leave a core dump where the system allows it; it holds people's data and secrets",
    )
    maven_url: str | None = setting(
        None, url, "repository to fetch the embedded Kafka from; Maven Central when left out"
    )

    @property
    def ingest_group(self) -> str:
        """Consumer group of the ingest stage."""
        return f"{self.group_id}.ingest"

    def deliver_group(self, destination_id: str) -> str:
        """Consumer group of the deliver stage of one destination."""
        return f"{self.group_id}.deliver.{destination_id}"

    @property
    def deliver_topic(self) -> str:
        """The topic that the deliver stage reads."""
        return self.source_topic if self.partitioning == "source" else self.by_user_topic

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings.

        Raises: ConfigurationError with one problem for each unknown, malformed or contradicting setting
        """
        known = {variable_of(each): each for each in fields(cls)}
        secret_files = {f"{name}_FILE": name for name, each in known.items() if each.metadata["secret"]}
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for variable in sorted(environment):
            if not variable.startswith(PREFIX):
                continue
            try:
                if variable in known:
                    found = known[variable]
                    values[found.name] = _parsed(found, environment[variable])
                elif variable in secret_files:
                    if secret_files[variable] in environment:
                        raise ValueError(f"is set along with {secret_files[variable]}; keep one of them")
                    found = known[secret_files[variable]]
                    values[found.name] = read_secret(Path(environment[variable]))
                else:
                    raise ValueError(_unknown(variable, (*known, *secret_files)))
            except ValueError as error:
                problems.append(Problem(str(error), path=variable))
        if (directory := values.get("secrets_directory")) is not None:
            given = {
                secret: variable
                for variable, secret in (*secret_files.items(), *((each, each) for each in known))
                if variable in environment
            }
            values |= _from_directory(directory, secret_files.values(), given, problems)
        settings = cls(**values)
        problems += _contradictions(settings)
        if problems:
            raise ConfigurationError(problems)
        return settings


def _from_directory(
    directory: Path, variables: Iterable[str], given: Mapping[str, str], problems: list[Problem]
) -> dict[str, FileSecret]:
    """Read the secrets of a directory; `given` are settings that are given elsewhere: by which variable."""
    found: dict[str, FileSecret] = {}
    try:
        holds = mounted(directory, variables)
    except ValueError as error:
        problems.append(Problem(str(error), path=DIRECTORY))
        return found
    for name in holds.strangers:
        problem = f"{directory / name}: {_unknown(name, variables, 'no secret setting')}"
        problems.append(Problem(problem, path=DIRECTORY))
    for variable, (file, *others) in holds.files.items():
        try:
            if variable in given:
                raise ValueError(f"{file} is there and {given[variable]} is set; keep one of them")
            if others:
                raise ValueError(f"{file} and {others[0]} hold the same setting; keep one of them")
            found[variable.removeprefix(PREFIX).lower()] = read_secret(file)
        except ValueError as error:
            problems.append(Problem(str(error), path=DIRECTORY))
    return found


def watched_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Give the files whose change a running worker notices: the destination's, and those that hold keys."""
    settings = Settings.from_environment(environment)
    return (settings.destination_file, *files_with(environment, "encharge_api_key", "encharge_write_key"))


def files_with(environment: Mapping[str, str], *names: str) -> Iterator[Path]:
    """Give the files that hold these secrets, fields of Settings, or would once they are there."""
    variables = [PREFIX + name.upper() for name in names]
    for variable in variables:
        if (file := environment.get(f"{variable}_FILE")) is not None:
            yield Path(file)
    if (directory := environment.get(DIRECTORY)) is not None:
        yield from possible_files(path(directory), variables)


def secret_files_of(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Give variable and file of every secret that was read from a file, and of the certificate's key."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, FileSecret):
            yield variable_of(each), value.file
    if settings.kafka_ssl_key_file is not None:
        yield f"{PREFIX}KAFKA_SSL_KEY_FILE", settings.kafka_ssl_key_file


def variable_of(each: Field[Any]) -> str:
    """Give the environment variable of a field of Settings."""
    return PREFIX + each.name.upper()


def default_of(each: Field[Any]) -> str | None:
    """Give the default of a field of Settings as an operator would write it, None for none."""
    default: str | None = each.metadata["default"]
    return default


def _parsed(found: Field[Any], value: str) -> Any:
    try:
        return found.metadata["parse"](value)
    except ValueError:
        if found.metadata["secret"]:
            raise ValueError("is blank; leave it out or give it a value") from None
        raise


def _unknown(variable: str, known: Iterable[str], what: str = "no setting") -> str:
    close = difflib.get_close_matches(variable, known, n=1, cutoff=0.75)
    hint = f"did you mean {close[0]}?" if close else "`encharge-connector settings` lists all"
    return f"is {what}; {hint}"


def _contradictions(settings: Settings) -> Iterable[Problem]:
    yield from _login_contradictions(settings)
    uses_ssl = settings.kafka_security_protocol.endswith("SSL")
    files = (settings.kafka_ssl_ca_file, settings.kafka_ssl_cert_file, settings.kafka_ssl_key_file)
    if any(files) and not uses_ssl:
        yield Problem(
            f"{settings.kafka_security_protocol} uses no TLS, but CONNECTOR_KAFKA_SSL_… files are given; set"
            " it to SSL or SASL_SSL",
            path="CONNECTOR_KAFKA_SECURITY_PROTOCOL",
        )
    if bool(settings.kafka_ssl_cert_file) != bool(settings.kafka_ssl_key_file):
        yield Problem(
            "a certificate and its key go together; set both or none of CONNECTOR_KAFKA_SSL_CERT_FILE and"
            " CONNECTOR_KAFKA_SSL_KEY_FILE",
            path="CONNECTOR_KAFKA_SSL_CERT_FILE",
        )
    for file in files:
        if file is not None and not file.is_file():
            yield Problem(f"{file} is no file", path="CONNECTOR_KAFKA_SSL_…_FILE")
    topics = (
        settings.source_topic, settings.by_user_topic, settings.dead_letter_topic, settings.control_topic,
    )  # fmt: skip
    if len(set(topics)) < len(topics):
        yield Problem(
            f"source, by-user, dead-letter and control topic must differ, they are {', '.join(topics)}",
            path="CONNECTOR_SOURCE_TOPIC",
        )
    token = settings.console_token
    if token is not None and len(token) < SHORTEST_TOKEN:
        yield Problem(
            f"has {len(token)} characters; at least {SHORTEST_TOKEN}, as who guesses it may send and see"
            " everything",
            path="CONNECTOR_CONSOLE_TOKEN",
        )
    if settings.drain_timeout > 20:
        yield Problem(
            f"is {settings.drain_timeout:g}s; at most 20s, as the group waits 30s for us at a rebalance",
            path="CONNECTOR_DRAIN_TIMEOUT",
        )


def _login_contradictions(settings: Settings) -> Iterable[Problem]:
    protocol, mechanism = settings.kafka_security_protocol, settings.kafka_sasl_mechanism
    has_password = bool(settings.kafka_sasl_username and settings.kafka_sasl_password)
    oauth = [
        variable_of(each)
        for each in fields(settings)
        if each.name.startswith("kafka_oauth_") and getattr(settings, each.name)
    ]
    if not protocol.startswith("SASL"):
        user = ["CONNECTOR_KAFKA_SASL_USERNAME"] if settings.kafka_sasl_username else []
        for given in user + oauth[:1]:
            yield Problem(
                f"is set, but {protocol} does not log in; set CONNECTOR_KAFKA_SECURITY_PROTOCOL to SASL_SSL"
                " or SASL_PLAINTEXT",
                path=given,
            )
    elif mechanism != "OAUTHBEARER":
        if not has_password:
            yield Problem(
                f"{protocol} with {mechanism} needs a user and a password; set CONNECTOR_KAFKA_SASL_USERNAME"
                " and CONNECTOR_KAFKA_SASL_PASSWORD",
                path="CONNECTOR_KAFKA_SECURITY_PROTOCOL",
            )
        if oauth:
            yield Problem(
                f"is set, but {mechanism} takes no token; set CONNECTOR_KAFKA_SASL_MECHANISM to OAUTHBEARER",
                path=oauth[0],
            )
    else:
        yield from _token_contradictions(settings)


def _token_contradictions(settings: Settings) -> Iterable[Problem]:
    provider, address = settings.kafka_oauth_token_provider, settings.kafka_oauth_token_url
    grant = (settings.kafka_oauth_client_id, settings.kafka_oauth_client_secret)
    for name in ("kafka_sasl_username", "kafka_sasl_password"):
        if getattr(settings, name):
            yield Problem(
                "is set, but OAUTHBEARER logs in with a token; leave it out", path=PREFIX + name.upper()
            )
    if provider is None and address is None:
        yield Problem(
            "OAUTHBEARER needs to know where tokens come from; set CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER or"
            " CONNECTOR_KAFKA_OAUTH_TOKEN_URL",
            path="CONNECTOR_KAFKA_SASL_MECHANISM",
        )
    elif provider is not None and (address or any(grant) or settings.kafka_oauth_scope):
        yield Problem(
            "is set along with CONNECTOR_KAFKA_OAUTH_TOKEN_URL or what belongs to it; tokens come from one of"
            " them",
            path="CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER",
        )
    elif address is not None and not all(grant):
        yield Problem(
            "needs a client; set CONNECTOR_KAFKA_OAUTH_CLIENT_ID and CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET",
            path="CONNECTOR_KAFKA_OAUTH_TOKEN_URL",
        )
