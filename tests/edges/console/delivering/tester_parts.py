"""What the tests of tester and mappings share: a destination file, somebody who delivers by it, and pages taken apart."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace

from aiohttp import web

from connector.delivery.outcome import Reply
from connector.edges.console.app import make_console
from connector.edges.console.parts import Process
from connector.edges.deliverable import read_deliverable
from connector.edges.web import LARGEST_FORM
from connector.settings import Settings
from tests.edges.console.conftest import TOKEN

KEY = "the-real-key-of-the-tests"

# Every action: the five presets, and those that no preset has.
ALL = """\
# Ours.
id: production   # never changes
name: Encharge production
enabled: true
mappings:
  # What people do.
  - name: Track Event  # the most of it
    action: trackEvent
    trigger: 'type = "track" and properties.total >= 100'
    fields:
      # The name of the event.
      event: {'@path': $.event}
      type: {'@path': $.type}
      userId: {'@path': $.userId}
      timestamp: {'@path': $.timestamp}
      messageId: {'@path': $.messageId}
      properties: {'@path': $.properties}
      email: {'@if': {exists: {'@path': $.context.traits.email}, then: {'@path': $.context.traits.email}, else: {'@path': $.properties.email}}}
      page:
        url: {'@path': $.context.page.url}
        nothing: {'@path': $.nothing}
      colour: {'@case': {operator: lower, value: {'@path': $.properties.currency}}}
  - name: Identify User
    action: identifyUser
    trigger: type = "identify"
    fields: {type: identify, user: {'@path': $.traits}, userId: {'@path': $.userId}, email: {'@path': $.traits.email}}

  # Between.
  - {name: Page, action: trackPageView, trigger: type = "page", fields: {type: page, properties: {'@path': $.properties}, segmentAnonymousId: {'@path': $.anonymousId}}}
  - name: Alias
    action: aliasUser
    trigger: type = "alias"
    fields: {userId: {'@path': $.userId}, previousUserId: {'@path': $.previousId}}
  - name: Company
    action: createUpdateObject
    trigger: type = "group"
    fields: {objectType: company, externalId: {'@path': $.groupId}, objectData: {'@path': $.traits}, userId: {'@path': $.userId}}
  - name: Tag
    action: addTag
    trigger: type = "track" and event = "Tag Added"
    fields: {tag: {'@path': $.properties.tag}, userId: {'@path': $.userId}}
  - name: Untag
    action: removeTag
    trigger: type = "screen"
    fields: {tag: '{{name}}', userId: {'@path': $.userId}}
  - name: Off
    action: trackEvent
    enabled: false
    trigger: type = "track"
    fields: {event: off, type: track, userId: {'@path': $.userId}}
# The end.
"""


class RecordingSender:
    """Notes what was sent, and answers from a list, then 200."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    async def send(self, request):
        self.sent.append(request)
        return self.answers.pop(0) if self.answers else Reply(200, body=b'{"success":true}')


class FakeRecords:
    """Has the records and letters that a test puts into it."""

    def __init__(self):
        self.records = []
        self.letters = {}
        self.looks = 0

    async def newest(self, settings):
        self.looks += 1
        return list(self.records)

    async def at(self, settings, place):
        found = [each for each in self.records if (each.partition, each.offset) == place]
        return found[0] if found else None

    async def letter(self, settings, destination, place):
        return self.letters.get(place)


def record(partition, offset, value, timestamp=1_700_000_000_000):
    return SimpleNamespace(
        topic="by-user",
        partition=partition,
        offset=offset,
        key=b"k",
        value=value,
        headers=(),
        timestamp=timestamp,
    )


class Delivering:
    """A process that delivers by a file, which a test can change."""

    def __init__(self, settings, text, sender):
        self.settings = settings
        self.write(text)
        self.facts = {"config_problems": [], "not_ready": []}
        self.process = Process(
            settings=settings,
            environment={},
            instance="here-1",
            facts=lambda: self.facts,
            deliverable=lambda: self.deliverable,
            sender=sender,
        )

    def write(self, text):
        self.settings.destination_file.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.deliverable = read_deliverable(self.settings)


def settings_in(folder):
    return Settings(console_token=TOKEN, destination_file=folder / "destination.yaml", encharge_api_key=KEY)


async def serving(process, looks, records):
    """Serve a console; gives the runner and its address."""
    app = web.Application(client_max_size=LARGEST_FORM)
    app.add_subapp("/console", make_console(process, looks, records=records))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())


@dataclass
class Element:
    tag: str
    attributes: dict
    children: list = field(default_factory=list)

    @property
    def text(self):
        return "".join(each if isinstance(each, str) else each.text for each in self.children)

    def all(self, tag, **attributes):
        """Every element below of this tag whose attributes are these; `cls` is one class of it."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and child._has(attributes):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def one(self, tag, **attributes):
        [found] = self.all(tag, **attributes)
        return found

    def _has(self, wanted):
        return all(
            value in self.attributes.get("class", "").split()
            if name == "cls"
            else self.attributes.get(name) == value
            for name, value in wanted.items()
        )

    def everything(self):
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.everything()


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        element = self.open[-1]
        if element.tag in ("textarea", "pre") and not element.children:
            data = data.removeprefix("\n")  # as browsers do
        element.children.append(data)


def parsed(text):
    """Take a page apart; every element must be closed in order."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is never closed"
    return parser.root


def shape(root):
    """All elements with the names of their attributes: what no text in them may change."""
    return [(each.tag, tuple(sorted(each.attributes))) for each in root.everything()]
