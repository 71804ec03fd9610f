"""Segment events on Kafka to Encharge: in order per user, nothing lost, replayable."""

__version__ = "0.1.0"
