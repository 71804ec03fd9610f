"""What Kafka does: the broker crashes, the source has transactions, dead letters cannot be written."""

from confluent_kafka import Producer
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)


def broker_crash(world):
    """kill -9 of the broker under load, and its restart on the same data."""
    world.start_workers(2)
    with world.load() as load:
        for _ in range(world.scale.of(short=1, full=2)):
            load.go_on(world.scale.of(short=2, full=15))
            world.kafka.kill()
            world.kafka.restart()
        load.go_on(world.scale.of(short=1, full=15))
        world.await_members(2)  # a worker that does not come back would not be missed otherwise


def transactions(world):
    """The source topic is written in transactions, a third of which are aborted, while workers change."""
    world.has_markers = True
    first, _ = world.start_workers(2)
    producer = Producer(
        {
            "bootstrap.servers": world.bootstrap_servers,
            "transactional.id": f"{world.group}.shop",
            "linger.ms": 5,
        }
    )
    producer.init_transactions(30)
    rounds = world.scale.of(short=30, full=240)
    for number in range(rounds):
        world.transaction(producer, is_aborted=number % 3 == 1, size=world.dice.randrange(5, 120))
        if number == rounds // 3:
            world.terminate(first)
        if number == rounds // 2:
            world.start_worker()
    # What is open when the last commit has been read must not be delivered either.
    world.transaction(producer, is_aborted=True, size=100)
    world.expect(world.notes["aborted"] > 0, "no transaction was aborted")


def dead_letters_refused(world):
    """The brokers refuse every write to the dead-letter topic for a while: nothing is small enough for it.

    min.insync.replicas above the number of replicas would not do: Kafka takes the smaller of the two.
    """
    world.start_workers(2)
    with world.load(make_event=lambda: _good_or_bad(world)) as load:
        load.go_on(world.scale.of(short=2, full=10))
        _limit_size(world, 1)
        load.go_on(world.scale.of(short=1, full=1))
        before = len(world.letters())
        load.go_on(world.scale.of(short=4, full=30))
        during = len(world.letters())
        _limit_size(world, 2**20)
        load.go_on(world.scale.of(short=1, full=5))
    world.expect(before > 0, "no dead letter was written before")
    world.expect(during == before, "dead letters were written while the topic took none")


def dead_letters_missing(world):
    """The dead-letter topic is deleted, and made again after a while."""
    world.admin.delete_topics([world.dead])[world.dead].result(10)
    world.start_workers(2)
    with world.load(make_event=lambda: _good_or_bad(world)) as load:
        load.go_on(world.scale.of(short=4, full=50))
    world.admin.create_topics([NewTopic(world.dead, 2)])[world.dead].result(10)


def _limit_size(world, most_bytes):
    entry = ConfigEntry("max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, world.dead, incremental_configs=[entry])
    world.admin.incremental_alter_configs([resource])[resource].result(10)


def _good_or_bad(world):
    """One in thirty has no name, which ends in the deliver stage; one in sixty is no JSON: in ingest."""
    roll = world.dice.randrange(60)
    if roll == 0:
        return world.events.of_anybody(200)._replace(value=b"{", code="unreadable_not_json")
    if roll < 3:
        return world.events.of_anybody(200, event="")._replace(code="invalid_payload")
    return world.events.of_anybody(200)
