"""Dead letters on a Kafka topic, written to all in-sync replicas before anything is settled."""

from __future__ import annotations

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from connector.delivery.dead_letter import DeadLetter
from connector.edges.kafka_trouble import in_words
from connector.edges.producer import Producer
from connector.errors import OperationalError


class DeadLetterTopic:
    """Implements the port DeadLetterSink."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    async def put(self, letter: DeadLetter) -> None:
        """Return once the letter is written to the quorum.

        Raises: OperationalError when it could not be written
        """
        # aiokafka refuses a record with neither key nor value, which Kafka allows.
        key = b"" if letter.key is None and letter.value is None else letter.key
        try:
            await self._producer.send_and_wait(self._topic, letter.value, key=key, headers=letter.headers)
        except MessageSizeTooLargeError as error:
            raise OperationalError(
                f"{self._topic} refuses a record of {len(letter.value or b'')} bytes;"
                " raise its max.message.bytes (`encharge-connector topics apply`)"
            ) from error
        except KafkaError as error:
            raise OperationalError(f"{self._topic}: {in_words(error)}") from error
