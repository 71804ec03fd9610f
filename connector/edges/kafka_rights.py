"""What Kafka lets us do, asked without doing it: nothing is written, no group is disturbed.

Topics and groups are asked for their authorized operations. A transactional id is tried with a timeout that
no broker takes: the broker looks at the right first, and at the timeout before it does anything.

Source: the protocol of Kafka 2.3 (Metadata 8, DescribeGroups 3, InitProducerId 0)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from connector.errors import OperationalError

T = TypeVar("T")

# Bits of authorized operations, by AclOperation.
_OPERATIONS: Final = {
    3: "READ",
    4: "WRITE",
    5: "CREATE",
    6: "DELETE",
    7: "ALTER",
    8: "DESCRIBE",
    10: "DESCRIBE_CONFIGS",
    11: "ALTER_CONFIGS",
}
_UNKNOWN_TOPIC: Final = 3
_REFUSED: Final = frozenset((29, 30, 53))  # of a topic, a group, a transactional id
_IMPOSSIBLE_TIMEOUT_MS: Final = 2**31 - 1
_PATIENCE_S: Final = 10.0  # a new cluster makes its coordinator when it is first asked
_BETWEEN_TRIES_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class TopicRights:
    """What may be done with one topic.

    partitions  0 when it does not exist, or when we may not even see it
    leaderless  partitions that nobody serves at the moment
    """

    name: str
    partitions: int = 0
    leaderless: int = 0
    operations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GroupRights:
    """What may be done with one consumer group, and how many members it has now."""

    members: int = 0
    operations: frozenset[str] = frozenset()


async def topic_rights(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, TopicRights]:
    """Ask for topics by name; one that exists, or may exist, and must not be seen has no operations.

    Raises: OperationalError
    """
    response = await _told("rights on topics cannot be asked", lambda: _send(admin, _RightsRequest(names)))
    found = {}
    for error, name, _internal, partitions, operations in response.topics:
        if error and error not in {_UNKNOWN_TOPIC, *_REFUSED}:
            raise OperationalError(f"{name}: {for_code(error).__name__}")
        leaderless = sum(leader < 0 for _error, _number, leader, *_ in partitions)
        allowed = frozenset() if error in _REFUSED else _names(operations)
        found[name] = TopicRights(name, len(partitions), leaderless, allowed)
    return found


async def group_rights(admin: AIOKafkaAdminClient, group: str) -> GroupRights:
    """Ask for a consumer group, of which there need not be anything yet.

    Raises: OperationalError
    """

    async def ask() -> Any:
        node = await admin.find_coordinator(group)
        response = await _send(admin, _GroupRequest(group), node)
        [described] = response.groups
        if described[0] and described[0] not in _REFUSED:
            raise for_code(described[0])
        return described

    try:
        described = await _told(f"the group {group} cannot be looked at", ask)
    except _RefusedError:
        return GroupRights()
    if described[0]:
        return GroupRights()
    return GroupRights(len(described[5]), _names(described[6]))


async def may_use_transactional_id(admin: AIOKafkaAdminClient, transactional_id: str) -> bool:
    """Tell whether a transactional producer may have this id; one that has it is not disturbed.

    Raises: OperationalError
    """
    request = InitProducerIdRequest(transactional_id, _IMPOSSIBLE_TIMEOUT_MS)
    response = await _told("rights on transactional ids cannot be asked", lambda: _send(admin, request))
    return response.error_code not in _REFUSED


class _RefusedError(Exception):
    """The broker does not even tell."""


async def _send(admin: AIOKafkaAdminClient, request: Any, node: int | None = None) -> Any:
    return await admin._send_request(request, node)  # noqa: SLF001


async def _told(what: str, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until it works; a passing trouble is waited for."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + _PATIENCE_S
    while True:
        try:
            return await ask()
        except (IncompatibleBrokerVersion, NotImplementedError) as error:
            raise OperationalError(f"{what}: the broker is older than Kafka 2.3") from error
        except KafkaError as error:
            if getattr(error, "errno", None) in _REFUSED:
                raise _RefusedError from error
            if not error.retriable or loop.time() > deadline_s:
                raise OperationalError(f"{what}: {type(error).__name__}") from error
        await asyncio.sleep(_BETWEEN_TRIES_S)


def _names(operations: int) -> frozenset[str]:
    return frozenset(name for bit, name in _OPERATIONS.items() if operations >> bit & 1)


class _RightsResponse(Response):  # type: ignore[misc]  # aiokafka tells no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("authorized_operations", Int32),
    )


class _RightsRequestV8(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _RightsResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _RightsRequest(Request[_RightsRequestV8]):  # type: ignore[misc]  # as above
    """Metadata of topics with what may be done with them; aiokafka's own ends at version 5."""

    API_KEY = 3

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[_RightsRequestV8]) -> _RightsRequestV8:
        return request_struct_class(self._names, False, False, True)


class _GroupRequestV3(RequestStruct):  # type: ignore[misc]  # as above
    """aiokafka 0.14 reads the answer as that of version 2, which ends before the operations."""

    API_KEY = DescribeGroupsRequest_v3.API_KEY
    API_VERSION = DescribeGroupsRequest_v3.API_VERSION
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = DescribeGroupsRequest_v3.SCHEMA


class _GroupRequest(Request[_GroupRequestV3]):  # type: ignore[misc]  # as above
    API_KEY = _GroupRequestV3.API_KEY

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_GroupRequestV3]) -> _GroupRequestV3:
        return request_struct_class([self._group], True)
