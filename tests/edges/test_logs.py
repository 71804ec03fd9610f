"""What is logged, and how it looks."""

import json
import logging
import re

import pytest
import structlog

from connector.edges.logs import LIBRARIES, set_up_logs

SECRET = "ada@example.com"


@pytest.fixture
def logged(capsys):
    """Give the lines on standard error so far; afterwards logging is as it was."""
    root = logging.getLogger()
    libraries = [logging.getLogger(name) for name in LIBRARIES]
    handlers, level, levels = root.handlers, root.level, [library.level for library in libraries]

    def lines():
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()

    yield lines
    root.handlers, root.level = handlers, level
    for library, before in zip(libraries, levels, strict=True):
        library.setLevel(before)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def ours():
    return structlog.get_logger("connector.test")


def theirs(name="some.library"):
    return logging.getLogger(name)


def fail_with_a_secret():
    secret = SECRET
    raise ZeroDivisionError(len(secret) and "division by zero")


def test_json_is_one_object_a_line_from_us_and_from_libraries_alike(logged):
    set_up_logs("info", "json")

    ours().info("partitions assigned", topic="événements", partitions=[0, 1])
    theirs().warning("lost %s of %d", "one", 2)

    one, two = map(json.loads, logged())
    times = one.pop("timestamp"), two.pop("timestamp")
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", time) for time in times)
    assert one == {
        "event": "partitions assigned",
        "level": "info",
        "topic": "événements",
        "partitions": [0, 1],
    }
    assert two == {"event": "lost one of 2", "level": "warning"}


def test_lines_for_people_hold_event_and_fields(logged):
    set_up_logs("info", "console")

    ours().info("partitions assigned", topic="events", partitions=[0, 1])
    theirs().warning("lost %s of %d", "one", 2)

    one, two = logged()
    assert "[info " in one
    assert re.search(r"partitions assigned +partitions=\[0, 1\] topic=events$", one)
    assert "[warning " in two
    assert two.rstrip().endswith("lost one of 2")


def test_lines_for_people_have_no_colours_where_there_is_no_terminal(logged):
    set_up_logs("info", "console")

    ours().info("partitions assigned", topic="events")

    assert "\x1b" not in logged()[0]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        pytest.param("debug", ["debug", "info", "warning", "error"], id="debug"),
        pytest.param("info", ["info", "warning", "error"], id="info"),
        pytest.param("warning", ["warning", "error"], id="warning"),
        pytest.param("error", ["error"], id="error"),
    ],
)
@pytest.mark.parametrize("logger", [ours, theirs], ids=["ours", "a library's"])
def test_nothing_less_important_than_the_level_is_logged(logged, level, shown, logger):
    set_up_logs(level, "json")

    for name in ("debug", "info", "warning", "error"):
        getattr(logger(), name)("news")

    assert [json.loads(line)["level"] for line in logged()] == shown


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        pytest.param("debug", ["debug", "info", "warning", "error"], id="debug"),
        pytest.param("info", ["warning", "error"], id="info"),
        pytest.param("error", ["error"], id="error"),
    ],
)
@pytest.mark.parametrize("library", [name for name in LIBRARIES if name != "aiokafka.conn"])
def test_talkative_libraries_are_heard_from_warnings_on(logged, level, shown, library):
    set_up_logs(level, "json")

    for name in ("debug", "info", "warning", "error"):
        getattr(theirs(library), name)("news")

    assert [json.loads(line)["level"] for line in logged()] == shown


@pytest.mark.parametrize(("level", "shown"), [("debug", ["info"]), ("info", []), ("error", [])])
def test_requests_to_kafka_are_never_logged_as_one_holds_the_password(logged, level, shown):
    set_up_logs(level, "json")

    theirs("aiokafka.conn").debug("SaslAuthenticateRequest(…)")
    theirs("aiokafka.conn").info("news")

    assert [json.loads(line)["level"] for line in logged()] == shown


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("logger", [ours, theirs], ids=["ours", "a library's"])
def test_a_traceback_shows_code_and_never_the_values_of_variables(logged, style, logger):
    set_up_logs("info", style)

    try:
        fail_with_a_secret()
    except ZeroDivisionError:
        logger().exception("lane failed")

    text = "\n".join(logged())
    assert "lane failed" in text
    assert "fail_with_a_secret" in text
    assert "ZeroDivisionError: division by zero" in text
    assert SECRET not in text


def test_a_traceback_in_json_stays_on_its_line(logged):
    set_up_logs("info", "json")

    try:
        fail_with_a_secret()
    except ZeroDivisionError:
        ours().exception("lane failed")

    [line] = logged()
    assert json.loads(line)["exception"].endswith("ZeroDivisionError: division by zero")


def test_fields_bound_to_the_context_are_part_of_every_line(logged):
    set_up_logs("info", "json")
    structlog.contextvars.bind_contextvars(worker="w1")

    ours().info("one")
    theirs().warning("two")

    assert [json.loads(line)["worker"] for line in logged()] == ["w1", "w1"]


def test_a_value_that_json_does_not_know_is_logged_as_text(logged):
    set_up_logs("info", "json")

    ours().info("odd", value=set, raw=b"\xff")

    found = json.loads(logged()[0])
    assert (found["value"], found["raw"]) == ("<class 'set'>", "b'\\xff'")
