"""One broker that can be reached in every secured way, and in some that must be refused."""

from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from connector.embedded import EmbeddedKafka
from tests.edges.certificates import make_authority

HOST, BROKER = "localhost", "1"
USER, PASSWORD = "connector", "right-password"
_MODULES = "org.apache.kafka.common.security"
LISTENERS = {
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "PASSWORDS": "SASL_SSL",
    "TOKENS": "SASL_SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
}


class SecureListeners:
    """`bootstrap_servers` is the open listener, for tests; `environment` leads a command to another one."""

    def __init__(self, folder):
        self._folder = folder
        self.authority = self._authority("authority")
        self.client = self.authority.sign("connector", usage="clientAuth")
        self._certify(self.authority)
        self._kafka = EmbeddedKafka(host=HOST, listeners=LISTENERS, properties=self._properties())

    @contextmanager
    def running(self):
        with self._kafka:
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
            self._set_password(PASSWORD)
            yield self

    @property
    def bootstrap_servers(self):
        return self._kafka.bootstrap_servers

    def environment(self, listener, **more):
        """Give the settings for a listener; `more` without the prefix CONNECTOR_KAFKA_, None for none."""
        settings = {
            "BOOTSTRAP_SERVERS": self._kafka.address(listener),
            "SECURITY_PROTOCOL": LISTENERS[listener],
            "SSL_CA_FILE": str(self.authority.file),
        }
        if listener == "MUTUAL":
            settings |= {"SSL_CERT_FILE": str(self.client.file), "SSL_KEY_FILE": str(self.client.key_file)}
        if listener == "PASSWORDS":
            settings |= {"SASL_USERNAME": USER, "SASL_PASSWORD": PASSWORD}
        if listener == "TOKENS":
            settings |= {"SASL_MECHANISM": "OAUTHBEARER"}
        settings |= more
        return {f"CONNECTOR_KAFKA_{name}": value for name, value in settings.items() if value is not None}

    def renew(self, listener):
        """Give a listener another certificate of the same authority while the broker runs."""
        self._store(listener, self.authority.sign(HOST, days=2))
        setting = f"listener.name.{listener.lower()}.ssl.keystore.location"
        entry = ConfigEntry(
            setting, str(self._file(listener, "keys")), incremental_operation=AlterConfigOpType.SET
        )
        resource = ConfigResource("broker", BROKER, incremental_configs=[entry])
        self._admin.incremental_alter_configs([resource])[resource].result(20)

    def replace_authority(self):
        """Restart the broker with certificates of another authority, which it asks of clients, too.

        The client's files are replaced in place, as whoever renews certificates does it.
        """
        authority = self._authority("another")
        client = authority.sign("connector", usage="clientAuth")
        self._kafka.stop()
        self._certify(authority)
        for new, old in zip((*authority, *client), (*self.authority, *self.client), strict=True):
            new.replace(old)
        self._kafka.start()

    def change_password(self, password):
        """Let the user log in by SCRAM with another password alone, and end all connections by a restart."""
        self._set_password(password)
        self._kafka.stop()
        self._kafka.start()

    def _set_password(self, password):
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            credential = ScramCredentialInfo(mechanism, 4096)
            wish = UserScramCredentialUpsertion(USER, credential, password.encode())
            self._admin.alter_user_scram_credentials([wish])[USER].result(20)

    def _authority(self, name):
        (self._folder / name).mkdir()
        return make_authority(self._folder / name)

    def _file(self, listener, kind):
        return self._folder / f"{listener.lower()}-{kind}.pem"

    def _store(self, listener, certificate):
        pem = certificate.key_file.read_text() + certificate.file.read_text()
        self._file(listener, "keys").write_text(pem)

    def _certify(self, authority):
        good = authority.sign(HOST)
        certificates = dict.fromkeys(LISTENERS, good) | {
            "EXPIRED": authority.sign(HOST, days=-1),
            "ELSEWHERE": authority.sign("kafka.elsewhere.example"),
        }
        for listener, certificate in certificates.items():
            self._store(listener, certificate)
        self._file("MUTUAL", "trusted").write_text(authority.file.read_text())

    def _properties(self):
        found = {}
        for listener in LISTENERS:
            found[f"listener.name.{listener.lower()}.ssl.keystore.type"] = "PEM"
            found[f"listener.name.{listener.lower()}.ssl.keystore.location"] = str(
                self._file(listener, "keys")
            )
        found |= {
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.truststore.type": "PEM",
            "listener.name.mutual.ssl.truststore.location": str(self._file("MUTUAL", "trusted")),
            "listener.name.passwords.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
            "listener.name.passwords.plain.sasl.jaas.config": (
                f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            ),
            "listener.name.tokens.sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.tokens.oauthbearer.sasl.jaas.config": (
                f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required"
                ' unsecuredLoginStringClaim_sub="broker";'
            ),
            # Above any token's life: connections last as long as the token they began with.
            "listener.name.tokens.oauthbearer.connections.max.reauth.ms": "86400000",
        }
        for mechanism in ("scram-sha-256", "scram-sha-512"):
            found[f"listener.name.passwords.{mechanism}.sasl.jaas.config"] = (
                f"{_MODULES}.scram.ScramLoginModule required;"
            )
        return found


@contextmanager
def secure_listeners(folder: Path):
    with SecureListeners(folder).running() as kafka:
        yield kafka
