"""What is logged, and how it looks."""

import gc
import json
import logging
import re
import subprocess
import sys
import weakref

import pytest
import structlog

from connector.edges import logs
from connector.edges.log_redaction import LogRedaction
from connector.edges.log_repeats import MOST, WINDOW_S
from connector.edges.logs import LIBRARIES, LOG_CONTENTS, keep_out_of_logs, set_up_logs

SECRET = "ada@example.com"


@pytest.fixture
def logged(capsys, monkeypatch):
    """Give the lines on standard error so far; afterwards logging is as it was."""
    monkeypatch.setattr(logs, "_redaction", LogRedaction())  # what other tests of this process kept out
    root = logging.getLogger()
    libraries = [logging.getLogger(name) for name in LIBRARIES]
    handlers, level, levels = root.handlers, root.level, [library.level for library in libraries]

    def lines():
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()

    excepthook = sys.excepthook
    yield lines
    sys.excepthook = excepthook
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
@pytest.mark.parametrize("library", [name for name in LIBRARIES if name not in LOG_CONTENTS])
def test_talkative_libraries_are_heard_from_warnings_on(logged, level, shown, library):
    set_up_logs(level, "json")

    for name in ("debug", "info", "warning", "error"):
        getattr(theirs(library), name)("news")

    assert [json.loads(line)["level"] for line in logged()] == shown


@pytest.mark.parametrize(("level", "shown"), [("debug", ["info"]), ("info", []), ("error", [])])
@pytest.mark.parametrize("library", LOG_CONTENTS)
def test_requests_to_kafka_are_never_logged_as_they_hold_the_password_and_events(
    logged, level, shown, library
):
    set_up_logs(level, "json")

    theirs(library).debug("SaslAuthenticateRequest(…)")
    theirs(library).info("news")

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


# What is taken out


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("logger", [ours, theirs], ids=["ours", "a library's"])
def test_secrets_and_addresses_are_taken_out_of_texts_and_exceptions(logged, style, logger):
    set_up_logs("info", style)
    keep_out_of_logs(["k3y-of-logs"])

    try:
        raise OSError(f"k3y-of-logs of {SECRET} is refused")
    except OSError:
        logger().exception(f"login as {SECRET} with k3y-of-logs failed")

    text = "\n".join(logged())
    assert "login as [redacted] with [redacted] failed" in text
    assert "OSError: [redacted] of [redacted] is refused" in text
    assert SECRET not in text
    assert "k3y-of-logs" not in text


@pytest.mark.parametrize("style", ["console", "json"])
def test_fields_are_redacted_by_name_and_by_value(logged, style):
    set_up_logs("info", style)

    ours().info("odd", sasl_password="pw", who=SECRET, nested={"user_id": "u1"}, offset=7)

    [line] = logged()
    assert line.count("[redacted]") == 3
    assert not [value for value in ("pw", SECRET, "u1") if value in line]


def test_an_exception_among_the_values_of_a_librarys_line_loses_what_it_quotes(logged):
    set_up_logs("info", "json")

    theirs().error("Crashed reason=%r", KeyError("u-ada"))

    assert json.loads(logged()[0])["event"] == "Crashed reason=KeyError([redacted])"


def test_a_line_whose_values_do_not_fit_its_text_is_told_without_them(logged):
    set_up_logs("info", "json")

    theirs("some.library").warning("%d of %d", SECRET)

    [line] = map(json.loads, logged())
    assert line["event"] == "a line of some.library could not be logged"
    assert (line["level"], line["error"]) == ("error", "TypeError")


def test_a_value_that_cannot_be_shown_does_not_take_the_program_down(logged):
    class Odd:
        def __repr__(self):
            raise ZeroDivisionError(SECRET)

    set_up_logs("info", "json")

    ours().info("odd", value=Odd())

    [line] = map(json.loads, logged())
    assert line["event"] == "a line of connector.test could not be logged"
    assert line["error"] == "ZeroDivisionError"


def test_what_ends_the_process_is_a_line_like_others():
    code = """
from connector.edges.logs import set_up_logs
set_up_logs("info", "json")
raise KeyError("u-ada")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    [line] = map(json.loads, ended.stderr.splitlines())
    assert ended.returncode == 1
    assert (line["event"], line["level"]) == ("ended by an unexpected error", "error")
    assert line["exception"].endswith("KeyError: [redacted]")


def run_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("code", "event"),
    [
        pytest.param(
            "import threading\nt = threading.Thread(target={}.__getitem__, args=('u-ada',))\nt.start()\nt.join()",
            "a thread ended by an unexpected error",
            id="thread",
        ),
        pytest.param(
            "class Bad:\n    def __del__(self): {}['u-ada']\nBad()",
            "an unexpected error where none can be raised",
            id="where none can be raised",
        ),
        pytest.param(
            "import asyncio, uvloop\n"
            "from connector.cli.output import run_async\n"
            "async def main():\n"
            "    asyncio.get_running_loop().call_soon({}.__getitem__, 'u-ada')\n"
            "    await asyncio.sleep(0)\n"
            "    await asyncio.sleep(0)\n"
            "run_async(main(), quiet=False)",
            "Exception in callback",
            id="callback of the event loop",
        ),
        pytest.param(
            "import asyncio, gc\n"
            "from connector.cli.output import run_async\n"
            "async def fail(who): {}[who]\n"
            "async def main():\n"
            "    asyncio.create_task(fail('u-ada'))\n"
            "    await asyncio.sleep(0.01)\n"
            "    gc.collect()\n"
            "run_async(main(), quiet=False)",
            "Task exception was never retrieved",
            id="task that nobody waits for",
        ),
    ],
)
def test_no_way_to_fail_unseen_writes_values_past_the_log(code, event):
    ended = run_python(f"from connector.edges.logs import set_up_logs\nset_up_logs('info', 'json')\n{code}")

    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert event in [line["event"] for line in lines]
    assert lines[-1]["exception"].endswith("KeyError: [redacted]")
    assert "u-ada" not in ended.stderr


def test_hooks_that_are_not_pythons_own_stay():
    ended = run_python(
        "import sys, threading\n"
        "from connector.edges.logs import set_up_logs\n"
        "def theirs(told): pass\n"
        "threading.excepthook = sys.unraisablehook = theirs\n"
        "set_up_logs('info', 'json')\n"
        "assert threading.excepthook is theirs\n"
        "assert sys.unraisablehook is theirs\n"
    )

    assert ended.returncode == 0, ended.stderr


def test_what_ends_a_command_before_logs_are_set_up_loses_its_values_too():
    ended = run_python(
        "import sys\n"
        "sys.argv = ['encharge-connector', 'settings']\n"
        "import connector.cli.settings as module\n"
        "def fail(): raise KeyError('u-ada')\n"
        "module.read_settings = fail\n"
        "from connector.__main__ import main\n"
        "main()\n"
    )

    assert ended.returncode == 1
    assert "ended by an unexpected error" in ended.stderr
    assert "KeyError: [redacted]" in ended.stderr
    assert "u-ada" not in ended.stderr


# What is left out


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.mark.parametrize("style", ["console", "json"])
@pytest.mark.parametrize("logger", [ours, theirs], ids=["ours", "a library's"])
def test_a_line_that_repeats_itself_is_left_out_and_counted(logged, style, logger):
    clock = Clock()
    set_up_logs("info", style, clock=clock)

    for _ in range(MOST + 123):
        logger().warning("again")
    clock.now_s += WINDOW_S
    logger().warning("again")

    lines = logged()
    assert len(lines) == MOST + 1
    assert re.search(r"repeated\W+123\b", lines[-1])
    assert not [line for line in lines[:-1] if "repeated" in line]


def test_a_line_of_another_kind_lets_out_the_count(logged):
    clock = Clock()
    set_up_logs("info", "json", clock=clock)
    for number in range(MOST + 5):
        ours().error("lane failed", code="internal", offset=number)
    logged()
    clock.now_s += WINDOW_S

    ours().info("news")

    summary, news = map(json.loads, logged())
    summary.pop("timestamp")
    assert summary == {"event": "lane failed", "level": "error", "code": "internal", "repeated": 5}
    assert news["event"] == "news"


def test_the_end_of_logging_tells_what_was_left_out(logged):
    set_up_logs("info", "json", clock=Clock())
    for _ in range(MOST + 2):
        theirs().warning("again")
    logged()

    logging.getLogger().handlers[0].close()

    [line] = map(json.loads, logged())
    assert (line["event"], line["repeated"]) == ("again", 2)


def test_setting_up_anew_tells_what_was_left_out_before(logged):
    set_up_logs("info", "json", clock=Clock())
    for _ in range(MOST + 2):
        theirs().warning("again")
    logged()

    set_up_logs("info", "json")

    assert [json.loads(line)["repeated"] for line in logged()] == [2]


def raised(error, text):
    try:
        raise error
    except type(error):
        ours().exception(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            lambda: ours().error("failed", code="a"), lambda: ours().error("failed", code="b"), id="code"
        ),
        pytest.param(lambda: ours().error("failed"), lambda: ours().warning("failed"), id="level"),
        pytest.param(lambda: theirs("a").error("failed"), lambda: theirs("b").error("failed"), id="logger"),
        pytest.param(lambda: theirs().error("failed"), lambda: theirs().error("fell"), id="text"),
        pytest.param(
            lambda: theirs().error("failed", exc_info=KeyError()),
            lambda: theirs().error("failed", exc_info=OSError()),
            id="exception",
        ),
        pytest.param(
            lambda: raised(KeyError(), "failed"), lambda: raised(OSError(), "failed"), id="exception of ours"
        ),
        pytest.param(
            lambda: ours().error("failed", exc_info=KeyError()),
            lambda: ours().error("failed", exc_info=OSError()),
            id="exception given",
        ),
    ],
)
def test_lines_that_differ_in_kind_are_not_the_same(logged, one, other):
    set_up_logs("info", "json", clock=Clock())
    for _ in range(MOST + 1):
        one()
    logged()

    other()

    assert len(logged()) == 1


def test_numbers_in_a_librarys_text_make_no_other_line(logged):
    set_up_logs("info", "json", clock=Clock())

    for number in range(MOST + 50):
        theirs().warning("connection %d closed", number)

    assert len(logged()) == MOST


def test_lines_for_debugging_are_never_left_out(logged):
    set_up_logs("debug", "json", clock=Clock())

    for _ in range(3 * MOST):
        ours().debug("step")

    assert len(logged()) == 3 * MOST


def test_what_is_kept_of_a_line_that_was_left_out_holds_no_frames(logged):
    class Held:
        pass

    held = []

    def fail():
        local = Held()
        held.append(weakref.ref(local))
        raise ZeroDivisionError

    set_up_logs("info", "json", clock=Clock())
    for _ in range(MOST + 2):
        try:
            fail()
        except ZeroDivisionError:
            ours().exception("failed")

    gc.collect()
    assert [each() for each in held] == [None] * (MOST + 2)
