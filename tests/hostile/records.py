"""Hostile records and what must become of each, decided when it is made and not by the connector.

Every event carries the number of its record as the text "h123", in a place that all actions keep. What is
expected is either exact (so many accepted requests, so many dead letters of these codes) or `either`: a
number of requests of which each is accepted or dead-lettered, never nothing.
"""

import gzip
import json
import random
import string
import zlib
from collections import Counter
from typing import NamedTuple

LARGEST = 1024 * 1024  # the default of CONNECTOR_MAX_RECORD_BYTES
ENORMOUS = 10 * 1024**2
FEW = 40  # records of a rare kind in 200,000


class Expected(NamedTuple):
    """What must become of one record."""

    accepted: int = 0
    letters: tuple[str, ...] = ()
    either: int = 0


class Hostile(NamedTuple):
    """One record for the source topic."""

    number: int
    kind: str
    key: bytes | None
    value: bytes | None
    expected: Expected
    headers: tuple[tuple[str, bytes | None], ...] = ()
    timestamp_ms: int = 0  # 0: now
    person: str = ""  # of a well-formed event of a real person
    sequence: int = 0


DELIVERED = Expected(accepted=1)
FILTERED = Expected()


def dead(code):
    return Expected(letters=(code,))


NOT_JSON, NOT_AN_OBJECT = dead("unreadable_not_json"), dead("unreadable_not_an_object")
NO_IDENTITY, TOO_LARGE = dead("unreadable_no_identity"), dead("unreadable_too_large")
INVALID_PAYLOAD = dead("invalid_payload")

NASTY = (
    "\r\nX-Encharge-Token: stolen\r\n\r\n", "\x00", "\n", "\r", "/../../v1/accounts", "?a=1&people[1][userId]=u1#x",
    "__proto__", "constructor", "\u202e", "\ufeff", "😀" * 50, "%00%0d%0a", "' or 1=1 --", "<script>alert(1)</script>",
    "{{ 7 | times: 7 }}", "${jndi:ldap://x}", "\x7f\x1b[2J", "a" * 2000, "\ud83d", "\udc00\ud800",
)  # fmt: skip


class Kinds:
    """Makes records of every kind; a method is a kind, its docstring says which."""

    def __init__(self, dice):
        self.dice = dice

    def event(self, number, /, **more):
        tag = f"h{number}"
        return {
            "type": "track", "event": "Seen", "userId": f"hostile-{number % 5000}", "messageId": tag,
            "properties": {"n": tag}, **more,
        }  # fmt: skip

    def good_text(self, number):
        return json.dumps(self.event(number)).encode()

    # Bytes that hold no event

    def random_bytes(self, number):
        """bytes of a dice"""
        return b"\xff" + self.dice.randbytes(self.dice.randrange(200)), NOT_JSON

    def truncated(self, number):
        """JSON that ends in the middle"""
        text = self.good_text(number)
        return text[: self.dice.randrange(1, len(text))], NOT_JSON

    def mutated(self, number):
        """JSON with some bytes changed, put in or left out"""
        text = bytearray(self.good_text(number))
        # The number and what decides about the mappings stay whole, so that it is known what is asked for.
        for _ in range(self.dice.randrange(1, 5)):
            at = self.dice.randrange(len(text))
            text[at : at + self.dice.randrange(2)] = self.dice.randbytes(self.dice.randrange(3))
        return bytes(text), judged(bytes(text))

    def deep(self, number):
        """JSON nested 1,500 to 100,000 levels deep"""
        levels = int(1500 * 66 ** (self.dice.random() ** 3))
        opening = self.dice.choice([b'{"x":', b"["])
        return opening * levels + b"1" + (b"}" if b"{" in opening else b"]") * levels, NOT_JSON

    def unfinished_deep(self, number):
        """100,000 opening brackets"""
        return b"[" * 100_000, NOT_JSON

    def huge_number(self, number):
        """numbers that no double holds: 1e400, 10,000 digits"""
        many = self.dice.choice([b"1e400", b"-1e99999", b"1" * 10_000, b"-" + b"9" * 10_000])
        return self.good_text(number)[:-1] + b',"x":' + many + b"}", NOT_JSON

    def not_numbers(self, number):
        """NaN, Infinity, -Infinity, +1, 01, .5, 0x10"""
        word = self.dice.choice([b"NaN", b"Infinity", b"-Infinity", b"+1", b"01", b".5", b"0x10", b"1."])
        return self.good_text(number)[:-1] + b',"x":' + word + b"}", NOT_JSON

    def byte_order_mark(self, number):
        """UTF-8 with a byte order mark"""
        return b"\xef\xbb\xbf" + self.good_text(number), NOT_JSON

    def utf_16(self, number):
        """JSON in UTF-16 and UTF-32"""
        code = self.dice.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
        return self.good_text(number).decode().encode(code), NOT_JSON

    def compressed(self, number):
        """JSON in gzip or zlib, a bomb of zeros among them"""
        text = self.dice.choice([self.good_text(number), b"0" * 100_000])
        return self.dice.choice([lambda data: gzip.compress(data, mtime=0), zlib.compress])(text), NOT_JSON

    def no_object(self, number):
        """JSON that is no object"""
        values = ([], [self.event(number)], "text", 1, True, None, 1e308, "h1")
        return json.dumps(self.dice.choice(values)).encode(), NOT_AN_OBJECT

    def tombstone(self, number):
        """no value"""
        return None, dead("unreadable_empty")

    def empty(self, number):
        """an empty value, or white space"""
        return self.dice.choice([b"", b" ", b"\n\r\t ", b"\x00"]), NOT_JSON

    def enormous(self, number):
        """texts and lists of 10 MB"""
        filling = self.dice.choice([b'"' + b"x" * ENORMOUS + b'"', b"[" + b"[]," * (ENORMOUS // 3) + b"1]"])
        return b'{"userId":"u","x":' + filling + b"}", TOO_LARGE

    # Events about nobody, or of no use

    def nobody(self, number):
        """no id, or ids of types that name nobody"""
        nothing = self.dice.choice([None, "", [], {}, True, False, ["u"], {"id": "u"}])
        return self.event(number, userId=nothing, anonymousId=self.dice.choice([None, "", []])), NO_IDENTITY

    def no_mapping(self, number):
        """types that no mapping takes"""
        type_ = self.dice.choice(
            ["screen", "", "Track", "track ", "__proto__", None, 1, [], {}, True, "\x00" * 99]
        )
        return self.event(number, type=type_), FILTERED

    # Events that are odd but lawful

    def lone_surrogates(self, number):
        """half emojis in keys, values and ids"""
        half = self.dice.choice(["\ud800", "\udfff", "x\ud83d", "\ude00\ud83d"])
        properties = {"n": f"h{number}", half: half}
        return self.event(number, userId=f"half-{half}", event=half, properties=properties), DELIVERED

    def huge_integers(self, number):
        """half an emoji and an integer of up to 4,000 digits, in a template's arithmetic, too"""
        text = json.dumps(self.event(number, event="Liquid", half="\ud800", timestamp="2026-11-24T04:15:00Z"))
        big = b"9" * self.dice.choice([20, 310, 4000])
        return text.encode()[:-1] + b',"number":' + big + b"}", Expected(accepted=1, either=2)

    def duplicate_keys(self, number):
        """every key twice, the last one counts"""
        first = '{"type":"screen","userId":[],"event":7,"properties":null,"messageId":{},'
        return first.encode() + self.good_text(number)[1:], DELIVERED

    def prototype(self, number):
        """__proto__, constructor and the like as keys and ids"""
        word = self.dice.choice(["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"])
        properties = {"n": f"h{number}", word: {"polluted": True}}
        return self.event(
            number, userId=word, event=word, properties=properties, **{word: {"a": 1}}
        ), DELIVERED

    def nasty_ids(self, number):
        """CR, LF, NUL, HTTP headers, addresses and markup in ids and names"""
        text = self.dice.choice(NASTY)
        return self.event(number, userId=f"{text}{number}", anonymousId=text, event=f"e{text}"), DELIVERED

    def deletions(self, number):
        """deletions of people with such ids"""
        text = self.dice.choice(NASTY)
        return self.event(number, type="delete", userId=f"h{number}|{text}"), DELIVERED

    def long_deletions(self, number):
        """deletions whose id no HTTP server takes: 100,000 characters"""
        return self.event(number, type="delete", userId=f"h{number}|" + "x" * 100_000), dead("rejected")

    def number_ids(self, number):
        """numbers as ids"""
        return self.event(
            number, userId=self.dice.choice([1, 1.5, -7, 1e21, 10**18, 5e-324]), messageId=number
        ), DELIVERED

    def wrong_ids(self, number):
        """objects as messageId or userId, with an anonymousId"""
        which = self.dice.choice(["messageId", "userId"])
        return self.event(number, anonymousId="a", **{which: {"a": 1}}), INVALID_PAYLOAD

    def wrong_event(self, number):
        """events without a name, or with an object for one"""
        return self.event(number, event=self.dice.choice([None, "", {"a": "b"}, [[]]])), INVALID_PAYLOAD

    def null_context(self, number):
        """null where the destination trips over it"""
        context = self.dice.choice([None, {"personas": None}])
        return self.event(number, context=context), dead("invalid_event")

    def wrong_members(self, number):
        """properties and traits that are no objects"""
        wrong = self.dice.choice([1, "x", [1], True])
        members = self.dice.choice([{"properties": wrong}, {"context": {"traits": wrong}}])
        return self.event(number, **members), INVALID_PAYLOAD

    def absurd_times(self, number):
        """timestamps that are none"""
        time = self.dice.choice(
            [
                "9999999-99-99",
                "now",
                1e18,
                -1,
                "2026-02-30T00:00:00Z",
                "0000-00-00",
                "2026-11-24T04:15:00Z\r\nX: y",
            ]
        )
        return self.event(number, timestamp=time), INVALID_PAYLOAD

    def long_names(self, number):
        """event names of up to 100,000 characters"""
        name = self.dice.choice(["x", "é", "😀", "\n"]) * int(1000 * 100 ** (self.dice.random() ** 4))
        return self.event(number, event=name), DELIVERED

    def large(self, number):
        """events of just under the limit"""
        return self.event(number, properties={"n": f"h{number}", "x": "x" * (LARGEST - 4096)}), DELIVERED

    def wide(self, number):
        """objects of 20,000 keys"""
        properties = {"n": f"h{number}", **{f"k{key}": key for key in range(20_000)}}
        return self.event(number, properties=properties), DELIVERED

    def deep_inside(self, number):
        """properties nested 260 to 900 levels deep"""
        levels = self.dice.randrange(260, 900)
        deep = b'{"x":' * levels + b"1" + b"}" * levels
        return self.good_text(number)[:-1] + b',"properties":' + deep + b"}", dead("invalid_encoding")

    def any_shape(self, number):
        """members replaced by values of any type"""
        event = self.event(number)
        for key in self.dice.sample(
            ["context", "timestamp", "traits", "anonymousId", "sentAt", "integrations"], 2
        ):
            event[key] = self.value(3)
        return event, Expected(either=1)

    def value(self, depth):
        choice = self.dice.randrange(9 if depth else 7)
        if choice < 7:
            return (None, True, self.dice.choice(NASTY), 0, -1e300, 2**64, "2026-11-24T04:15:00Z")[choice]
        if choice == 7:
            return [self.value(depth - 1) for _ in range(self.dice.randrange(4))]
        keys = ["traits", "personas", "page", "campaign", "email", "__proto__", "0"]
        return {self.dice.choice(keys): self.value(depth - 1) for _ in range(self.dice.randrange(4))}

    # Values for the mappings: globs, templates, paths

    def globs(self, number):
        """names like regular expressions, for triggers with globs and `contains`"""
        bait = self.dice.choice(["(a+)+$", "*" * 500, ".*" * 500, "[a-z", "\\", "(?=x)"]) + "a" * 5000 + "!"
        event, expected = self.event(number), 1
        event["event"] = self.dice.choice(["Glob ", "", "Seen "]) + bait + self.dice.choice([" End", "", "("])
        expected += event["event"].startswith("Glob ") + event["event"].endswith(" End")
        expected += "(a+)+$" in event["event"]
        return event, Expected(accepted=expected)

    def liquid_values(self, number):
        """values that blow up in templates: templates themselves, long lists, long texts, dates"""
        much = int(200 * 100 ** (self.dice.random() ** 4))
        bomb = self.dice.choice(
            [
                "{{ (1..100000000) }}", "{% assign x = 'ab' %}" * (much // 40), "x " * much, "a[" * much, ["x"] * much,
                [[[[1]]]] * (much // 4), "1" * much, 1e308, -1e308, "9999999-99-99", {"a": [{"b": "c"}] * (much // 7)},
                None, "é😀" * much, "&lt;" * much, "%" * much, "2026-11-24T04:15:00Z", "now", 10**30,
            ]
        )  # fmt: skip
        return self.event(number, event="Liquid", number=bomb, text=bomb, list=bomb), Expected(
            accepted=1, either=2
        )

    def large_liquid_values(self, number):
        """the same with values of half a megabyte"""
        bomb = self.dice.choice(["x y " * 80_000, ["x"] * 60_000, "&<é" * 40_000, "1" * 300_000])
        return self.event(number, event="Liquid", number=bomb, text=bomb, list=bomb), Expected(
            accepted=1, either=2
        )

    def paths(self, number):
        """members of every kind where mappings look deep"""
        deep = self.dice.choice([{"b": [{"c": 1}]}, {"b": "c"}, [], None, 7, {"b": [None]}, {"b": [[["c"]]]}])
        found = isinstance(deep, dict) and deep["b"] == [{"c": 1}]
        properties = {"n": f"h{number}", "a": deep}
        return self.event(number, properties=properties), Expected(accepted=1 + found)

    # Other types

    def aliases(self, number):
        """aliases in rings and to oneself"""
        previous = self.dice.choice(
            [f"hostile-{(number + 1) % 50}", "__proto__", "\r\n", f"hostile-{number % 50}"]
        )
        return self.event(
            number, type="alias", userId=f"hostile-{number % 50}", previousId=previous
        ), DELIVERED

    def groups(self, number):
        """groups with nasty ids and traits"""
        traits = {"n": f"h{number}", "__proto__": 1, self.dice.choice(NASTY): self.dice.choice(NASTY)}
        return self.event(number, type="group", groupId=self.dice.choice(NASTY), traits=traits), DELIVERED

    def pages_and_identifies(self, number):
        """pages and identifies with nasty values"""
        text = self.dice.choice(NASTY)
        traits = {"n": f"h{number}", text: text}
        return self.event(
            number, type=self.dice.choice(["page", "identify"]), traits=traits, name=text
        ), DELIVERED

    # Envelopes

    def envelope(self, number):
        """envelopes of up to 2,000 events of as many people"""
        count = self.dice.choice([1, 2, 50, 2000])
        # Of one person they would rightly hold back that person's partition: CONNECTOR_MAX_LANE_RECORDS.
        batch = [self.event(number, messageId=f"h{number}.{n}", userId=f"hostile-{n}") for n in range(count)]
        return {"batch": batch}, Expected(count)

    def crowded_envelope(self, number):
        """envelopes of 1,000 to 20,000 events that no mapping takes"""
        count = self.dice.choice([1000] * 9 + [20_000])
        return b'{"batch":[' + b",".join([b'{"userId":"u"}'] * count) + b"]}", FILTERED

    def large_envelope(self, number):
        """envelopes of 1,000 events that no mapping takes, with a context of 16 KB: 16 MB written out"""
        batch = [{"userId": f"hostile-{n}"} for n in range(1000)]
        return {"batch": batch, "context": {"x": "x" * 16_000}}, FILTERED

    def small_envelope(self, number):
        """envelopes of some events"""
        count = self.dice.randrange(1, 4)
        return {
            "batch": [self.event(number, context={"a": 1}) for _ in range(count)],
            "context": {"b": 1},
        }, Expected(count)

    def empty_envelope(self, number):
        """envelopes of nothing"""
        return {"batch": [], "n": f"h{number}"}, FILTERED

    def broken_envelope(self, number):
        """envelopes of which one entry is no event"""
        batch = [self.event(number) for _ in range(3)]
        batch.insert(self.dice.randrange(4), self.dice.choice([None, 1, "x", [], True]))
        return {"batch": batch}, NOT_AN_OBJECT

    def nobody_in_envelope(self, number):
        """envelopes of which one event names nobody"""
        return {"batch": [self.event(number), {"type": "track", "event": "x"}]}, NO_IDENTITY

    def envelope_bomb(self, number):
        """envelopes of 10,000 events that share a context of half a megabyte: 5 GB written out"""
        batch = [{"userId": f"h{number}"}] * 10_000
        return {"batch": batch, "context": {"x": "x" * 512 * 1024}}, TOO_LARGE

    def wide_envelope_bomb(self, number):
        """the same with a context of 30,000 keys"""
        batch = [{"userId": f"h{number}"}] * 10_000
        return {"batch": batch, "context": {f"k{key}": 1 for key in range(30_000)}}, TOO_LARGE

    # Kafka's own parts of a record

    def many_headers(self, number):
        """hundreds of headers, without values, of the same name, long"""
        headers = tuple(
            (
                self.dice.choice(["a", "x" * 300, "traceparent", "é"]),
                self.dice.choice([None, b"", b"\xff" * 100]),
            )
            for _ in range(self.dice.randrange(100, 500))
        )
        return self.event(number), DELIVERED, headers

    def forged_headers(self, number):
        """headers with the connector's own names"""
        names = [
            "encharge.source",
            "encharge.redrives",
            "encharge.code",
            "encharge.replay",
            "__connect.errors.offset",
        ]
        values = [None, b"", b"9" * 5000, b"\xff\xfe", b"a/b/c/d", b"-1", b"x/0/0/99999999999999999999"]
        headers = tuple((name, self.dice.choice(values)) for name in names)
        event, expected = self.dice.choice([(self.event(number), DELIVERED), (b"{", NOT_JSON)])
        return event, expected, headers

    def old_records(self, number):
        """records that Kafka has from 1970"""
        return self.event(number), DELIVERED, (), self.dice.choice([1, 1000, 86_400_000])

    def nasty_keys(self, number):
        """keys with HTTP headers, NUL, a thousand bytes, nothing, none"""
        key = self.dice.choice([None, b"", b"\x00", b"\r\nHost: x\r\n\r\n", b"\xff" * 1000])
        return self.event(number), DELIVERED, (), 0, key


# Kinds of which FEW are enough; all others are equally many.
RARE = (
    "enormous", "large", "wide", "unfinished_deep", "envelope", "crowded_envelope", "large_envelope", "envelope_bomb", "wide_envelope_bomb",
    "large_liquid_values", "long_deletions",
)  # fmt: skip
COMMON = tuple(
    name
    for name, made in vars(Kinds).items()
    if name not in {*RARE, "event", "good_text", "value"} and not name.startswith("_") and callable(made)
)


def judged(value):
    """Expect of bytes that were JSON what the standard library reads in them."""
    try:
        found = json.loads(value.decode("utf-8"), parse_constant=_refuse)
    except ValueError:
        return NOT_JSON
    if not isinstance(found, dict):
        return NOT_AN_OBJECT
    return DELIVERED if _is_ordinary(found) else None


ORDINARY = {"type": "track", "event": "Seen"}


def _is_ordinary(found):
    """Tell whether a change touched nothing that decides how many requests there are."""
    ids = found.get("userId"), found.get("messageId")
    return (
        all(found.get(key) == value for key, value in ORDINARY.items())
        and all(isinstance(each, str) and each for each in ids)
        and isinstance(found.get("properties"), dict)
        and isinstance(found["properties"].get("n"), str)
        and set(found) == {"type", "event", "userId", "messageId", "properties"}
    )


def _refuse(word):
    raise ValueError(word)


class Generator:
    """Gives hostile records of all kinds, mixed by a seed, with events of real people between them."""

    def __init__(self, seed, *, rare=FEW, people=200, real_share=0.2):
        self.dice = random.Random(seed)
        self.kinds = Kinds(self.dice)
        self.rare, self.people, self.real_share = rare, people, real_share
        self._sequences = Counter()

    def records(self, count):
        """Give `count` hostile records and a share of real ones beside them."""
        places = self.dice.sample(range(count), min(self.rare * len(RARE), count // 2))
        rare = {place: RARE[index % len(RARE)] for index, place in enumerate(places)}
        number = 0
        for place in range(count):
            while self.dice.random() < self.real_share:
                yield self._real(number)
                number += 1
            yield self._hostile(number, rare.get(place) or COMMON[place % len(COMMON)])
            number += 1

    def _hostile(self, number, kind):
        while True:
            value, expected, *more = getattr(self.kinds, kind)(number)
            if expected is not None and not self._names_another(kind, value, number, expected):
                break
        headers, at, key = (*more, *((), 0, b"any")[len(more) :])
        body = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
        if body is not None and len(body) > LARGEST:
            expected = TOO_LARGE
        return Hostile(number, kind, key, body, expected, headers, at)

    def _names_another(self, kind, value, number, expected):
        """Tell whether a mutation changed the number by which the record is known again."""
        return kind == "mutated" and expected is DELIVERED and f'"n": "h{number}"'.encode() not in value

    def _real(self, number):
        person = f"person-{self.dice.randrange(self.people)}"
        self._sequences[person] += 1
        sequence = self._sequences[person]
        tag = f"h{number}"
        event = {
            "type": "track", "event": self.dice.choice(["Order Completed", "Product Viewed"]), "userId": person,
            "messageId": tag, "timestamp": "2026-11-24T04:15:00.000Z",
            "properties": {"n": tag, "total": sequence, "note": "".join(self.dice.choices(string.ascii_letters, k=40))},
            "context": {"traits": {"email": f"{person}@example.com"}},
        }  # fmt: skip
        return Hostile(number, "real people", person.encode(), json.dumps(event).encode(), DELIVERED,
                       person=person, sequence=sequence)  # fmt: skip
