"""A secret that changes while a worker runs."""

import pytest
from aiokafka.conn import AIOKafkaConnection
from structlog.testing import capture_logs

from connector.edges.kafka import connection
from connector.edges.live_secret import LiveSecret
from connector.secret_files import read_secret
from connector.settings import Settings


def volume(directory, number, secret):
    """Make a version of a volume of Kubernetes and let `..data` lead to it, as the kubelet does: by a rename."""
    version = directory / f"..{number}"
    version.mkdir(parents=True)
    (version / "kafka-sasl-password").write_text(secret)
    link = directory / "..data_tmp"
    link.symlink_to(version.name)
    link.replace(directory / "..data")


@pytest.fixture
def file(tmp_path):
    volume(tmp_path, 1, "old-password")
    (tmp_path / "kafka-sasl-password").symlink_to("..data/kafka-sasl-password")
    return tmp_path / "kafka-sasl-password"


def test_a_secret_that_is_no_file_stays(tmp_path):
    secret = LiveSecret("fixed-secret", "CONNECTOR_X")

    assert (secret(), secret()) == ("fixed-secret", "fixed-secret")


def test_the_swap_of_a_mounted_volume_changes_it(file):
    secret = LiveSecret(read_secret(file), "CONNECTOR_X")
    before = secret()

    with capture_logs() as logged:
        volume(file.parent, 2, "new-password")
        after = secret()

    assert (before, after) == ("old-password", "new-password")
    assert [line["event"] for line in logged] == ["secret was changed and read anew"]
    assert not [password for password in ("old-password", "new-password") if password in str(logged)]


def test_one_that_cannot_be_read_leaves_the_one_before(file):
    secret = LiveSecret(read_secret(file), "CONNECTOR_X")

    with capture_logs() as logged:
        file.unlink()
        while_gone = (secret(), secret())
    file.write_text("new-password")

    assert while_gone == ("old-password", "old-password")
    assert [line["log_level"] for line in logged] == ["warning"]  # once, not at each look
    assert secret() == "new-password"


def test_a_change_between_the_settings_and_the_first_login_is_noticed(file):
    read_before = read_secret(file)
    volume(file.parent, 2, "new-password")

    assert LiveSecret(read_before, "CONNECTOR_X")() == "new-password"


def test_nothing_shows_it():
    assert "fixed-secret" not in repr(LiveSecret("fixed-secret", "CONNECTOR_X"))


@pytest.mark.parametrize(
    ("mechanism", "authenticator"),
    [("PLAIN", "authenticator_plain"), ("SCRAM-SHA-512", "authenticator_scram")],
)
async def test_every_login_asks_for_the_password_of_now(file, mechanism, authenticator):
    settings = Settings(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism=mechanism,
        kafka_sasl_username="connector",
        kafka_sasl_password=read_secret(file),
    )
    login = {name: value for name, value in connection(settings, "x").items() if name.startswith("sasl")}

    def log_in():
        made = AIOKafkaConnection("127.0.0.1", 1, **login)
        return getattr(made, authenticator)()._sasl_plain_password

    def text(password):
        return password.decode() if isinstance(password, bytes) else password

    before = text(log_in())
    volume(file.parent, 2, "new-password")

    assert (before, text(log_in())) == ("old-password", "new-password")


def test_the_volume_of_these_tests_is_swapped_in_one_step(file):
    inode = file.stat().st_ino

    volume(file.parent, 2, "new-password")

    assert file.is_symlink()
    assert file.stat().st_ino != inode
    assert str(file.readlink()) == "..data/kafka-sasl-password"
