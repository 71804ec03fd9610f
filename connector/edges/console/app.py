"""The console as an application to be mounted on the worker's web port under /console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Final

from aiohttp import web

from connector.edges.console import overview, partitions
from connector.edges.console.account import HOME, Account
from connector.edges.console.job_page import JobPages
from connector.edges.console.jobs import Jobs
from connector.edges.console.letter_reading import KafkaLetters, ReadsLetters
from connector.edges.console.letters import Letters
from connector.edges.console.live import Stream
from connector.edges.console.mappings import Mappings
from connector.edges.console.pages import HERE, load_templates
from connector.edges.console.parts import CONSOLE, Console, Process
from connector.edges.console.replay_list import Ask
from connector.edges.console.replays import Replays
from connector.edges.console.safety import guard
from connector.edges.console.session import Gatekeeper
from connector.edges.console.snapshot import Looks, Snapshot, Watch
from connector.edges.console.tester import Tester
from connector.edges.console.tester_events import KafkaRecords, Records
from connector.edges.console.token_watch import TokenWatch
from connector.edges.log_redaction import secrets_of
from connector.settings import files_with

# Pages with live parts: name of the stream -> what it shows of a snapshot in a turn, by name of the part.
LIVE: Final = {"overview": overview.live, "partitions": partitions.live}


def make_console(
    process: Process,
    looks: Looks | None = None,
    *,
    jobs: Jobs | None = None,
    dead_letters: ReadsLetters | None = None,
    ask: Ask | None = None,
    records: Records | None = None,
) -> web.Application:
    """Make the application; it begins to look at Kafka when the first page is asked for.

    looks         what makes the snapshots, if not a watch of Kafka
    jobs          what runs commands, if not as processes of our own command
    dead_letters  where they come from, if not from Kafka
    ask           what tells how far replays are, if not Kafka
    records       where the tester takes events from, if not from Kafka
    """
    load_templates()
    settings = process.settings
    streams = {name: Stream() for name in LIVE}

    turns = count()

    async def publish(snapshot: Snapshot) -> None:
        turn = next(turns)
        for name, stream in streams.items():
            if stream.watchers:
                watch.want()
                await stream.publish(LIVE[name](snapshot, turn))

    def destination() -> str | None:
        deliverable = process.deliverable()
        return None if deliverable is None else deliverable.destination.id

    watch = looks or Watch(settings, process.instance, process.facts, destination, publish)
    gatekeeper = Gatekeeper(settings.console_token)
    app = web.Application(middlewares=[guard(gatekeeper, host=settings.web_host)])
    jobs = jobs or Jobs(process.environment, secrets_of(settings))
    token = TokenWatch(files_with(process.environment, "console_token"), gatekeeper, jobs.know)
    letters = Letters(process, dead_letters or KafkaLetters(settings, destination))
    replays = Replays(process, ask)
    app[CONSOLE] = Console(process, gatekeeper, watch, jobs, streams)
    app.add_routes(
        [
            *overview.routes(),
            *partitions.routes(),
            *Mappings().routes(),
            *Tester(process, records or KafkaRecords()).routes(),
            *Account().routes(),
            *letters.routes(),
            *replays.routes(),
            *JobPages({**letters.jobs(), **replays.jobs()}).routes(),
            web.get("/live/{stream}", _live),
            web.get("", _home),
            web.get("/{tail:(?!static/).*}", _nothing),
            web.static("/static", HERE / "static"),
        ]
    )

    async def lifetime(_app: web.Application) -> AsyncIterator[None]:
        yield
        await jobs.close()
        await watch.close()

    async def let_go(_app: web.Application) -> None:
        for stream in streams.values():
            stream.close()

    app.cleanup_ctx.extend((token.lifetime, replays.lifetime, lifetime))  # the last begun is the first to end
    app.on_shutdown.append(let_go)
    return app


async def _live(request: web.Request) -> web.StreamResponse:
    console = request.app[CONSOLE]
    stream = console.streams.get(request.match_info["stream"])
    if stream is None:
        raise web.HTTPNotFound(text="there is no such live part")
    console.watch.want()
    return await stream.serve(request)


async def _home(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(HOME)


async def _nothing(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound(text="there is no such page")
