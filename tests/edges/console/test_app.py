"""The console on the worker's web port, beside what machines ask."""

import httpx
import pytest
from prometheus_client import CollectorRegistry

from connector.edges.console.app import LIVE, make_console
from connector.edges.console.pages import NAVIGATION
from connector.edges.web import Health, start_web
from tests.eventually import eventually_async


@pytest.fixture
async def port(process, looks):
    runner = await start_web(
        Health(not_ready=list, status=dict, dead=list),
        CollectorRegistry(),
        host="127.0.0.1",
        port=0,
        console=make_console(process, looks),
    )
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", trust_env=False
    ) as client:
        yield client
    await runner.cleanup()


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_the_address_of_the_port_leads_to_the_console(port, path):
    answer = await port.get(path)

    assert (answer.status_code, answer.headers["location"]) == (302, "/console/")


async def test_what_machines_ask_is_beside_it(port):
    assert (await port.get("/live")).status_code == 200
    assert (await port.get("/metrics")).status_code == 200


# Letters are read from Kafka, which there is none of here.
@pytest.mark.parametrize(
    "place", [each for each in NAVIGATION if each.name != "letters"], ids=lambda place: place.name
)
async def test_every_entry_of_the_navigation_is_a_page_and_marked_as_the_one_that_is_shown(port, place):
    answer = await port.get(place.path)

    assert answer.status_code == 200
    assert answer.text.count("aria-current") == 1
    assert f'<a href="{place.path}" aria-current="page">{place.title}</a>' in answer.text


async def test_what_there_is_no_page_for_is_told_with_a_page(port):
    answer = await port.get("/console/nothing")

    assert answer.status_code == 404
    assert "there is no such page" in answer.text


async def test_there_is_no_live_part_of_that_name(port):
    assert (await port.get("/console/live/nothing")).status_code == 404


async def test_the_files_of_the_pages_are_served_from_the_package_and_nothing_beside_them(port):
    assert (await port.get("/console/static/htmx.min.js")).headers["content-type"].endswith("javascript")
    assert (await port.get("/console/static/../app.py")).status_code == 404
    assert (await port.get("/console/static/%2e%2e/app.py")).status_code in (403, 404)


@pytest.mark.parametrize("name", LIVE)
async def test_the_port_closes_at_once_although_somebody_looks(process, looks, name):
    runner = await start_web(
        Health(not_ready=list, status=dict, dead=list),
        CollectorRegistry(),
        host="127.0.0.1",
        port=0,
        console=make_console(process, looks),
    )
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/console/live/{name}"
    async with httpx.AsyncClient(trust_env=False) as client, client.stream("GET", url) as answer:
        assert answer.status_code == 200

        await runner.cleanup()

        async def ended():
            return not [chunk async for chunk in answer.aiter_bytes() if b"event:" in chunk]

        assert await eventually_async(ended, within_s=5)
