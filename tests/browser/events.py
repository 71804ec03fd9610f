"""What the console's tests send through: all seven actions, a few letters, and one name that attacks the page."""

import itertools
import json
from datetime import UTC, datetime

from connector.demo.events import Produced
from connector.edges.destination_template import destination_text

HOSTILE = "<img src=x onerror=window.pwned=1>"
PEOPLE = 40
NOW = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
STUCK = "stuck-1"  # whose requests fail in passing, again and again
REFUSED = tuple(f"refused-{number}" for number in range(1, 13))  # whose requests become dead letters

_MORE_MAPPINGS = """\
  - name: Tag buyers
    action: addTag
    trigger: 'type = "track" and event = "Tag Added"'
    fields: {tag: {'@path': $.properties.tag}, userId: {'@path': $.userId}}
  - name: Untag buyers
    action: removeTag
    trigger: 'type = "track" and event = "Tag Removed"'
    fields: {tag: {'@path': $.properties.tag}, userId: {'@path': $.userId}}
  - name: '%s'
    action: trackEvent
    trigger: 'type = "screen"'
    fields: {event: {'@path': $.name}, type: track, userId: {'@path': $.userId}}
"""

# Action -> what an event is made of for that action to be asked of Encharge.
KINDS = {
    "trackEvent": {"type": "track", "event": "Order Completed", "properties": {"total": 59.9, "sku": "P-11"}},
    "identifyUser": {"type": "identify", "traits": {"email": "ada@example.com", "plan": "growth"}},
    "trackPageView": {"type": "page", "name": "Pricing", "properties": {"path": "/pricing"}},
    "aliasUser": {"type": "alias", "previousId": "anonymous-1"},
    "createUpdateObject": {
        "type": "group",
        "traits": {"name": "Acme", "employees": 12},
    },
    "addTag": {"type": "track", "event": "Tag Added", "properties": {"tag": "buyer"}},
    "removeTag": {"type": "track", "event": "Tag Removed", "properties": {"tag": "buyer"}},
}


def destination(name=HOSTILE):
    """Give the text of a destination file: the five presets, mappings for the tags, and one of this name."""
    return destination_text(id="test", name="Encharge of the tests") + _MORE_MAPPINGS % name


def event(action, person="ada", number=1):
    """Give one event that asks for the action, and one that Encharge can tell from others by its id."""
    return {
        "messageId": f"{person}.{number}",
        "groupId": f"{person}.{number}",
        "userId": person,
        "timestamp": NOW,
        "context": {"ip": "203.0.113.7", "page": {"url": "https://shop.example.com/"}},
        **KINDS[action],
    }


def record(found):
    """Give an event as what is put on the source topic."""
    return Produced(found["messageId"], found["userId"], 0, json.dumps(found).encode())


def ordinary():
    """Give events of all kinds and many people, without end."""
    for number, action in zip(itertools.count(1), itertools.cycle(KINDS), strict=False):
        yield record(event(action, f"person-{number % PEOPLE}", number))


def troubled():
    """Give the events of those whose requests fail, and one whose names attack whoever shows them."""
    yield record(event("trackEvent", STUCK))
    for person in REFUSED:
        yield record(event("trackEvent", person))
    for person, kind in (("hostile-1", {"type": "screen", "name": HOSTILE}), (HOSTILE, KINDS["trackEvent"])):
        yield record({**event("trackEvent", person), **kind, "event": HOSTILE})
