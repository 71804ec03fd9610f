"""The guard of the console: who may do what, and what a browser is told about our pages."""

import re

import httpx
import pytest

from connector.edges.console.app import make_console
from connector.edges.console.pages import NAVIGATION
from connector.edges.console.safety import OPEN, is_loopback
from tests.edges.console.conftest import TOKEN


def cookie_of(answer):
    return answer.headers["set-cookie"]


async def test_everybody_reads_and_nobody_is_shown_a_form_that_acts(http):
    answer = await http.get("/console/")

    assert answer.status_code == 200
    assert "Sign in to act" in answer.text
    assert "csrf" not in answer.text


@pytest.mark.parametrize("path", ["/console/sign-out", "/console/reveal"])
async def test_acting_without_a_session_is_refused(http, path):
    answer = await http.post(path, data={"csrf": "x"})

    assert answer.status_code == 403
    assert "sign in with the console token" in answer.text


async def test_acting_with_a_session_and_no_proof_is_refused(signed_in):
    signed_in.proof = "not-the-proof"

    answer = await signed_in.post("/console/reveal", {"reveals": "yes"})

    assert answer.status_code == 403
    assert "not of this session" in answer.text


async def test_the_proof_is_taken_from_the_header_too(signed_in):
    answer = await signed_in.client.post(
        "/console/reveal", data={"reveals": "yes"}, headers={"X-CSRF-Token": signed_in.proof}
    )

    assert answer.status_code == 303


def routes_that_act(process, looks):
    app = make_console(process, looks)
    for route in app.router.routes():
        if route.method not in ("GET", "HEAD", "*"):
            yield route.method, "/console" + re.sub(r"\{[^}]*\}", "1", route.resource.canonical)


async def test_every_route_that_acts_needs_a_session(process, looks, http):
    acting = [each for each in routes_that_act(process, looks) if each[1] not in OPEN]

    statuses = {path: (await http.request(method, path)).status_code for method, path in acting}

    assert statuses
    assert set(statuses.values()) == {403}


async def test_every_route_that_acts_needs_the_proof(process, looks, signed_in):
    acting = [each for each in routes_that_act(process, looks) if each[1] not in OPEN]

    statuses = {path: (await signed_in.client.request(method, path)).status_code for method, path in acting}

    assert set(statuses.values()) == {403}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_another_site_can_post_nothing_not_even_the_token(http, headers):
    answer = await http.post("/console/sign-in", data={"token": TOKEN}, headers=headers)

    assert answer.status_code == 403
    assert "another site" in answer.text


async def test_the_cookie_is_kept_from_scripts_and_other_sites(http):
    cookie = cookie_of(await http.post("/console/sign-in", data={"token": TOKEN}))

    assert {"HttpOnly", "SameSite=Strict", "Path=/console"} <= {each.strip() for each in cookie.split(";")}


async def test_behind_tls_the_cookie_is_for_tls_only(http):
    plain = cookie_of(await http.post("/console/sign-in", data={"token": TOKEN}))
    tls = cookie_of(
        await http.post("/console/sign-in", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
    )

    assert "Secure" in tls
    assert "Secure" not in plain


async def test_a_wrong_token_signs_nobody_in(http):
    answer = await http.post("/console/sign-in", data={"token": "guess"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "guess" not in answer.text


async def test_signing_out_takes_the_cookie_back(signed_in):
    await signed_in.post("/console/sign-out")

    assert "Sign in to act" in (await signed_in.get("/console/")).text


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "//evil.example", "/console/\\evil", "/other", "/console/\r\nX: y"]
)
async def test_signing_in_leads_nowhere_else(http, where):
    answer = await http.post("/console/sign-in", data={"token": TOKEN, "next": where})

    assert answer.headers["location"] == "/console/"


async def test_signing_in_leads_back_to_where_one_was(http):
    answer = await http.post("/console/sign-in", data={"token": TOKEN, "next": "/console/partitions"})

    assert answer.headers["location"] == "/console/partitions"


@pytest.mark.parametrize(
    "path", ["/console/", "/console/nothing", "/console/static/console.css", "/console/sign-in"]
)
async def test_every_answer_tells_the_browser_to_trust_nothing_inline(http, path):
    headers = (await http.get(path)).headers

    policy = dict(each.strip().split(" ", 1) for each in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


async def test_pages_are_kept_in_no_cache(http):
    assert (await http.get("/console/")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("place", NAVIGATION, ids=lambda place: place.name)
async def test_no_page_has_an_inline_script_or_style(http, place):
    text = (await http.get(place.path)).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", text)


async def test_a_loopback_port_answers_to_no_name_of_another_host(http):
    answer = await http.get("/console/", headers={"Host": "rebound.example:6066"})

    assert answer.status_code == 421


async def test_a_port_for_the_network_answers_to_any_name(process, looks, settings):
    from dataclasses import replace

    from aiohttp import web

    app = web.Application()
    open_to_all = replace(process, settings=replace(settings, web_host="0.0.0.0"))
    app.add_subapp("/console", make_console(open_to_all, looks))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/console/"
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url, headers={"Host": "connector.example"})
    await runner.cleanup()

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True),
        ("worker.localhost", True), ("0.0.0.0", False), ("10.0.0.1", False), ("localhost.evil.example", False),
        ("", False),
    ],
)  # fmt: skip
def test_names_of_this_machine_alone_are_loopback(host, is_ours):
    assert is_loopback(host) is is_ours


async def test_an_unexpected_error_tells_nothing_of_itself(http, looks, capsys):
    async def fail():
        raise RuntimeError("the secret inside")

    looks.snapshot = fail

    answer = await http.get("/console/")

    assert answer.status_code == 500
    assert "the secret inside" not in answer.text
    assert "log of the worker" in answer.text
