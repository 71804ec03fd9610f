"""Encharge takes requests whose answers the network eats, on a real Kafka."""

from collections import Counter

import pytest

from tests.kafka.stack import round_robin

pytestmark = pytest.mark.kafka


def test_a_request_whose_answer_is_lost_is_repeated_in_its_place_with_the_same_message_id(stack):
    stack.simulator.configure(rate_lost_reply=0.1, seed=1)
    stack.start_worker()
    stack.produce(round_robin(people=40, per_person=5))
    verdict = stack.await_all(120)
    stack.stop_workers()

    assert (verdict.lost, verdict.violations, verdict.wrong) == ([], [], [])
    stats = stack.simulator.stats()
    assert stats["faults"]["rate_lost_reply"] > 0
    # Sent again was only what went unanswered, and as it was.
    assert (
        verdict.duplicates
        == stats["repeats"]
        == stats["repeats_unanswered"]
        == stats["faults"]["rate_lost_reply"]
    )
    posts = [each for each in stack.simulator.requests() if each["method"] == "POST"]
    times = Counter(each["body"]["messageId"] for each in posts)
    assert len({(each["body"]["messageId"], each["digest"]) for each in posts}) == len(times) == 200
    assert max(times.values()) > 1
