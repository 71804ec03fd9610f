"""What happens to workers and to Kafka. After each, the group must become whole again.

Every function takes the world, its figures by name, and `dice` for whom it strikes.
"""

import os
import signal
from contextlib import contextmanager

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.soak.schedule import SESSION_S

LARGEST_LETTER = 64 * 1024**2


def kill(world, dice):
    """SIGKILL of one."""
    _kill(world, dice.choice(world.others))


def kill_others(world, dice):
    """SIGKILL of all but the veteran."""
    _kill(world, *world.others)


def kill_all(world, dice):
    """SIGKILL of all."""
    _kill(world, *world.alive)


def _kill(world, *workers):
    with world.crash("SIGKILL"):
        for worker in workers:
            worker.kill()


def replace(world, dice):
    """SIGTERM of one."""
    world.terminate(dice.choice(world.others))


def replace_all(world, dice):
    """SIGTERM of all at once."""
    world.terminate(*world.alive)


def join_and_leave(world, dice, stays_s):
    """One more comes, and leaves again."""
    worker = world.start_worker()
    world.await_whole()
    world.last(stays_s)
    world.terminate(worker)


def freeze_short(world, dice, lasts_s):
    """SIGSTOP of any worker for less than the session lasts."""
    _freeze(world, dice, lasts_s)


def freeze_long(world, dice, lasts_s):
    """SIGSTOP of any worker for longer than the session lasts: its partitions go to others meanwhile."""
    _freeze(world, dice, lasts_s)


def _freeze(world, dice, lasts_s):
    worker = dice.choice(world.alive)
    with world.crash("SIGSTOP"):
        os.kill(worker.pid, signal.SIGSTOP)
    try:
        world.last(lasts_s)
    finally:
        os.kill(worker.pid, signal.SIGCONT)


def broker_kill(world, dice):
    """SIGKILL of the broker, and its restart on the same data."""
    world.kafka.kill()
    world.kafka.restart()


def broker_restart(world, dice):
    """The broker is stopped well, and started again."""
    world.kafka.restart()


def kafka_cut(world, dice, times):
    """Connections to the broker are reset."""
    for _ in range(times):
        for way in world.ways.values():
            way.cut_all()
        world.last(dice.uniform(0.1, 1.0))


def kafka_slow(world, dice, latency_s, lasts_s):
    """The way to the broker and back takes long."""
    with _trouble(world.ways.values(), latency_s=latency_s, jitter_s=latency_s / 2):
        world.last(lasts_s)


def kafka_silent_short(world, dice, lasts_s):
    """Nothing comes from the broker for less than the session lasts."""
    with _trouble(world.ways.values(), mode="blackhole"):
        world.last(lasts_s)


def kafka_silent_long(world, dice, lasts_s):
    """Nothing comes from the broker for longer than the session lasts, for some of the workers.

    They cannot commit, and go on with what they hold until their lease is over.
    """
    way = dice.choice(list(world.ways.values()))
    with world.crash("cut off from Kafka", most_s=SESSION_S + 1), _trouble([way], mode="blackhole"):
        world.last(lasts_s)


@contextmanager
def _trouble(ways, **fault):
    for way in ways:
        way.set(**fault)
    try:
        yield
    finally:
        for way in ways:
            way.heal()


def letters_refused(world, dice, lasts_s):
    """The broker takes no dead letter, and there is one to be written."""
    _limit_letters(world, 1)
    world.load.hostile(3)
    world.last(lasts_s)
    _limit_letters(world, LARGEST_LETTER)


def _limit_letters(world, most_bytes):
    entry = ConfigEntry("max.message.bytes", str(most_bytes), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, world.dead, incremental_configs=[entry])
    world.admin.incremental_alter_configs([resource])[resource].result(30)


def transactions(world, dice, count):
    """Somebody writes to the source topic in transactions, every second of which is aborted."""
    producer = world.books.producer(
        **{"transactional.id": f"{world.group}.shop", "message.timeout.ms": 30_000}
    )
    producer.init_transactions(60)
    for number in range(count):
        world.load.transaction(
            producer, f"buyer_{dice.randrange(5)}", dice.randrange(5, 80), is_aborted=number % 2 == 1
        )
