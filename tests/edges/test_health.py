"""The reasons of /ready and /live, as they are written."""

from types import SimpleNamespace

import pytest

from connector.delivery.gate import Closed, Shut
from connector.delivery.liveness import HealthReason, ReaderVitals
from connector.edges.faust_app import add_agent, ended_agents, make_app, make_channel, start, stop
from connector.edges.health import as_json, not_assigned, reader_vitals, short, shut_reasons
from tests.eventually import eventually_async


def reader(**changes):
    facts = {"topic": "events", "is_reading": True, "polled_s": 5.0, "revoking_s": None, "ended": []}
    return SimpleNamespace(**facts | changes)


def test_each_reader_without_an_assignment_is_a_reason_with_its_topic():
    found = not_assigned([reader(), reader(topic="by-user", is_reading=False)])

    assert [(reason.code, reason.topic) for reason in found] == [("not_assigned", "by-user")]
    assert not_assigned([reader()]) == []


def test_each_reason_for_which_nothing_is_sent_has_its_code_and_its_detail_in_words():
    found = shut_reasons({Shut.PAUSED: Closed(1.0, "ops maintenance"), Shut.OUTAGE: Closed(2.0, "")})

    assert found == [
        HealthReason("paused", "paused by command; `encharge-connector resume` goes on (ops maintenance)"),
        HealthReason("outage", "Encharge is out; it is tried again by itself"),
    ]


@pytest.mark.parametrize("reason", list(Shut))
def test_every_reason_of_the_gate_has_a_text(reason):
    [found] = shut_reasons({reason: Closed(1.0, "")})

    assert found.code == reason
    assert found.text


def test_a_reason_is_written_with_its_topic_if_it_is_about_one():
    assert as_json(HealthReason("paused", "why")) == {"code": "paused", "text": "why"}
    assert as_json(HealthReason("not_assigned", "why", "events")) == {
        "code": "not_assigned", "text": "why", "topic": "events"
    }  # fmt: skip


def test_a_heartbeat_has_the_code_and_the_topic():
    assert short(HealthReason("paused", "why")) == "paused"
    assert short(HealthReason("not_assigned", "why", "events")) == "not_assigned:events"


def test_a_reader_is_seen_with_the_agent_that_takes_its_batches():
    found = reader_vitals(reader(ended=["committing"]), ["ingest", "deliver"], "deliver")

    assert found == ReaderVitals("events", True, 5.0, None, ["committing", "agent deliver"])
    assert reader_vitals(reader(), ["ingest"], "deliver").ended == []


async def test_an_agent_that_ended_is_noticed_and_one_that_faust_starts_anew_is_not():
    app = make_app(broker="127.0.0.1:1")
    ends, works = make_channel(app), make_channel(app)
    taken = []

    class Reader:
        async def hand_over(self, batch):
            taken.append(batch)
            if batch == "poison":
                raise ValueError

    add_agent(app, "ends", ends, Reader())
    add_agent(app, "works", works, Reader())
    await start(app, [])
    try:
        await works.put("poison")
        await works.put("batch")
        await eventually_async(lambda: "batch" in taken, 5)
        before = ended_agents(app)
        await app.agents["ends"].supervisor.stop()  # as after too many restarts
        await ends.put("poison")

        assert before == []
        assert await eventually_async(lambda: ended_agents(app), 5) == ["ends"]
    finally:
        await stop(app)
    assert ended_agents(app) == []  # now they are meant to
