"""Settings from the environment: what is taken, what is refused, and in which words."""

import pytest

from connector.errors import ConfigurationError
from connector.settings import Settings


def read(**environment):
    return Settings.from_environment(environment)


def problems(**environment):
    with pytest.raises(ConfigurationError) as caught:
        read(**environment)
    return [str(problem) for problem in caught.value.problems]


def test_an_empty_environment_gives_the_documented_defaults():
    settings = read()

    assert settings.kafka_bootstrap_servers == "localhost:9092"
    assert (settings.source_topic, settings.by_user_topic) == ("segment.events", "segment.events.by-user")
    assert settings.dead_letter_topic == "encharge.dead-letter"
    assert settings.ingest_group == "encharge-connector.ingest"
    assert settings.deliver_group("production") == "encharge-connector.deliver.production"
    assert (settings.max_in_flight, settings.max_buffered_records) == (256, 4000)
    assert settings.retry_window == 4 * 3600
    assert settings.commit_interval == 1
    assert (settings.web_host, settings.web_port) == ("127.0.0.1", 6066)
    assert settings.encharge_ingest_url == "https://ingest.encharge.io/v1"


def test_other_variables_are_not_ours():
    assert read(PATH="/bin", KAFKA_HEAP="x") == read()


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("90", 90.0), ("30s", 30.0), ("15m", 900.0), ("4h", 14400.0), ("2d", 172800.0)]
)  # fmt: skip
def test_durations_have_units(text, seconds):
    assert read(CONNECTOR_RETRY_WINDOW=text).retry_window == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("1048576", 1048576), ("512KiB", 524288), ("64MiB", 67108864), ("1MB", 1000000)]
)
def test_sizes_have_units(text, size):
    assert read(CONNECTOR_MAX_BUFFERED_BYTES=text).max_buffered_bytes == size


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CONNECTOR_RETRY_WINDOW", "4 fortnights", "is no duration; write e.g. 500ms, 30s, 15m or 4h"),
        ("CONNECTOR_MAX_IN_FLIGHT", "many", "is no whole number"),
        ("CONNECTOR_MAX_IN_FLIGHT", "0", "must be from 1 to 10000"),
        ("CONNECTOR_MAX_BUFFERED_BYTES", "big", "is no size"),
        ("CONNECTOR_PARTITIONING", "random", "must be one of repartition, source"),
        ("CONNECTOR_SOURCE_TOPIC", "a topic", "is no topic name"),
        ("CONNECTOR_KAFKA_BOOTSTRAP_SERVERS", "kafka", "is not host:port"),
        ("CONNECTOR_KAFKA_BOOTSTRAP_SERVERS", "kafka:port", "is not host:port"),
        ("CONNECTOR_ENCHARGE_API_URL", "api.encharge.io", "is no address"),
        ("CONNECTOR_GROUP_ID", " ", "is blank"),
        ("CONNECTOR_SESSION_TIMEOUT", "10ms", "must be at least 1s"),
        ("CONNECTOR_DRAIN_TIMEOUT", "5m", "at most 20s"),
        ("CONNECTOR_CONSOLE_TOKEN", "guess-me", "has 8 characters; at least 16"),
        ("CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER", "company.kafka", "is not module:function"),
        ("CONNECTOR_KAFKA_OAUTH_TOKEN_PROVIDER", "company/kafka.py:token", "is not module:function"),
        ("CONNECTOR_KAFKA_OAUTH_TOKEN_URL", "login.example.com/token", "is no address"),
        ("CONNECTOR_KAFKA_OAUTH_TOKEN_URL", "https://me:secret@login.example.com/token", "is no address"),
        ("CONNECTOR_KAFKA_OAUTH_EXTENSIONS", "logicalCluster", "is not name=value[,name=value]"),
        ("CONNECTOR_KAFKA_OAUTH_EXTENSIONS", "auth=Bearer", "must not have auth"),
    ],
)
def test_a_malformed_value_is_one_line_naming_setting_problem_and_fix(variable, value, words):
    [line] = problems(**{variable: value})

    assert line.startswith(f"{variable}: ")
    assert words in line
    assert "\n" not in line


def test_an_unknown_setting_is_refused_with_the_one_that_was_meant():
    assert problems(CONNECTOR_ENCHARGE_APIKEY="x") == [
        "CONNECTOR_ENCHARGE_APIKEY: is no setting; did you mean CONNECTOR_ENCHARGE_API_KEY?"
    ]


def test_all_problems_are_told_at_once():
    assert len(problems(CONNECTOR_NONSENSE="1", CONNECTOR_RETRY_WINDOW="x", CONNECTOR_WEB_PORT="-1")) == 3


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({"CONNECTOR_KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "CONNECTOR_KAFKA_SECURITY_PROTOCOL"),
        ({"CONNECTOR_KAFKA_SASL_USERNAME": "me"}, "CONNECTOR_KAFKA_SASL_USERNAME"),
        ({"CONNECTOR_SOURCE_TOPIC": "a", "CONNECTOR_DEAD_LETTER_TOPIC": "a"}, "CONNECTOR_SOURCE_TOPIC"),
    ],
)
def test_contradicting_settings_are_refused(environment, setting):
    assert [line.split(":")[0] for line in problems(**environment)] == [setting]


TOKENS = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "OAUTHBEARER"}
FUNCTION = {"OAUTH_TOKEN_PROVIDER": "company.kafka:token"}
GRANT = {
    "OAUTH_TOKEN_URL": "https://login.example.com/token/?tenant=1",
    "OAUTH_CLIENT_ID": "connector",
    "OAUTH_CLIENT_SECRET": "s3cret",
}
PASSWORD = {"SASL_USERNAME": "me", "SASL_PASSWORD": "secret"}


def kafka(**settings):
    return {f"CONNECTOR_KAFKA_{name}": value for name, value in settings.items()}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(TOKENS | FUNCTION, id="tokens of a function"),
        pytest.param(TOKENS | GRANT | {"OAUTH_SCOPE": "kafka"}, id="tokens of an endpoint"),
        pytest.param(TOKENS | FUNCTION | {"OAUTH_EXTENSIONS": "logicalCluster=lkc-1"}, id="tokens and more"),
        pytest.param({"SECURITY_PROTOCOL": "SASL_SSL", "SASL_MECHANISM": "SCRAM-SHA-512"} | PASSWORD, id="password"),
    ],
)  # fmt: skip
def test_a_login_that_is_complete_is_taken(settings):
    found = read(**kafka(**settings))

    assert found.kafka_oauth_token_url == settings.get("OAUTH_TOKEN_URL")


@pytest.mark.parametrize(
    ("settings", "setting", "words"),
    [
        pytest.param({"SECURITY_PROTOCOL": "SASL_SSL"}, "SECURITY_PROTOCOL", "needs a user and a password", id="no password"),
        pytest.param(TOKENS, "SASL_MECHANISM", "where tokens come from", id="no source"),
        pytest.param(TOKENS | FUNCTION | GRANT, "OAUTH_TOKEN_PROVIDER", "tokens come from one of them", id="two sources"),
        pytest.param(TOKENS | FUNCTION | {"OAUTH_SCOPE": "kafka"}, "OAUTH_TOKEN_PROVIDER", "tokens come from one", id="a scope for a function"),
        pytest.param(TOKENS | {"OAUTH_TOKEN_URL": "https://a/b"}, "OAUTH_TOKEN_URL", "needs a client", id="no client"),
        pytest.param(TOKENS | GRANT | {"SASL_PASSWORD": "x"}, "SASL_PASSWORD", "logs in with a token", id="tokens and a password"),
        pytest.param({"SECURITY_PROTOCOL": "SASL_SSL"} | PASSWORD | FUNCTION, "OAUTH_TOKEN_PROVIDER", "PLAIN takes no token", id="a password and tokens"),
        pytest.param({"SECURITY_PROTOCOL": "SSL"} | FUNCTION, "OAUTH_TOKEN_PROVIDER", "SSL does not log in", id="no login"),
    ],
)  # fmt: skip
def test_a_login_that_contradicts_itself_is_refused(settings, setting, words):
    [line] = problems(**kafka(**settings))

    assert line.startswith(f"CONNECTOR_KAFKA_{setting}: ")
    assert words in line


def test_a_certificate_needs_its_key_and_tls(tmp_path):
    certificate = tmp_path / "cert.pem"
    certificate.write_text("x")

    lines = problems(CONNECTOR_KAFKA_SSL_CERT_FILE=str(certificate))

    assert [line.split(":")[0] for line in lines] == [
        "CONNECTOR_KAFKA_SECURITY_PROTOCOL",
        "CONNECTOR_KAFKA_SSL_CERT_FILE",
    ]


def test_a_secret_may_come_from_a_file_without_its_line_break(tmp_path):
    file = tmp_path / "key"
    file.write_text("s3cret\n")

    assert read(CONNECTOR_ENCHARGE_API_KEY_FILE=str(file)).encharge_api_key == "s3cret"


def test_a_secret_is_given_once(tmp_path):
    file = tmp_path / "key"
    file.write_text("s3cret")

    [line] = problems(CONNECTOR_ENCHARGE_API_KEY_FILE=str(file), CONNECTOR_ENCHARGE_API_KEY="other")

    assert "is set along with CONNECTOR_ENCHARGE_API_KEY; keep one of them" in line


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_file_that_gives_no_secret_is_told_by_name_only(tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    [line] = problems(CONNECTOR_ENCHARGE_API_KEY_FILE=str(file))

    assert str(file) in line
    assert "\\xff" not in line


def test_a_blank_secret_is_refused_without_showing_it():
    [line] = problems(CONNECTOR_KAFKA_SASL_PASSWORD="   ")

    assert line == "CONNECTOR_KAFKA_SASL_PASSWORD: is blank; leave it out or give it a value"
