"""Realistic events of a small shop, and a few that nobody can deliver.

Shapes follow Segment's spec: identify, track with the e-commerce events, page, group, alias. Every event
carries an id that reaches Encharge whatever the action keeps of the event: as messageId, or as trait
`demo_id` of a group.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson

_FIRST: Final = ("Ada", "Grace", "Zoë", "Łukasz", "María", "Søren", "雪", "Amélie", "Olumide", "Παύλος")
_LAST: Final = ("Lovelace", "Núñez", "Öztürk", "Nakamura", "O'Brien", "van der Berg", "Ng", "Straße")
_CITIES: Final = (
    ("Berlin", "BE", "Germany"),
    ("São Paulo", "SP", "Brazil"),
    ("Portland", "Oregon", "United States"),
)
_PRODUCTS: Final = (
    ("P-11", "Walnut desk lamp", 59.0),
    ("P-12", "Desk mat", 11.9),
    ("P-13", "Crème brûlée set 🍮", 24.5),
)
_PAGES: Final = (("/", "Home"), ("/pricing", "Pricing"), ("/blog/étude", "Étude de cas"), ("/cart", "Cart"))
_AGENTS: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_3) AppleWebKit/605.1.15 Version/17.3 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36",
)
_BROKEN_EVERY: Final = 500  # events between two that cannot be delivered


class Produced(NamedTuple):
    """One record of the demo.

    id, person, sequence   who did what in which order; the sequence counts per person
    code                   of the dead letter it must become, empty when it must be delivered
    """

    id: str
    person: str
    sequence: int
    value: bytes | None
    code: str = ""


def shop_events(count: int, people: int, seed: int) -> Iterator[Produced]:
    """Give so many records of so many people; the same ones for the same seed, but for the times."""
    dice = random.Random(seed)  # noqa: S311  made-up data
    shop = _Shop(dice, people)
    for number in range(count):
        if number % _BROKEN_EVERY == _BROKEN_EVERY // 2:
            yield _broken(number // _BROKEN_EVERY, number)
        else:
            yield shop.next_event()


class _Shop:
    """People in the middle of something; most of them anonymous until they sign up."""

    def __init__(self, dice: random.Random, people: int) -> None:
        self._dice = dice
        self._people = [f"demo_{number:04d}" for number in range(people)]
        self._sequences: dict[str, int] = {}

    def next_event(self) -> Produced:
        dice = self._dice
        is_active = dice.random() < 0.1  # a few people are far more active than the rest
        person = dice.choice(self._people[:10] if is_active else self._people)
        sequence = self._sequences[person] = self._sequences.get(person, 0) + 1
        kind = "identify" if sequence == 1 else _weighted(dice)
        event = self._common(person, f"{person}.{sequence}")
        event["type"] = kind
        getattr(self, f"_{kind}")(event, person)
        return Produced(event["messageId"], person, sequence, orjson.dumps(event))

    def _common(self, person: str, id_: str) -> dict[str, Any]:
        dice = self._dice
        path, title = dice.choice(_PAGES)
        city, region, country = dice.choice(_CITIES)
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "messageId": id_,
            "userId": person,
            "anonymousId": f"anon-{person}",
            "timestamp": now,
            "originalTimestamp": now,
            "sentAt": now,
            "context": {
                "ip": f"203.0.113.{dice.randrange(250)}",
                "userAgent": dice.choice(_AGENTS),
                "locale": "de-DE",
                "library": {"name": "analytics.js", "version": "next-1.70.0"},
                "page": {
                    "path": path,
                    "url": f"https://shop.example.com{path}",
                    "title": title,
                    "search": "",
                },
                "location": {"city": city, "region": region, "country": country, "latitude": 40.2},
                "campaign": {"name": "spring-launch", "source": "newsletter"} if dice.random() < 0.3 else {},
                "screen": {"density": 2},  # unknown to Encharge, as are the next ones
            },
            "integrations": {"All": True, "Encharge": {"sample": False}},
            "_metadata": {"bundled": ["Segment.io"]},
        }

    def _traits(self, person: str) -> dict[str, Any]:
        dice = self._dice
        return {
            "email": f"{person}@example.com",
            "firstName": dice.choice(_FIRST),
            "lastName": dice.choice(_LAST),
            "plan": dice.choice(("free", "growth", "premium")),
            "logins": dice.randrange(1000),
            "newsletter": dice.random() < 0.5,
            "referredBy": None,
        }

    def _identify(self, event: dict[str, Any], person: str) -> None:
        event["traits"] = self._traits(person)

    def _track(self, event: dict[str, Any], person: str) -> None:
        dice = self._dice
        event["context"]["traits"] = {"email": f"{person}@example.com"}
        product_id, name, price = dice.choice(_PRODUCTS)
        product: dict[str, Any] = {
            "product_id": product_id,
            "name": name,
            "price": price,
            "quantity": dice.randrange(1, 4),
        }
        event["event"] = dice.choice(
            ("Product Viewed", "Product Added", "Checkout Started", "Order Completed", "Coupon Applied")
        )
        if event["event"] in ("Order Completed", "Checkout Started"):
            products = [product, {"product_id": "P-99", "name": "Gift wrap", "price": 3, "quantity": 1}]
            total = round(sum(each["price"] * each["quantity"] for each in products), 2)
            event["properties"] = {
                "order_id": f"ORD-{dice.randrange(10**6)}",
                "total": total,
                "revenue": round(total * 0.9, 2),
                "currency": "EUR",
                "coupon": None,
                "products": products,
            }
        else:
            event["properties"] = {**product, "currency": "EUR", "position": dice.randrange(20)}

    def _page(self, event: dict[str, Any], person: str) -> None:
        event["context"]["traits"] = {"email": f"{person}@example.com"}
        event["name"] = event["context"]["page"]["title"]
        event["properties"] = dict(event["context"]["page"], email=f"{person}@example.com")

    def _group(self, event: dict[str, Any], person: str) -> None:
        event["groupId"] = f"company_{self._dice.randrange(20)}"
        event["traits"] = {
            "demo_id": event["messageId"],  # createUpdateObject keeps no messageId
            "name": "Ünïcøde GmbH & Søns",
            "industry": "Lighting",
            "employees": self._dice.randrange(500),
            "owner": person,
        }

    def _alias(self, event: dict[str, Any], person: str) -> None:
        event["previousId"] = f"anon-{person}"
        del event["anonymousId"]


def _weighted(dice: random.Random) -> str:
    return dice.choices(("track", "page", "identify", "group", "alias"), (68, 20, 6, 4, 2))[0]


def _broken(kind: int, number: int) -> Produced:
    id_ = f"broken.{number}"
    event = {"type": "track", "event": "Order Completed", "messageId": id_}
    variants: tuple[tuple[bytes | None, str], ...] = (
        (b'{"type": "track", "messageId": "' + id_.encode(), "unreadable_not_json"),
        (orjson.dumps([event]), "unreadable_not_an_object"),
        (orjson.dumps(event), "unreadable_no_identity"),
        (None, "unreadable_empty"),
        (b'{"userId": "u\xff\xfe", "messageId": "' + id_.encode() + b'"}', "unreadable_not_json"),
        (orjson.dumps({**event, "userId": id_, "event": {"name": "x"}}), "invalid_payload"),
        (orjson.dumps({**event, "userId": id_, "timestamp": "yesterday"}), "invalid_payload"),
        (_nested(id_, 300), "invalid_encoding"),
        (_nested(id_, 5000), "unreadable_not_json"),
    )
    value, code = variants[kind % len(variants)]
    return Produced(id_, id_, 1, value, code)


def _nested(id_: str, levels: int) -> bytes:
    deep = b"[" * levels + b"]" * levels
    return b'{"type":"track","event":"Deep","userId":"%s","properties":{"deep":%s}}' % (id_.encode(), deep)
