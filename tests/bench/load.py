"""Events of about 850 bytes for benchmarks: track 70 %, identify 15 %, page 15 %.

messageId is PERSON.SEQUENCE.MILLISECONDS, so that the sink can judge order and delay by itself.
"""

import random
import time
from datetime import UTC, datetime

import orjson
from confluent_kafka import Producer

EVENTS = ("Order Completed", "Product Viewed", "Trial Started", "Feature Used", "Invoice Paid")
PAGES = ("pricing", "docs/getting-started", "blog/at-least-once", "settings/billing", "dashboard")
AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_3) AppleWebKit/605.1.15 Version/17.3 Safari/605.1.15"


def events(count, people, *, hot_share=0.0, hot_people=10, seed=1):
    """Give (key, function now -> value) for so many events."""
    dice = random.Random(seed)
    sequences = {}
    for _ in range(count):
        hot = dice.random() < hot_share
        person = f"u{dice.randrange(hot_people if hot else people):06d}"
        sequence = sequences[person] = sequences.get(person, 0) + 1
        yield person, _event(dice, person, sequence)


def _event(dice, person, sequence):
    kind = dice.choices(("track", "identify", "page"), (70, 15, 15))[0]
    page = dice.choice(PAGES)
    event = {
        "type": kind,
        "messageId": "",
        "userId": person,
        "anonymousId": f"anon-{person}",
        "context": {
            "ip": f"203.0.113.{dice.randrange(250)}",
            "userAgent": AGENT,
            "locale": "en-US",
            "library": {"name": "analytics.js", "version": "2.11.1"},
            "page": {
                "path": f"/{page}",
                "url": f"https://shop.example.com/{page}",
                "title": page.title(),
                "search": "",
            },
            "campaign": {"name": "spring", "source": "newsletter", "medium": "email"},
        },
    }
    if kind == "identify":
        event["traits"] = {
            "email": f"{person}@example.com",
            "plan": "pro",
            "company": "Example",
            "logins": dice.randrange(1000),
        }
    else:
        event["context"]["traits"] = {"email": f"{person}@example.com"}
        event["properties"] = {
            "order_id": f"o-{dice.getrandbits(40):x}",
            "total": round(dice.uniform(1, 500), 2),
            "currency": "EUR",
            "coupon": None,
            "products": [{"sku": f"sku-{dice.randrange(999)}", "quantity": 1, "price": 9.5} for _ in range(2)],
        }  # fmt: skip
    if kind == "track":
        event["event"] = dice.choice(EVENTS)

    def value(now):
        event["messageId"] = f"{person}.{sequence}.{int(now * 1000)}"
        event["timestamp"] = (
            datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
        return orjson.dumps(event)

    return value


def produce(bootstrap_servers, topic, chosen, *, rate=None):
    """Write events, at `rate` a second or as fast as it goes; give how many bytes they have on average."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 1 if rate else 20,
            "queue.buffering.max.messages": 500_000,
        }
    )
    failures, count, size = [], 0, 0
    begun_s = time.monotonic()
    for key, value in chosen:
        if rate:
            time.sleep(max(begun_s + count / rate - time.monotonic(), 0))
        body = value(time.time())
        while True:
            try:
                producer.produce(
                    topic, body, key, on_delivery=lambda error, _: failures.append(error) if error else None
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
        count += 1
        size += len(body)
    producer.flush(120)
    if failures:
        raise RuntimeError(f"{len(failures)} events were not written: {failures[0]}")
    return size / max(count, 1)
