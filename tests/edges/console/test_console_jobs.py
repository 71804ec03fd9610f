"""Jobs of the console, with real small processes."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from connector.edges.console import jobs as module
from connector.edges.console.jobs import (
    COMMAND,
    LONGEST_LINE,
    LONGEST_READ,
    MOST_LINES,
    MOST_OUT_BYTES,
    MOST_REMEMBERED,
    MOST_RUNNING,
    Jobs,
)
from connector.edges.console.masking import MASK
from connector.errors import OperationalError
from tests.eventually import eventually_async

SECRET = "key-that-nobody-may-see"
HANGS = "import sys, time; print('{}', flush=True); time.sleep(300)"
STUBBORN = """\
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", file=sys.stderr, flush=True)
time.sleep(300)
"""


@pytest.fixture
async def jobs():
    jobs = Jobs({"CONNECTOR_KAFKA_BOOTSTRAP_SERVERS": "here:9092"}, [SECRET], (sys.executable, "-c"))
    yield jobs
    await jobs.close()


async def run(jobs, script, *arguments, **options):
    job = await jobs.start("kind", [script, *arguments], "title", **options)
    await jobs.ended(job.id)
    return job


def pid_of(jobs, job):
    return jobs._processes[job.id].pid


async def test_what_a_command_prints_and_its_exit_code_are_remembered(jobs):
    script = "import json, sys; print(json.dumps({'argv': sys.argv[1:]})); print('no JSON'); print('[1]')"

    job = await run(jobs, script, "--a", "b c", "$(id)")

    assert (job.state, job.code) == ("done", 0)
    assert job.lines == [{"argv": ["--a", "b c", "$(id)"]}, [1]]
    assert job.result == {"argv": ["--a", "b c", "$(id)"]}
    assert job.ended_at >= job.started_at


async def test_our_own_command_is_what_runs_by_default():
    jobs = Jobs({})
    job = await jobs.start("kind", ["--version"], "title")
    await jobs.ended(job.id)
    failed = await jobs.start("kind", ["no-such-command"], "title")
    await jobs.ended(failed.id)
    await jobs.close()

    assert (sys.executable, "-m", "connector") == COMMAND
    assert (job.state, job.code) == ("done", 0)
    assert (failed.state, failed.code) == ("failed", 2)
    assert any("no-such-command" in line for line in failed.errors)


async def test_a_command_that_fails_has_failed(jobs):
    job = await run(jobs, "import sys; sys.exit(3)")

    assert (job.state, job.code, job.result) == ("failed", 3, {})


async def test_the_environment_is_the_workers_without_the_console_token(monkeypatch):
    monkeypatch.setenv("CONNECTOR_OF_THE_TEST", "must not be seen")
    given = {"CONNECTOR_X": "1", "CONNECTOR_CONSOLE_TOKEN": SECRET, "CONNECTOR_CONSOLE_TOKEN_FILE": "/f"}
    jobs = Jobs(given, (), (sys.executable, "-c"))

    job = await run(jobs, "import json, os; print(json.dumps(dict(os.environ)))")
    await jobs.close()

    assert {name: value for name, value in job.result.items() if name.startswith("CONNECTOR_")} == {
        "CONNECTOR_X": "1"
    }


async def test_a_job_has_a_session_of_its_own_no_input_and_a_low_priority(jobs):
    job = await jobs.start("kind", [HANGS], "title")
    process = psutil.Process(pid_of(jobs, job))

    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert os.readlink(f"/proc/{process.pid}/fd/0") == os.devnull  # noqa: PTH115  Path's would block, too
    assert process.nice() == psutil.Process().nice() + module.NICER


async def test_a_command_that_sees_to_its_priority_itself_keeps_ours(jobs):
    job = await jobs.start("kind", [HANGS], "title", is_nice=False)

    assert psutil.Process(pid_of(jobs, job)).nice() == psutil.Process().nice()


async def test_output_beyond_the_bound_is_read_and_not_kept(jobs):
    script = "import sys; sys.stdout.write('x' * (3 * 1024 * 1024)); print('[1]')"

    job = await run(jobs, script)

    assert job.state == "done", "it must not wait for a reader"
    assert job.is_cut
    assert job.lines == []


async def test_output_within_the_bound_is_kept_whole(jobs):
    script = f"print('\"' + 'x' * ({MOST_OUT_BYTES} - 3) + '\"', end='\\n')"

    job = await run(jobs, script)

    assert not job.is_cut
    assert len(job.lines[0]) == MOST_OUT_BYTES - 3


async def test_only_the_newest_lines_of_errors_are_kept_each_with_a_bound(jobs):
    script = "import sys\nfor n in range(1000): print(n, 'x' * 5000, file=sys.stderr)"

    job = await run(jobs, script)

    assert len(job.errors) == MOST_LINES
    assert job.errors[-1].startswith("999 ")
    assert all(len(line) == LONGEST_LINE for line in job.told(reveals=True))


async def test_errors_are_redacted_as_the_log_is(jobs):
    script = "import sys; print('key', sys.argv[1], 'of ada@example.com', file=sys.stderr)"

    job = await run(jobs, script, SECRET)

    assert job.errors[0] == "key [redacted] of [redacted]"


async def test_a_secret_at_the_cut_of_a_line_leaves_no_half(jobs):
    script = f"import sys; print('x ' * {LONGEST_READ // 2 - 3}, sys.argv[1], file=sys.stderr)"

    job = await run(jobs, script, SECRET)

    assert "key" not in job.errors[0]


async def test_a_private_text_at_the_cut_of_a_line_leaves_no_half(jobs):
    script = f"import sys; print('x' * {LONGEST_LINE - 5}, 'user-4711', file=sys.stderr)"

    job = await run(jobs, script, private=["user-4711"])

    assert "user" not in job.told(reveals=False)[0]


async def test_private_arguments_are_told_to_nobody_who_may_not_see_them(jobs):
    job = await run(
        jobs, "import sys; print('no user u_42 here', file=sys.stderr); sys.exit(2)", private=["u_42", ""]
    )

    assert job.told(reveals=False) == [f"no user {MASK} here"]
    assert job.told(reveals=True) == ["no user u_42 here"]
    assert "u_42" not in repr(job)


async def test_no_more_than_a_few_run_at_once(jobs):
    for _ in range(MOST_RUNNING):
        await jobs.start("kind", [HANGS], "title")

    with pytest.raises(OperationalError, match="run already"):
        await jobs.start("kind", [HANGS], "title")
    assert len(jobs.running()) == MOST_RUNNING


async def test_only_the_last_ones_are_remembered_and_all_that_run(jobs):
    first = await jobs.start("kind", [HANGS], "title")
    jobs._command = ("/bin/true",)  # a Python takes a while
    others = [await run(jobs, "") for _ in range(MOST_REMEMBERED + 5)]

    assert len(jobs.all()) == MOST_REMEMBERED
    assert jobs.get(first.id) is first
    assert jobs.get(others[0].id) is None
    assert jobs.all()[0] is others[-1]


async def test_jobs_are_found_by_kind(jobs):
    one = await jobs.start("one", [HANGS], "title")
    two = await run(jobs, "")

    assert (jobs.all("one"), jobs.all("kind"), jobs.running("kind")) == ([one], [two], [])


async def test_a_cancelled_job_is_told_to_end(jobs):
    job = await jobs.start("kind", [HANGS], "title")

    jobs.cancel(job.id)
    await jobs.ended(job.id)

    assert (job.state, job.code) == ("cancelled", -signal.SIGTERM)
    jobs.cancel(job.id)  # nothing is there any more
    assert job.state == "cancelled"


async def test_a_job_that_was_done_before_its_cancellation_is_done(jobs):
    script = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\nprint('ready', file=sys.stderr, flush=True)\ntime.sleep(300)"
    job = await jobs.start("kind", [script], "title")
    await eventually_async(lambda: job.errors, 10)

    jobs.cancel(job.id)
    await jobs.ended(job.id)

    assert (job.state, job.code) == ("done", 0)


@pytest.mark.parametrize(
    ("says", "code", "state"),
    [
        ("cancelled", 1, "cancelled"),
        ("stopped", 130, "cancelled"),
        ("done", 1, "failed"),
        ("cancelled", 0, "done"),
    ],
)
async def test_a_command_that_says_that_it_was_cancelled_was(jobs, says, code, state):
    job = await run(jobs, f'import sys; print(\'{{"state": "{says}"}}\'); sys.exit({code})')

    assert job.state == state


async def test_a_job_that_does_not_end_is_killed(jobs, monkeypatch):
    monkeypatch.setattr(module, "KILL_AFTER_S", 0.1)
    job = await jobs.start("kind", [STUBBORN], "title")
    await eventually_async(lambda: job.errors, 10)

    jobs.cancel(job.id)
    await jobs.ended(job.id)

    assert (job.state, job.code) == ("cancelled", -signal.SIGKILL)


async def test_closing_ends_all_of_them_and_starts_none_any_more(jobs, monkeypatch):
    monkeypatch.setattr(module, "CLOSE_S", 0.3)
    started = [await jobs.start("kind", [script], "title") for script in (HANGS, STUBBORN)]
    await eventually_async(lambda: started[1].errors, 10)
    processes = [psutil.Process(pid_of(jobs, job)) for job in started]

    await jobs.close()

    assert [job.state for job in started] == ["cancelled", "cancelled"]
    assert not any(process.is_running() for process in processes)
    with pytest.raises(OperationalError):
        await jobs.start("kind", [HANGS], "title")


async def test_two_second_clicks_start_one_job(jobs):
    first = await run(jobs, "")

    one, two = await asyncio.gather(
        *(jobs.start("send", [HANGS], "title", follows=first, is_alone=True) for _ in range(2))
    )

    assert one is two
    assert first.followed_by == one.id
    assert len(jobs.all("send")) == 1


async def test_a_click_after_a_failure_starts_it_again(jobs):
    first = await run(jobs, "")
    failed = await run(jobs, "import sys; sys.exit(3)", follows=first)

    again = await run(jobs, "", follows=first)

    assert again is not failed
    assert first.followed_by == again.id


async def test_of_what_must_be_alone_no_second_is_started(jobs):
    await jobs.start("send", [HANGS], "title", is_alone=True)

    with pytest.raises(OperationalError, match="another one runs already"):
        await jobs.start("send", [HANGS], "title", is_alone=True)
    await jobs.start("else", [HANGS], "title", is_alone=True)


@pytest.mark.parametrize("arguments", [["a\0b"], ["a"]], ids=["a null character", "no such program"])
async def test_what_cannot_be_started_is_told(arguments):
    jobs = Jobs({}, (), ("/no/such/program",))

    with pytest.raises(OperationalError, match="could not be started"):
        await jobs.start("kind", arguments, "title")
    assert jobs.all() == []


async def test_the_loop_goes_on_while_a_job_prints_a_lot(jobs):
    job = await jobs.start(
        "kind", ["import sys\nfor _ in range(300): print('[' + '1,' * 5000 + '1]')"], "title"
    )
    turns = 0
    while job.is_running:
        await asyncio.sleep(0)
        turns += 1

    assert turns > 10
    assert job.is_cut
    assert json.dumps(job.lines[0]).startswith("[1")


def test_no_shell_is_ever_used():
    text = Path(module.__file__).read_text()

    assert "create_subprocess_exec" in text
    assert "shell" not in text.replace("a\nshell", "").replace("a terminal, a shell", "")
