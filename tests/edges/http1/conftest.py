"""The sender is used on uvloop; that it works on asyncio's own loop, too, keeps it honest."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
