"""Deletions in a lane: in order, and remembered before their record is settled."""

import asyncio
import json

from connector.core import Destination
from connector.delivery.planner import plan_with
from connector.errors import OperationalError
from tests.builders import record
from tests.delivery.setup import WALL_S, play
from tests.fakes import BROKEN, OK, REFUSED, ScriptedSender

DESTINATION = Destination.from_config(
    {
        "id": "test",
        "mappings": [
            {
                "name": "Tag",
                "action": "addTag",
                "trigger": 'type = "identify"',
                "fields": {"tag": "seen", "userId": {"@path": "$.userId"}},
            }
        ],
    },
    api_key="key",
)
PLAN = plan_with(DESTINATION, largest_record=10_000)
DELETE = {"type": "delete", "userId": "u1"}
IDENTIFY = {"type": "identify", "userId": "u1"}


class Memory:
    """Remembers deletions in a list; fails the first `failures` times."""

    def __init__(self, failures=0):
        self.failures = failures
        self.attempts = 0
        self.kept = []

    async def remember(self, destination, event, at):
        self.attempts += 1
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OperationalError("the topic cannot be written")
        self.kept.append((destination, event, at))


class Wire(ScriptedSender):
    """Notes methods, too."""

    def __init__(self, *script):
        super().__init__(*script)
        self.methods = []

    async def send(self, request):
        self.methods.append(request.method)
        return await super().send(request)


def deliver(*events, sender=None, memory=None, **options):
    """Deliver one record for each value; give the Setup, the sender and the memory."""
    sender, memory = sender or Wire(), memory or Memory()

    async def scenario(setup):
        setup.context.deletions = memory
        setup.submit(*(record(n, value=json.dumps(event).encode()) for n, event in enumerate(events)))
        await setup.settled()

    setup, _ = play(scenario, sender=sender, plan=PLAN, **options)
    return setup, sender, memory


def test_a_deletion_is_sent_in_the_order_of_its_person():
    setup, sender, _memory = deliver(IDENTIFY, DELETE, IDENTIFY)

    assert sender.methods == ["POST", "DELETE", "POST"]
    assert sender.most_under_way == 1
    assert setup.watermark() == 3
    assert setup.stats.delivered == {("Tag", "addTag"): 2, ("", "deletePerson"): 1}


def test_a_deletion_is_remembered_with_the_time_at_which_it_was_made():
    setup, sender, memory = deliver(DELETE)

    [(destination, event, at)] = memory.kept
    assert (destination, event) == ("test", DELETE)
    assert at == WALL_S + sender.times_s[0] + sender.latency_s
    assert setup.watermark() == 1


def test_a_deletion_that_cannot_be_remembered_settles_nothing_and_is_repeated():
    setup, sender, memory = deliver(DELETE, IDENTIFY, memory=Memory(failures=2))

    assert sender.methods == ["DELETE", "DELETE", "DELETE", "POST"]
    assert (memory.attempts, len(memory.kept)) == (3, 1)
    assert setup.stats.delivered["", "deletePerson"] == 1
    assert setup.letters.letters == []
    assert setup.watermark() == 2


def test_a_deletion_that_fails_in_passing_is_repeated_and_remembered_once():
    _setup, sender, memory = deliver(DELETE, sender=Wire(BROKEN, OK))

    assert sender.methods == ["DELETE", "DELETE"]
    assert len(memory.kept) == 1


def test_a_deletion_that_is_refused_is_a_dead_letter_of_no_mapping_and_not_remembered():
    setup, _sender, memory = deliver(DELETE, sender=Wire(REFUSED))

    [letter] = setup.letters.letters
    headers = dict(letter.headers)
    assert headers["encharge.action"] == b"deletePerson"
    assert "encharge.mapping" not in headers
    assert headers["encharge.code"] == b"rejected"
    assert letter.value == json.dumps(DELETE).encode()
    assert memory.kept == []


def test_a_deletion_in_an_envelope_remembers_the_person_of_its_own_event():
    other = {"type": "delete", "userId": "u2"}

    setup, sender, memory = deliver({"batch": [IDENTIFY, DELETE, other]})

    assert sender.methods == ["POST", "DELETE", "DELETE"]
    assert [event["userId"] for _, event, _ in memory.kept] == ["u1", "u2"]
    assert setup.watermark() == 1
