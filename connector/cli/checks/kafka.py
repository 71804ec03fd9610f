"""Kafka: brokers, topics, groups and rights, then a record written and read where that does no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from connector.cli.checks.finding import Finding
from connector.errors import ConfigurationError, ConnectorError, OperationalError
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.edges.kafka_rights import TopicRights
    from connector.edges.topic_admin import TopicAdmin, TopicDiff

# What a worker and the commands beside it do with a topic, by its role.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "source": ("READ",),
    "by-user": ("READ", "WRITE"),
    "dead-letter": ("READ", "WRITE"),
    "control": ("READ", "WRITE"),
}
_APPLY: Final = "`encharge-connector topics apply`"


async def kafka_findings(settings: Settings, destination: str | None) -> AsyncIterator[Finding]:
    """Check everything; without the destination's id its consumer group is left out."""
    from connector.edges.kafka_rights import topic_rights  # noqa: PLC0415
    from connector.edges.topic_admin import topic_admin, topics_in_use  # noqa: PLC0415

    roles = {name: spec.role for spec, name in topics_in_use(settings)}
    step, usable = "broker", set()
    try:
        async with topic_admin(settings) as admin:
            yield Finding("kafka", "broker", ok=True, seen=settings.kafka_bootstrap_servers)
            step = "topics and rights"
            rights = await topic_rights(admin.client, [*roles])
            diffs = await _diffs(admin, rights)
            for name, role in roles.items():
                finding = _topic(settings, role, rights[name], diffs.get(name))
                if finding.ok:
                    usable.add(name)
                yield finding
            for group, topic in _groups(settings, destination).items():
                yield await _group(settings, admin, group, rights[topic])
            yield await _transactions(settings, admin)
    except (ConfigurationError, OperationalError) as error:
        yield Finding("kafka", step, ok=False, seen=str(error))
        return
    async for each in _probes(settings, usable):
        yield each
    control = rights[settings.control_topic]  # one that differs from what is wanted can be read, too
    if settings.partitioning == "repartition" and control.partitions and "READ" in control.operations:
        yield await _forwarding(settings)


async def _diffs(admin: TopicAdmin, rights: Mapping[str, TopicRights]) -> dict[str, TopicDiff]:
    """Compare the topics whose settings may be read."""
    comparable = {
        name for name, each in rights.items() if each.partitions and "DESCRIBE_CONFIGS" in each.operations
    }
    return {each.name: each for each in await admin.diff(comparable)} if comparable else {}


def _topic(settings: Settings, role: str, found: TopicRights, diff: TopicDiff | None) -> Finding:
    what, needed = f"topic {found.name}", _NEEDED[role]
    if not found.operations:
        return _forbidden(settings, what, "topic", found.name, needed)
    if not found.partitions:
        return Finding("kafka", what, ok=False, seen="missing", fix=f"{_APPLY} creates it")
    missing = [each for each in needed if each not in found.operations]
    if missing:
        return _forbidden(settings, what, "topic", found.name, missing)
    if found.leaderless:
        seen = f"{found.leaderless} of {found.partitions} partitions have no leader"
        return Finding("kafka", what, ok=False, seen=seen, fix="look after the brokers that hold them")
    if diff is not None and diff.changes:
        changes = [f"{key} is {is_}, wanted {to}" for key, (is_, to) in diff.changes.items()]
        return Finding("kafka", what, ok=False, seen=", ".join(changes), fix=f"{_APPLY} sets what differs")
    seen = f"{found.partitions} partitions"
    if found.name == settings.deliver_topic:
        seen += f", so at most {found.partitions} workers deliver"
    if diff is None:
        seen += "; its settings are not compared, that takes DESCRIBE_CONFIGS"
    return Finding("kafka", what, ok=True, seen=seen)


def _groups(settings: Settings, destination: str | None) -> dict[str, str]:
    """Give the consumer groups of a worker, each with the topic it reads."""
    groups = {}
    if settings.partitioning == "repartition":
        groups[settings.ingest_group] = settings.source_topic
    if destination is not None:
        groups[settings.deliver_group(destination)] = settings.deliver_topic
    return groups


async def _group(settings: Settings, admin: TopicAdmin, group: str, topic: TopicRights) -> Finding:
    from connector.edges.kafka_rights import group_rights  # noqa: PLC0415

    what, found = f"group {group}", await group_rights(admin.client, group)
    if "READ" not in found.operations:
        return _forbidden(settings, what, "group", group, ["READ"])
    idle = found.members - topic.partitions
    if topic.partitions and idle > 0:
        seen = f"{found.members} members share {topic.partitions} partitions, so {idle} have nothing to do"
        fix = "start fewer workers, or add partitions (`encharge-connector topics apply --partitions`)"
        return Finding("kafka", what, ok=False, seen=seen, fix=fix)
    return Finding("kafka", what, ok=True, seen=f"may be joined and committed, {found.members} members now")


async def _transactions(settings: Settings, admin: TopicAdmin) -> Finding:
    """Check the right that `dlq redrive` needs, which writes and remembers in one transaction."""
    from connector.edges.kafka_rights import may_use_transactional_id  # noqa: PLC0415

    transactional_id = f"{settings.group_id}.redrive"
    what = f"transactional id {transactional_id}"
    if await may_use_transactional_id(admin.client, transactional_id):
        return Finding("kafka", what, ok=True, seen="may be used by `dlq redrive`")
    return _forbidden(settings, what, "transactional-id", transactional_id, ["WRITE"])


def _forbidden(settings: Settings, what: str, kind: str, name: str, operations: Sequence[str]) -> Finding:
    """Name the rights that are missing, and the command that gives them."""
    user = settings.kafka_sasl_username
    whom = f"User:{user}" if user else "this principal"
    seen = f"{whom} has no right to {' and '.join(operations)} on {kind} {name}"
    flags = " ".join(f"--operation {each.capitalize()}" for each in operations)
    principal = f"User:{user}" if user else "PRINCIPAL"
    fix = f"kafka-acls --add --allow-principal {principal} {flags} --{kind} {name} (docs/kafka-rights.md)"
    return Finding("kafka", what, ok=False, seen=seen, fix=fix)


async def _forwarding(settings: Settings) -> Finding:
    """Look for workers of another group that forward to the by-user topic, as each forwards everything."""
    from connector.edges.clocks import wall_clock  # noqa: PLC0415
    from connector.edges.control_topic import ControlReader  # noqa: PLC0415
    from connector.edges.heartbeat import SILENT_S  # noqa: PLC0415
    from connector.edges.status_report import ingest_groups  # noqa: PLC0415

    source, by_user, control = settings.source_topic, settings.by_user_topic, ControlReader(settings)
    try:
        await control.read_to_end()
    except OperationalError as error:
        return Finding("kafka", "ingest", ok=False, seen=str(error))
    found = ingest_groups(control.values, wall_clock(), SILENT_S, source=source, by_user=by_user)
    others = ", ".join(sorted(found.keys() - {settings.ingest_group}))
    if others:
        seen = f"{others} forwards {source} to {by_user}, so {settings.ingest_group} would do so again"
        fix = "give all workers of these topics the same CONNECTOR_GROUP_ID"
        return Finding("kafka", "ingest", ok=False, seen=seen, fix=fix)
    return Finding("kafka", "ingest", ok=True, seen=f"no other group forwards to {by_user}")


async def _probes(settings: Settings, usable: set[str]) -> AsyncIterator[Finding]:
    """Write records that nobody takes for something, and read them back."""
    from connector.cli.checks.probes import probe_control, probe_dead_letters  # noqa: PLC0415

    probes = {
        settings.dead_letter_topic: ("dead letters", probe_dead_letters),
        settings.control_topic: ("control topic", probe_control),
    }
    for topic, (what, probe) in probes.items():
        if topic not in usable:
            continue
        try:
            offset = await probe(settings)
        except ConnectorError as error:
            yield Finding("kafka", what, ok=False, seen=str(error))
        else:
            seen = f"a probe was written and read back (offset {offset})"
            yield Finding("kafka", what, ok=True, seen=seen)
