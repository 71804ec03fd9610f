"""The Faust application: agents that take batches from channels.

Faust gives the application its life cycle, agents, supervision, sensors and signals. It does not read
Kafka here: its consumer acknowledges offsets in an order that loses records once settling is
concurrent, and costs four tasks a record (docs/decisions/0001 and 0002). Our readers put batches into
channels instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import faust
from faust.app.base import BootStrategy
from mode import Service

from connector.edges.batch_reader import BatchReader

CHANNEL_BATCHES = 2  # one being taken, one ready


class OwnReaders(BootStrategy):  # type: ignore[misc]
    """Start neither Faust's Kafka clients nor its web server."""

    enable_kafka = False
    enable_web = False


class ConnectorApp(faust.App):  # type: ignore[misc]
    """A Faust application without tables, so without a data directory."""

    BootStrategy = OwnReaders

    def _create_directories(self) -> None:
        pass


def make_app(*, broker: str) -> ConnectorApp:
    """Make an application without agents."""
    return ConnectorApp(
        "segment-encharge-connector",
        broker=[f"kafka://{server}" for server in broker.split(",")],
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
    )


def make_channel(app: ConnectorApp) -> Any:
    """Make a channel for the batches of one reader."""
    return app.channel(maxsize=CHANNEL_BATCHES)


def add_agent(app: ConnectorApp, name: str, channel: Any, reader: BatchReader) -> None:
    """Let an agent hand the batches of a channel to the stage behind its reader."""

    async def take_batches(stream: Any) -> None:
        async for batch in stream:
            await reader.hand_over(batch)

    app.agent(channel, name=name)(take_batches)


def ended_agents(app: ConnectorApp) -> list[str]:
    """Name the agents that ended though nobody stopped the application; one that is started anew did not."""
    if app.should_stop:
        return []
    return [
        name
        for name, agent in app.agents.items()
        if (tasks := [actor.actor_task for actor in agent._actors if actor.actor_task is not None])  # noqa: SLF001
        and all(task.done() for task in tasks)
    ]


async def start(app: ConnectorApp, services: Sequence[Service]) -> None:
    """Start the application and what belongs to it."""
    app.finalize()
    await app.start()
    app.flow_control.resume()  # channels stay shut until then
    for service in services:
        await app.add_runtime_dependency(service)


async def stop(app: ConnectorApp) -> None:
    """Stop the application and everything that belongs to it."""
    await app.stop()
    # Faust makes an event loop for the thread of its own consumer, and closes it with the thread, which was
    # never started here.
    thread_loop = app.consumer._thread.thread_loop  # noqa: SLF001
    if not thread_loop.is_running():
        thread_loop.close()
