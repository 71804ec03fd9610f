"""A Kafka that asks who is there and what he may do: user and password on one listener, rights by ACL."""

from contextlib import contextmanager

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connector.embedded import EmbeddedKafka

USER, PASSWORD = "connector", "right-password"
_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"
_PROPERTIES = {
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.sasl.plain.sasl.jaas.config": f'{_LOGIN} user_{USER}="{PASSWORD}";',
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",  # whoever comes by the main listener: tests and the broker itself
}
_ANY_KIND = (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)


class SecuredKafka:
    """`bootstrap_servers` is the open listener, for tests; `environment` leads a command to the other one."""

    def __init__(self, kafka):
        self.bootstrap_servers = kafka.bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        self.environment = {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": kafka.address("SASL"),
            "CONNECTOR_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "CONNECTOR_KAFKA_SASL_MECHANISM": "PLAIN",
            "CONNECTOR_KAFKA_SASL_USERNAME": USER,
            "CONNECTOR_KAFKA_SASL_PASSWORD": PASSWORD,
        }

    @contextmanager
    def rights(self, *rights):
        """Give the user rights (kind, name or prefix*, operation) for a while; without any he has none."""
        bindings = [_binding(*right) for right in rights]
        if bindings:
            for future in self._admin.create_acls(bindings).values():
                future.result(20)
        try:
            yield
        finally:
            filters = [
                AclBindingFilter(
                    each.restype, each.name, each.resource_pattern_type, each.principal, each.host,
                    each.operation, each.permission_type,
                )
                for each in bindings
            ]  # fmt: skip
            if filters:
                for future in self._admin.delete_acls(filters).values():
                    future.result(20)

    def all_rights(self):
        """Give the user every right on everything for a while."""
        return self.rights(*((kind, "*", AclOperation.ALL) for kind in _ANY_KIND))


def _binding(kind, name, operation):
    pattern = ResourcePatternType.LITERAL
    if name.endswith("*") and name != "*":
        name, pattern = name[:-1], ResourcePatternType.PREFIXED
    return AclBinding(kind, name, pattern, f"User:{USER}", "*", operation, AclPermissionType.ALLOW)


@contextmanager
def secured_kafka():
    """Run one; a container would need files inside it, so this one is always the embedded broker."""
    with EmbeddedKafka(listeners={"SASL": "SASL_PLAINTEXT"}, properties=_PROPERTIES) as kafka:
        yield SecuredKafka(kafka)
