"""Replays: a bounded range of a topic, read once to plan it, and once more to send it."""
