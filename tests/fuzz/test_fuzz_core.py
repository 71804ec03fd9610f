"""Arbitrary events, trees and triggers: only declared errors, no hang, and both ways of asking agree."""

import json
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.core import (
    UNDEFINED,
    ConfigurationError,
    Destination,
    FieldsError,
    TriggerError,
    compile_fields,
    compile_trigger,
)
from connector.core.deletion import DELETE_PERSON
from connector.core.explain import explain
from connector.core.json_text import read_json, write_json
from connector.errors import UnreadableRecord
from connector.ingest.routing import route
from tests import strategies

LONGEST_S = 2.0  # for one example, on a machine that does other things too

fuzz = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

PRESETS = Destination.from_config({"id": "presets"}, api_key="key")


def in_time(work):
    begun_s = time.process_time()
    result = work()
    assert time.process_time() - begun_s < LONGEST_S
    return result


def assert_planned(planned):
    for entry in planned:
        assert (entry.request is None) != (entry.error is None)
        if entry.request is None:
            assert entry.error.message
        elif entry.action == DELETE_PERSON:
            assert entry.request.body is None
        else:
            assert isinstance(json.loads(entry.request.body), dict)


def test_any_event_becomes_requests_or_errors_that_are_declared(for_a_while):
    @fuzz
    @given(strategies.events() | strategies.objects)
    def target(event):
        before = write_json(event)

        planned = in_time(lambda: PRESETS.plan(event))

        assert_planned(planned)
        assert write_json(event) == before, "the event was changed"

    for_a_while(target)


def test_any_configuration_compiles_or_is_refused_and_plans_any_event(for_a_while):
    @fuzz
    @given(
        st.lists(strategies.mappings(), min_size=1, max_size=4),
        st.lists(strategies.events(), min_size=2, max_size=4),
    )
    def target(mappings, events):
        try:
            destination = in_time(
                lambda: Destination.from_config({"id": "x", "mappings": mappings}, api_key="key")
            )
        except ConfigurationError:
            return
        for event in events:
            planned = in_time(lambda event=event: destination.plan(event))

            assert_planned(planned)
            assert planned == tuple(p for m in destination.mappings if (p := m.plan(event)) is not None), (
                "index"
            )
            done = in_time(lambda event=event: destination.plan_event(event))
            assert_planned(done)
            assert destination.deletes(event) or done == planned
            explained = in_time(lambda event=event: explain(destination, event))
            assert tuple(each.planned for each in explained if each.planned is not None) == done
            assert [each.matched for each in explained] == [each.planned is not None for each in explained]

    for_a_while(target)


def test_any_fields_tree_resolves_any_event_or_complains(for_a_while):
    @fuzz
    @given(
        strategies.trees | strategies.field_trees,
        st.lists(strategies.events() | strategies.json_values, min_size=1, max_size=3),
    )
    def target(tree, events):
        try:
            fields = in_time(lambda: compile_fields(tree))
        except FieldsError as error:
            assert error.messages
            return
        for event in events:
            try:
                value = in_time(lambda event=event: fields(event))
            except FieldsError as error:
                assert error.message
            else:
                if value is not UNDEFINED:
                    read_json(write_json(value))

    for_a_while(target)


def test_any_trigger_compiles_or_is_refused_and_decides_about_any_event(for_a_while):
    @fuzz
    @given(strategies.triggers, st.lists(strategies.events() | strategies.objects, min_size=2, max_size=4))
    def target(text, events):
        try:
            trigger = in_time(lambda: compile_trigger(text))
        except TriggerError as error:
            assert error.message
            return
        for event in events:
            try:
                matches = in_time(lambda event=event: trigger(event))
            except TriggerError as error:
                assert error.message
            else:
                assert isinstance(matches, bool)
                assert not matches or trigger.types is None or event.get("type") in trigger.types

    for_a_while(target)


def test_any_bytes_are_routed_or_unreadable(for_a_while):
    @fuzz
    @given(
        st.binary(max_size=200)
        | (strategies.objects | strategies.events()).map(write_json)
        | st.lists(strategies.events() | strategies.json_values, max_size=4).map(
            lambda batch: write_json({"batch": batch})
        )
    )
    def target(value):
        try:
            routed = in_time(lambda: route(value))
        except UnreadableRecord as error:
            assert error.message
        else:
            assert all(each.key and isinstance(read_json(each.value), dict) for each in routed)

    for_a_while(target)
