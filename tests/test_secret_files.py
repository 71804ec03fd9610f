"""Secrets in a directory, as Kubernetes, Docker and systemd mount them."""

import os

import pytest

from connector.errors import ConfigurationError
from connector.secret_files import who_else_can_read
from connector.settings import Settings, secret_files_of, watched_files

DIRECTORY = "CONNECTOR_SECRETS_DIRECTORY"


def read(**environment):
    return Settings.from_environment({name: str(value) for name, value in environment.items()})


def problems(**environment):
    with pytest.raises(ConfigurationError) as caught:
        read(**environment)
    return [str(problem) for problem in caught.value.problems]


@pytest.fixture
def secrets(tmp_path):
    directory = tmp_path / "secrets"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("name", ["encharge-api-key", "CONNECTOR_ENCHARGE_API_KEY"])
def test_a_file_is_named_like_its_setting(secrets, name):
    (secrets / name).write_text("the-key\n")

    settings = read(**{DIRECTORY: secrets})

    assert settings.encharge_api_key == "the-key"
    assert list(secret_files_of(settings)) == [("CONNECTOR_ENCHARGE_API_KEY", secrets / name)]


def test_every_secret_setting_can_lie_there(secrets):
    names = (
        "kafka-sasl-password",
        "kafka-oauth-client-secret",
        "encharge-api-key",
        "encharge-write-key",
        "console-token",
    )
    for name in names:
        (secrets / name).write_text(f"{name}-is-this")
    login = {"SECURITY_PROTOCOL": "SASL_SSL", "SASL_USERNAME": "me"}

    [problem] = problems(
        **{DIRECTORY: secrets}, **{f"CONNECTOR_KAFKA_{name}": value for name, value in login.items()}
    )

    assert problem.startswith("CONNECTOR_KAFKA_OAUTH_CLIENT_SECRET: is set, but PLAIN takes no token")
    (secrets / "kafka-oauth-client-secret").unlink()
    settings = read(
        **{DIRECTORY: secrets}, **{f"CONNECTOR_KAFKA_{name}": value for name, value in login.items()}
    )
    assert settings.kafka_sasl_password == "kafka-sasl-password-is-this"
    assert settings.console_token == "console-token-is-this"
    assert settings.encharge_write_key == "encharge-write-key-is-this"


def test_what_belongs_to_others_is_left_alone(secrets):
    for name in ("..2026_11_28", ".hidden", "tls.crt", "database-password", "encharge-api-key.bak"):
        (secrets / name).write_text("not ours")

    assert read(**{DIRECTORY: secrets}) == Settings(secrets_directory=secrets)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CONNECTOR_ENCHARGE_APIKEY", "is no secret setting; did you mean CONNECTOR_ENCHARGE_API_KEY?"),
        ("CONNECTOR_SOURCE_TOPIC", "is no secret setting"),
    ],
)
def test_a_name_that_only_ours_can_mean_is_refused_when_it_is_none(secrets, name, words):
    (secrets / name).write_text("x")

    [problem] = problems(**{DIRECTORY: secrets})

    assert problem.startswith(f"{DIRECTORY}: {secrets / name}: {words}")


@pytest.mark.parametrize("how", ["CONNECTOR_ENCHARGE_API_KEY", "CONNECTOR_ENCHARGE_API_KEY_FILE"])
def test_a_secret_that_is_given_twice_is_refused_by_the_names_of_both(secrets, how):
    file = secrets / "encharge-api-key"
    file.write_text("secret-of-the-file")

    assert problems(**{DIRECTORY: secrets, how: file}) == [
        f"{DIRECTORY}: {file} is there and {how} is set; keep one of them"
    ]


def test_two_files_of_one_setting_are_refused(secrets):
    (secrets / "encharge-api-key").write_text("one")
    (secrets / "CONNECTOR_ENCHARGE_API_KEY").write_text("two")

    [problem] = problems(**{DIRECTORY: secrets})

    assert "hold the same setting; keep one of them" in problem


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda file: file.write_text("\n"), "is empty", id="empty"),
        pytest.param(lambda file: file.write_bytes(b"\xff"), "not UTF-8", id="not UTF-8"),
        pytest.param(
            lambda file: file.mkdir(), "Is a directory", id="a directory, as Docker makes what is missing"
        ),
        pytest.param(
            lambda file: file.symlink_to("..data/gone"), "No such file", id="a link that leads nowhere"
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_not_shown(secrets, make, words):
    file = secrets / "encharge-api-key"
    make(file)

    [problem] = problems(**{DIRECTORY: secrets})

    assert problem.startswith(f"{DIRECTORY}: {file} ")
    assert words in problem


def test_a_directory_that_is_not_there_is_told(tmp_path):
    assert problems(**{DIRECTORY: tmp_path / "gone"}) == [
        f"{DIRECTORY}: {tmp_path / 'gone'} cannot be read: No such file or directory"
    ]


def test_a_worker_watches_the_keys_of_the_directory_also_those_that_may_come(secrets):
    (secrets / "encharge-api-key").write_text("the-key")

    watched = watched_files({DIRECTORY: str(secrets)})

    assert {secrets / "encharge-api-key", secrets / "encharge-write-key"} <= set(watched)
    assert not [file for file in watched if "password" in file.name]


@pytest.mark.parametrize(
    ("mode", "readers"),
    [
        (0o600, None),
        (0o400, None),
        (0o640, "its group (mode 0640)"),
        (0o644, "everybody on this machine (mode 0644)"),
        (0o604, "everybody on this machine (mode 0604)"),
    ],
)
def test_who_else_can_read_a_secret_is_told_by_its_mode(tmp_path, mode, readers):
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(mode)

    assert who_else_can_read(file) == readers


def test_the_group_of_a_volume_that_belongs_to_root_is_how_a_pod_reads_it(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text("x")
    file.chmod(0o440)
    if file.stat().st_uid != 0:
        pytest.skip("only root makes a file of root")
    assert who_else_can_read(file) == "its group (mode 0440)"

    monkeypatch.setattr(os, "geteuid", lambda: 10001)

    assert who_else_can_read(file) is None


def test_a_link_is_judged_by_what_it_leads_to(tmp_path):
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "key").write_text("x")
    (tmp_path / "..data" / "key").chmod(0o600)
    (tmp_path / "key").symlink_to("..data/key")

    assert who_else_can_read(tmp_path / "key") is None
    assert who_else_can_read(tmp_path / "gone") is None
