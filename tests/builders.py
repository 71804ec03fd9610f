"""Small records and things made of them."""

from typing import NamedTuple

from connector.core import Request
from connector.delivery.dead_letter import Reason
from connector.delivery.planner import Task


class Place(NamedTuple):
    topic: str = "by-user"
    partition: int = 0


class FakeRecord(NamedTuple):
    """What a consumer gives, without a consumer."""

    offset: int
    key: bytes | None
    value: bytes | None
    topic: str = "by-user"
    partition: int = 0
    headers: tuple = ()
    timestamp: int = 0


def record(offset, person="u1", value=None, **more):
    body = f"{person}.{offset}".encode() if value is None else value
    return FakeRecord(offset, person.encode() if person else None, body, **more)


def request_task(body, mapping="Track Event", action="trackEvent"):
    return Task(mapping, action, Request("POST", "http://encharge.test/v1", {}, body), None)


def letter_task(code, mapping="Track Event", action="trackEvent"):
    return Task(mapping, action, None, Reason(code, "what is wrong", mapping=mapping, action=action))


def plan_one_request(record):
    """Plan the simplest thing: one request whose body is the record's value."""
    return (request_task(record.value),)
