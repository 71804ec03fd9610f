"""The topics of one test on a real Kafka, looked at with another client than the connector's."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tests.eventually import eventually
from tests.kafka.stack import Stack


class Cluster:
    """Names that no other test has; `environment` tells a command about them."""

    def __init__(self, bootstrap_servers, directory):
        self._stack = Stack(bootstrap_servers, directory)
        self.bootstrap_servers = bootstrap_servers
        stack = self._stack
        self.source, self.by_user, self.dead, self.control = (
            stack.source, stack.by_user, stack.dead, stack.control,
        )  # fmt: skip
        self.admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self.environment = {
            "CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "CONNECTOR_SOURCE_TOPIC": self.source,
            "CONNECTOR_BY_USER_TOPIC": self.by_user,
            "CONNECTOR_DEAD_LETTER_TOPIC": self.dead,
            "CONNECTOR_CONTROL_TOPIC": self.control,
            "CONNECTOR_GROUP_ID": self._stack.group,
            "CONNECTOR_WEB_PORT": "0",
        }

    def create(self, *names, **config):
        """Make topics of one partition; underscores in the names of settings are dots."""
        config = {name.replace("_", "."): value for name, value in config.items()}
        topics = [NewTopic(name, 1, config=config) for name in names]
        for future in self.admin.create_topics(topics).values():
            future.result(30)
        eventually(lambda: set(names) <= set(self.partitions()), 10)

    def partitions(self):
        """Give name -> number of partitions of those of our topics that exist."""
        topics = self.admin.list_topics(timeout=20).topics
        return {
            name: len(topics[name].partitions)
            for name in (self.source, self.by_user, self.dead, self.control)
            if name in topics
        }

    def config(self, name):
        """Give the settings of a topic."""
        resource = ConfigResource(ResourceType.TOPIC, name)
        found = self.admin.describe_configs([resource])[resource].result(20)
        return {setting: entry.value for setting, entry in found.items()}

    def set(self, name, settings):
        """Change some settings of a topic, as an operator would with another tool, and await that they show."""
        entries = [
            ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
            for setting, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(20)
        eventually(lambda: settings.items() <= self.config(name).items(), 10)

    def records(self, name):
        """Give key and value of all records of a topic, partition by partition."""
        return [(message.key(), message.value()) for message in self.messages(name)]

    def messages(self, name):
        return self._stack.records(name)

    def lag(self, destination):
        """Give how many records of the by-user topic a destination's group has not committed."""
        return self._stack.lag(group=f"{self._stack.group}.deliver.{destination}")


def answers(bootstrap_servers):
    """Tell whether a Kafka is there."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    try:
        return bool(client.list_topics(timeout=10).brokers)
    except KafkaException:
        return False
