"""The whole connector on one machine: a real Kafka, a stand-in Encharge, workers that die and join.

The judge (`judge`) knows every event that was produced and believes only what the stand-in took and
what lies on the dead-letter topic; the connector's own books are not asked.
"""
