"""What the brokers say of the consumer groups: members, and committed offsets over time."""

import time

from confluent_kafka import Consumer, ConsumerGroupState, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.kafka.stack import QUIET
from tests.lookout import Lookout

WATCH_EVERY_S = 0.25


def members(bootstrap_servers, group):
    """The ids of all members; empty while the group rebalances.

    Asked by a client of its own: an unanswered question in the hands of a client whose broker is killed ends the
    whole process, by an assertion of librdkafka.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    try:
        description = admin.describe_consumer_groups([group], request_timeout=5)[group].result(10)
    except (KafkaException, TimeoutError):  # no broker or no coordinator answers at the moment
        return frozenset()
    if description.state is not ConsumerGroupState.STABLE:
        return frozenset()
    return frozenset(member.member_id for member in description.members)


class CommitWatch(Lookout):
    """Reads the committed offsets again and again, and notes every one that went back."""

    def __init__(self, bootstrap_servers, group, topic, partitions):
        super().__init__(WATCH_EVERY_S)
        self._consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group, **QUIET})
        self._places = [TopicPartition(topic, number) for number in range(partitions)]
        self._highest = {}
        self.readings = 0
        self.went_back = []

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            self._consumer.close()

    def look(self):
        try:
            found = self._consumer.committed(self._places, timeout=10)
        except KafkaException:
            return
        self.readings += 1
        for place in found:
            if place.error is not None:  # then its offset says nothing
                continue
            highest = self._highest.get(place.partition, place.offset)
            if place.offset < highest:
                self.went_back.append((place.partition, highest, place.offset, time.time()))
            self._highest[place.partition] = max(highest, place.offset)
