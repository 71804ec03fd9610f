"""What Encharge takes and what it refuses, over real HTTP."""

import pytest

from tests.simulator.sending import KEY, Sender, group, identify, track

JSON = {"Content-Type": "application/json"}


async def test_ingest_accepts_an_event(sender, simulator):
    answer = await sender.ingest(track("u1"))

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert simulator.stats()["accepted"] == 1


async def test_the_documented_spelling_of_the_ingest_address_is_taken_too(sender):
    answer = await sender.http.post(
        "/v1/", json={"name": "Registered user", "user": {"email": "a@example.com"}}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "status"), [pytest.param("POST", 201, id="add"), pytest.param("DELETE", 204, id="remove")]
)
async def test_tags_answer_as_in_the_published_api(sender, method, status):
    answer = await sender.http.request(method, "/v1/tags", json={"tag": "vip", "userId": "u1"})

    assert (answer.status_code, answer.content) == (status, b"")


async def test_the_account_is_shown_to_whoever_has_the_key(sender):
    answer = await sender.http.get("/v1/accounts/info")

    assert answer.status_code == 200
    assert answer.json()["status"] == "active"


async def test_schemas_name_the_object_types_and_have_no_version_in_their_path(sender, simulator):
    simulator.configure(object_types={"company": "Company", "invoice": "Invoice"})

    objects = (await sender.http.get("/schemas")).json()["objects"]

    assert [(entry["name"], entry["displayNameSingular"]) for entry in objects] == [
        ("company", "Company"),
        ("invoice", "Invoice"),
    ]
    assert (await sender.http.get("/v1/schemas")).status_code == 404


async def test_a_group_needs_no_person(sender):
    assert (await sender.ingest(group("acme"))).status_code == 200


@pytest.mark.parametrize(
    "ids", [{"userId": 7}, {"email": "a@example.com"}, {"segmentAnonymousId": "x"}], ids=str
)
@pytest.mark.parametrize("place", ["top", "user"])
async def test_a_person_is_named_at_the_top_level_or_under_user(sender, ids, place):
    body = {"type": "track", "event": "E", **(ids if place == "top" else {"user": ids})}

    assert (await sender.ingest(body)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"type": "track", "event": "E"}, id="no person at all"),
        pytest.param(track(""), id="empty"),
        pytest.param(track(None), id="null"),
        pytest.param(track(True), id="a boolean"),
        pytest.param(track([]), id="a list"),
        pytest.param({"type": "track", "event": "E", "user": "u1"}, id="user is a text"),
    ],
)
@pytest.mark.parametrize("path", ["/v1", "/v1/tags"])
async def test_a_request_for_nobody_is_refused(sender, path, body):
    answer = await sender.http.post(path, json={"tag": "vip", **body})

    assert refusal(answer) == (400, "person_missing")


async def test_a_field_called_id_names_nobody_in_ingest_but_encharges_own_person_in_tags(sender, simulator):
    await sender.ingest(identify("u1"))
    [person] = simulator.people()

    ingested = await sender.ingest({"type": "identify", "user": {"id": person["id"]}})
    tagged = await sender.add_tag(tag="vip", id=person["id"])

    assert refusal(ingested) == (400, "person_missing")
    assert tagged.status_code == 201
    assert simulator.person("u1")["tags"] == ["vip"]


@pytest.mark.parametrize("tag", [None, "", " , ", 5], ids=repr)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_tag_request_needs_a_tag(sender, method, tag):
    answer = await sender.http.request(method, "/v1/tags", json={"tag": tag, "userId": "u1"})

    assert refusal(answer) == (400, "tag_missing")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b'{"userId": NaN}', id="NaN"),
        pytest.param(b'{"userId": "\xff"}', id="not UTF-8"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
async def test_what_is_not_json_is_refused(sender, body):
    assert refusal(await sender.http.post("/v1", content=body, headers=JSON)) == (400, "not_json")


@pytest.mark.parametrize("body", [b"[]", b'"u1"', b"null", b"5"])
async def test_json_other_than_an_object_is_refused(sender, body):
    assert refusal(await sender.http.post("/v1", content=body, headers=JSON)) == (400, "not_an_object")


@pytest.mark.parametrize(
    "body",
    [rb'{"userId": "u1", "name": "\ud800"}', b'{"userId": "u1", "x": 1e999}'],
    ids=["surrogate", "overflow"],
)
async def test_json_that_only_javascript_takes_is_taken(sender, simulator, body):
    assert (await sender.http.post("/v1", content=body, headers=JSON)).status_code == 200
    assert (await sender.http.get("/_sim/people/u1")).status_code == 200
    assert (await sender.http.get("/_sim/requests")).content.endswith(b'"body":' + body + b"}\n")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
@pytest.mark.parametrize("path", ["/v1", "/v1/tags"])
async def test_a_body_must_be_declared_to_be_json(sender, path, content_type):
    answer = await sender.http.post(path, content=b'{"userId": "u1"}', headers={"Content-Type": content_type})

    assert refusal(answer) == (415, "content_type")


async def test_a_content_type_may_have_parameters(sender):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}

    assert (await sender.http.post("/v1", content=b'{"userId": "u1"}', headers=headers)).status_code == 200


ENDPOINTS = [
    ("POST", "/v1"),
    ("POST", "/v1/tags"),
    ("DELETE", "/v1/tags"),
    ("GET", "/v1/people?people[0][userId]=u1"),
    ("DELETE", "/v1/people?people[0][userId]=u1"),
    ("GET", "/v1/accounts/info"),
    ("GET", "/schemas"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_every_endpoint_needs_a_key(simulator, method, path):
    async with Sender(simulator.url, token="") as sender:
        answer = await sender.http.request(method, path, json=track("u1", tag="vip"))

    assert refusal(answer) == (401, "token_missing")


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_every_endpoint_refuses_a_key_that_is_not_configured(sender, simulator, method, path):
    simulator.configure(tokens=["another"])

    answer = await sender.http.request(method, path, json=track("u1", tag="vip"))

    assert refusal(answer) == (401, "token_wrong")


async def test_keys_can_be_revoked_and_rotated_while_it_runs(sender, simulator):
    simulator.configure(tokens=[KEY])
    before = await sender.ingest(track("u1"))
    simulator.configure(tokens=["the next one"])
    revoked = await sender.ingest(track("u1"))
    rotated = await sender.http.post("/v1", json=track("u1"), headers={"X-Encharge-Token": "the next one"})

    assert [answer.status_code for answer in (before, revoked, rotated)] == [200, 401, 200]


@pytest.mark.parametrize("path", ["/", "/v2", "/v1/people/all", "/v1/key", "/v1/tags/", "/_simulator"])
async def test_an_unknown_path_is_not_found(sender, path):
    assert refusal(await sender.http.post(path, json=track("u1"))) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1"),
        ("PUT", "/v1/tags"),
        ("POST", "/v1/people"),
        ("DELETE", "/schemas"),
        ("HEAD", "/v1/accounts/info"),
    ],
)
async def test_a_wrong_method_is_refused(sender, method, path):
    assert (await sender.http.request(method, path)).status_code == 405


@pytest.mark.parametrize(("size", "status"), [(1024**2, 200), (1024**2 + 1, 413)])
async def test_a_body_may_have_a_megabyte(sender, size, status):
    body = b'{"userId": "u1"}'.ljust(size)

    assert (await sender.http.post("/v1", content=body, headers=JSON)).status_code == status


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("query", ["", "?people[0][name]=x", "?userId=u1", "?people[0][userId]="])
async def test_people_must_be_named_in_the_query(sender, method, query):
    assert refusal(await sender.http.request(method, f"/v1/people{query}")) == (400, "person_missing")


@pytest.mark.parametrize(
    "query",
    [
        "people[0][userId]=a%2Bb%26c",
        "people%5B0%5D%5BuserId%5D=a%2Bb%26c",
        "people[0][email]=a%40example.com",
        "people[0][segmentAnonymousId]=anon&force=true",
        "people[0][userId]=nobody&people[1][email]=a%40example.com",
    ],
)
async def test_a_deleted_person_is_not_found_any_more(sender, query):
    person = {"userId": "a+b&c", "email": "a@example.com", "segmentAnonymousId": "anon"}
    await sender.ingest({"type": "identify", **person, "user": person})
    assert [found["userId"] for found in await sender.find(query)] == ["a+b&c"]

    deletion = await sender.http.delete(f"/v1/people?{query}")

    assert deletion.status_code == 204
    assert await sender.find("people[0][userId]=a%2Bb%26c") == []


async def test_deleting_somebody_twice_is_no_error(sender):
    await sender.ingest(identify("u1"))

    answers = [await sender.http.delete("/v1/people?people[0][userId]=u1") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]


async def test_an_archived_person_can_still_be_read_but_an_erased_one_cannot(sender):
    await sender.ingest(identify("u1", plan="pro"))
    await sender.http.delete("/v1/people?people[0][userId]=u1")
    archived = await sender.find("people[0][userId]=u1&includeArchived=true")
    await sender.http.delete("/v1/people?people[0][userId]=u1&force=true")
    erased = await sender.find("people[0][userId]=u1&includeArchived=true")

    assert [person["plan"] for person in archived] == ["pro"]
    assert erased == []


async def test_errors_have_the_shape_of_encharge(sender):
    first, second = [(await sender.http.get("/v1/nothing")).json() for _ in range(2)]

    assert first.keys() == {"error"}
    assert first["error"].keys() == {"message", "errorCode", "traceId"}
    assert first["error"]["traceId"] != second["error"]["traceId"]


async def test_refusals_are_counted_but_not_recorded(sender, simulator):
    await sender.http.get("/v1")
    await sender.ingest({"type": "track"})
    await sender.ingest({"type": "track"})

    stats = simulator.stats()
    assert stats["refusals"] == {"method_not_allowed": 1, "person_missing": 2}
    assert stats["answers"] == {"400": 2, "405": 1}
    assert (stats["requests"], stats["accepted"], stats["faults"]) == (3, 0, {})
    assert simulator.requests() == []


def refusal(answer):
    return answer.status_code, answer.json()["error"]["errorCode"]
