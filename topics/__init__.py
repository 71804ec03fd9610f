"""The Kafka topics the connector reads and writes. Imports nothing from the connector."""
