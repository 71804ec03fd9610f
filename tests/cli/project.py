"""A destination file, cases that all pass, and what tests do with the two."""

import json

DESTINATION = """\
id: production
mappings:
  - name: Orders
    action: trackEvent
    trigger: type = "track" and event = "Order"
    fields:
      event: {'@path': $.event}
      type: track
      userId: {'@path': $.userId}
      properties: {'@path': $.properties}
  - name: Buyers
    action: addTag
    trigger: type = "track" and properties.total >= 100
    fields:
      tag: buyer
      userId: {'@path': $.userId}
  - name: Off
    action: addTag
    enabled: false
    trigger: type = "track"
    fields: {tag: off, userId: u}
"""
ORDER = {"type": "track", "event": "Order", "userId": "u1", "properties": {"total": 5}}
BODY = """\
          event: Order
          type: track
          userId: u1
          properties: {total: 5}
          context: {}
          user: {userId: u1}
"""
CASES = f"""\
cases:
  - name: A small order
    event: {json.dumps(ORDER)}
    expect:
      - mapping: Orders
        action: trackEvent
        method: POST
        url: https://ingest.encharge.io/v1
        body:
{BODY}\
  - name: A screen
    event: {{type: screen, userId: u1}}
    expect: []
  - name: Somebody unknown
    event: {{type: track, event: x, properties: {{total: 100}}}}
    expect:
      - mapping: Buyers
        error: {{code: invalid_action}}
"""


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def lines(*found):
    return b"".join(json.dumps(event).encode() + b"\n" for event in found)


def snapshot(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
