"""Dead letters on Kafka: reading them, sending them again, deleting them."""
