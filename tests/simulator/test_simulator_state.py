"""The account as accepted requests leave it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator import Simulator, SimulatorConfig
from connector.simulator.encharge import Call, Refusal, examine
from connector.simulator.json_bytes import render_json
from connector.simulator.state import Account
from tests.simulator.sending import Sender, group, identify, track


def account_after(*bodies, path="/v1"):
    account = Account({}, keep=True)
    for body in bodies:
        do(account, "POST", path, body)
    return account


def do(account, method, path, body=None, query=""):
    demand = examine(Call(method, path, query, "key", "application/json", render_json(body)), ())
    assert not isinstance(demand, Refusal)
    return account.act(demand)


def shown(account, one_id):
    person = account.person(one_id)
    return None if person is None else person.as_json()


def test_identify_leaves_the_fields():
    account = account_after(identify("u1", plan="free", city="Rome"), identify("u1", plan="pro", team=None))

    assert shown(account, "u1")["fields"] == {"plan": "pro", "city": "Rome", "team": None}


def test_user_fields_of_any_event_are_kept_and_tags_are_split():
    account = account_after(track("u1", user={"userId": "u1", "plan": "pro", "tags": "a, b"}))

    assert shown(account, "u1")["fields"] == {"plan": "pro"}
    assert shown(account, "u1")["tags"] == ["a", "b"]


def test_events_are_counted_by_name():
    account = account_after(
        track("u1", "Signed Up"),
        track("u1", "Order Completed"),
        track("u1", "Order Completed"),
        {"type": "page", "userId": "u1"},
        {"name": "Created Page", "user": {"userId": "u1"}},
        identify("u1"),
        {"name": "identify", "user": {"userId": "u1"}},
    )

    assert shown(account, "u1")["events"] == {
        "Signed Up": 1, "Order Completed": 2, "page": 1, "Created Page": 1,
    }  # fmt: skip


def test_tags_are_added_once_and_removed():
    account = account_after(
        {"tag": "vip,beta", "userId": "u1"}, {"tag": "vip", "userId": "u1"}, path="/v1/tags"
    )
    before = shown(account, "u1")["tags"]

    do(account, "DELETE", "/v1/tags", {"tag": "vip,never", "userId": "u1"})

    assert (before, shown(account, "u1")["tags"]) == (["vip", "beta"], ["beta"])


def test_all_ids_lead_to_the_same_person():
    account = account_after(identify("u1", email="a@example.com"), track("u1", segmentAnonymousId="x"))

    assert len(account.people()) == 1
    assert account.person("u1") is account.person("a@example.com") is account.person("x")
    assert account.person("u1") is account.person(shown(account, "u1")["id"])


def test_an_anonymous_visitor_becomes_the_user_who_signs_up():
    visit = {"type": "track", "event": "Visited", "segmentAnonymousId": "x"}

    account = account_after(visit, {**identify("u1", plan="pro"), "segmentAnonymousId": "x"})

    assert len(account.people()) == 1
    assert shown(account, "u1")["events"] == {"Visited": 1}


def test_two_records_of_one_person_are_put_together_once_a_request_names_both():
    account = account_after(
        {"type": "track", "event": "Visited", "segmentAnonymousId": "x", "user": {"plan": "free"}},
        identify("u1", plan="pro"),
        track("u1", "Bought", segmentAnonymousId="x"),
    )

    assert len(account.people()) == 1
    assert shown(account, "u1")["fields"] == {"plan": "pro"}
    assert shown(account, "x")["events"] == {"Visited": 1, "Bought": 1}


def test_two_users_of_one_browser_stay_two_people():
    account = account_after(
        track("u1", "A", segmentAnonymousId="x"), track("u2", "B", segmentAnonymousId="x")
    )

    assert [shown(account, user)["events"] for user in ("u1", "u2")] == [{"A": 1}, {"B": 1}]
    assert account.person("x") is account.person("u2")  # who was seen there last


def test_a_new_address_replaces_the_old_one():
    account = account_after(identify("u1", email="old@example.com"), identify("u1", email="new@example.com"))

    assert shown(account, "u1")["email"] == "new@example.com"
    assert account.person("old@example.com") is None


@pytest.mark.parametrize(
    "alias",
    [
        {"type": "alias", "userId": "new", "previousUserId": "old"},
        {"name": "alias", "user": {"userId": "new"}, "previousUserId": "old"},
        {"type": "alias", "userId": "new", "previousEmail": "old@example.com"},
    ],
)
@pytest.mark.parametrize("known_before", [True, False])
def test_alias_joins_two_people_under_the_new_id(alias, known_before):
    before = [identify("new", plan="pro")] if known_before else []
    account = account_after(
        identify("old", plan="free", city="Rome", email="old@example.com"), *before, alias
    )

    assert len(account.people()) == 1
    assert shown(account, "new")["userId"] == "new"
    assert shown(account, "new")["fields"] == {"plan": "pro" if known_before else "free", "city": "Rome"}


def test_what_still_comes_for_the_id_before_an_alias_goes_to_the_joined_person():
    alias = {"type": "alias", "userId": "new", "previousUserId": "old"}

    account = account_after(identify("old"), alias, track("old", "Late"))

    assert shown(account, "new")["events"] == {"Late": 1}
    assert shown(account, "old")["userId"] == "new"


@pytest.mark.parametrize("previous", ["nobody", None, "new"])
def test_alias_of_somebody_unknown_is_just_the_new_person(previous):
    account = account_after({"type": "alias", "userId": "new", "previousUserId": previous})

    assert [person.ids["userId"] for person in account.people()] == ["new"]


def test_objects_are_kept_by_type_and_id_with_their_people():
    account = account_after(
        group("acme", properties={"externalId": "acme", "plan": "free"}, user={"userId": "u1"}),
        group("acme", properties={"externalId": "acme", "seats": 5}, user={"email": "a@example.com"}),
        {"type": "group", "objectType": "invoice", "properties": {"id": 17}, "user": {}},
        {"type": "group", "objectType": "invoice", "properties": {}, "user": {}},
    )

    assert [stored.as_json() for stored in account.objects()] == [
        {
            "objectType": "company",
            "fields": {"externalId": "acme", "plan": "free", "seats": 5},
            "people": ["u1", "a@example.com"],
        },
        {"objectType": "invoice", "fields": {"id": 17}, "people": []},
        {"objectType": "invoice", "fields": {}, "people": []},
    ]


def test_a_deleted_person_is_gone_under_every_id_and_from_objects():
    account = account_after(
        identify("u1", email="a@example.com"), group("acme", user={"userId": "u1"}), identify("u2")
    )

    do(account, "DELETE", "/v1/people", query="people[0][email]=a%40example.com")

    assert account.person("u1") is account.person("a@example.com") is None
    assert [person.ids["userId"] for person in account.people()] == ["u2"]
    assert account.objects()[0].as_json()["people"] == []


def test_whoever_comes_back_after_a_deletion_is_new():
    account = account_after(identify("u1", plan="pro"))
    do(account, "DELETE", "/v1/people", query="people[0][userId]=u1")

    do(account, "POST", "/v1", track("u1", "Back"))

    assert shown(account, "u1")["fields"] == {}
    assert shown(account, "u1")["events"] == {"Back": 1}


def test_erasing_an_archived_person_leaves_alone_who_has_the_address_now():
    account = account_after(identify("u1", email="a@example.com"))
    do(account, "DELETE", "/v1/people", query="people[0][userId]=u1")
    do(account, "POST", "/v1", identify("u2", email="a@example.com"))

    do(account, "DELETE", "/v1/people", query="people[0][userId]=u1&force=true")

    assert shown(account, "a@example.com")["userId"] == "u2"


async def test_state_is_not_kept_unless_wanted():
    async with Simulator(SimulatorConfig(keep_state=False)) as simulator, Sender(simulator.url) as sender:
        answers = [
            await sender.ingest(identify("u1")),
            await sender.add_tag(tag="vip", userId="u1"),
            await sender.ingest(group("acme")),
        ]

        assert [answer.status_code for answer in answers] == [200, 201, 200]
        assert (simulator.people(), simulator.objects()) == ([], [])


IDS = st.fixed_dictionaries(
    {},
    optional={
        "userId": st.sampled_from(["u1", "u2", "u3"]),
        "email": st.sampled_from(["a@x", "b@x"]),
        "segmentAnonymousId": st.sampled_from(["x", "y"]),
    },
).filter(bool)
STEPS = st.one_of(
    IDS.map(lambda ids: ("POST", "/v1", {"type": "track", "event": "E", **ids}, "")),
    st.tuples(IDS, st.sampled_from(["u1", "u2", "u3"])).map(
        lambda pair: ("POST", "/v1", {"type": "alias", **pair[0], "previousUserId": pair[1]}, "")
    ),
    st.tuples(IDS, st.booleans()).map(
        lambda pair: (
            "DELETE",
            "/v1/people",
            None,
            "&".join(f"people[0][{kind}]={value}" for kind, value in pair[0].items())
            + ("&force=true" if pair[1] else ""),
        )
    ),
)


@given(st.lists(STEPS, max_size=20))
def test_every_id_leads_to_exactly_one_person_whatever_happens(steps):
    account = Account({}, keep=True)

    for method, path, body, query in steps:
        do(account, method, path, body, query)

        everybody = account.people()
        assert set(account._people.values()) == set(everybody)
        assert all(key in person.keys for key, person in account._people.items())
        assert all(account._people.get(key) is person for person in everybody for key in person.keys)
        assert all(set(person.ids.items()) <= person.keys for person in everybody)
