"""What tests of pages that act share: commands that only say what they were asked, letters, a page's structure."""

import json
import sys
from contextlib import asynccontextmanager
from html.parser import HTMLParser

from aiohttp import web

from connector.delivery.dead_letter import Reason, make_dead_letter
from connector.delivery.letter import State, read_letter
from connector.edges.console.app import make_console
from connector.edges.console.jobs import Jobs
from connector.edges.console.letter_reading import Read, _row
from connector.edges.dead_letters.reader import Found
from tests.builders import record
from tests.eventually import eventually_async

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}}{% raw %}",
    "\u202eevil\u202c",
    "</pre></textarea><b>",
)
ALL_HOSTILE = " ".join(HOSTILE)
NOW_MS = 1_795_507_300_000
COMMAND = """\
import json, os, pathlib, sys
here = pathlib.Path(sys.argv[1])
arguments = sys.argv[2:]
with (here / "asked").open("a") as asked:
    asked.write(json.dumps({"arguments": arguments, "environment": dict(os.environ)}) + "\\n")
words = " ".join(arguments)
answers = json.loads((here / "answers").read_text())
answer = answers[max((name for name in answers if words.startswith(name)), key=len)]
for option in arguments:
    if option.startswith("--out="):
        pathlib.Path(option.removeprefix("--out=")).write_text("the plan")
if "err" in answer: print(answer["err"], file=sys.stderr)
print(json.dumps(answer.get("out")))
while answer.get("hangs") and (here / "hangs").exists():
    __import__("time").sleep(0.02)
sys.exit(answer.get("code", 0))
"""


class Commands:
    """Commands that write down what they were asked, and answer what the test says."""

    def __init__(self, directory):
        self.directory = directory
        (directory / "hangs").touch()
        self.answers = {}
        self.jobs = Jobs(
            {"CONNECTOR_CONSOLE_TOKEN": "t", "CONNECTOR_ENCHARGE_API_KEY": "the-key-of-encharge"},
            ["the-key-of-encharge"],
            (sys.executable, "-S", "-E", "-c", COMMAND, str(directory)),
        )
        self.will()

    def will(self, command="", **answer):
        """Say what a command answers: out (JSON), err, code, hangs."""
        self.answers[command] = answer
        (self.directory / "answers").write_text(json.dumps(self.answers))

    def let_go(self):
        (self.directory / "hangs").unlink()

    @property
    def asked(self):
        file = self.directory / "asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def arguments(self):
        return [each["arguments"] for each in self.asked]


@asynccontextmanager
async def served(process, looks, **ports):
    app = web.Application()
    app.add_subapp("/console", make_console(process, looks, **ports))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def done(client, answer):
    """Follow where a form led to, and give the page of its job once that has ended."""
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]

    async def ended():
        page = await client.get(where)
        return "Running for" not in page.text and page

    return await eventually_async(ended, 20)


def letter(code="invalid_payload", *, mapping="Track Event", action="trackEvent", message="wrong", offset=7,
           partition=0, at=NOW_MS, person="ada", event=None, destination="test", headers=(), value=None, **reason):  # fmt: skip
    """One letter, written as the workers write them and read back."""
    body = {"type": "track", "event": "Order Completed", "userId": person, "messageId": f"m{offset}"}
    value = json.dumps(body | (event or {})).encode() if value is None else value
    made = make_dead_letter(
        record(41, person=person, partition=3, value=value, headers=headers),
        Reason(code, message, "PayloadValidationError", mapping, action, **reason),
        destination=destination,
        config_version="v1",
        event=0 if action else None,
    )
    return read_letter(
        record(offset, topic="dead", partition=partition, timestamp=at, headers=tuple(made.headers))._replace(
            key=made.key, value=made.value
        )
    )


class FakeLetters:
    """Letters of a list; `trouble` is raised if there is any."""

    def __init__(self):
        self.found = []
        self.trouble = None
        self.looked_for = []
        self.more = {}

    def add(self, *letters, state=State.WAITING):
        self.found += [Found(each, state) for each in letters]

    async def letters(self, user=""):
        if self.trouble:
            raise self.trouble
        self.looked_for.append(user)
        rows = sorted(
            (_row(*each) for each in self.found if not user or each.letter.names(user)), reverse=True
        )
        return Read(tuple(rows), NOW_MS / 1000, **{"looked_at": len(rows), "in_all": len(rows), **self.more})

    async def letter(self, place):
        return next((each for each in self.found if each.letter.place == place), None)


class _Structure(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, sorted(name for name, _ in attributes)))

    def handle_comment(self, data):
        self.found.append(("comment", []))


def structure(html):
    """The elements of a page with the names of their attributes, without their texts and values."""
    parser = _Structure()
    parser.feed(html)
    parser.close()
    return parser.found
