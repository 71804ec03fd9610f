"""Who produced what and what came of it, in a few bytes an event, so that a run may last for days.

The words mean what they mean to the judge of the demo (connector/demo/judge.py), against which a test holds these
books; what was dead-lettered and accepted as well counts as a duplicate. Nothing here asks the connector.
"""

from array import array
from collections import Counter
from dataclasses import dataclass
from threading import Lock

MOST_SHOWN = 20  # of the ids kept of what went wrong
BROKEN = "broken."  # how the ids of events begin that nobody can deliver


class _Person:
    """Events are numbered from 1; index n - 1 of each row is about event n."""

    __slots__ = ("accepted", "at_s", "buried", "latest", "may_be_refused")

    def __init__(self):
        self.at_s = array("d")  # when Kafka acknowledged it
        self.accepted = bytearray()  # how often, 255 for more
        self.buried = bytearray()
        self.latest = 0  # the highest number accepted
        self.may_be_refused = False

    def count(self, row, number):
        if len(row) < number:
            row.extend(bytes(number - len(row)))
        row[number - 1] = min(row[number - 1] + 1, 255)
        return row[number - 1]


@dataclass(frozen=True, slots=True)
class Balance:
    """What the books come to; the same figures as the judge's verdict."""

    produced: int
    accepted: int  # events, each once
    dead_letters: dict  # code -> events
    lost: list
    duplicates: int
    violations: int
    out_of_order: list  # some of them
    wrong: list

    @property
    def is_good(self):
        return not (self.lost or self.violations or self.wrong)


class Ledger:
    """Safe to be used by several threads."""

    def __init__(self):
        self._lock = Lock()
        self._people = {}
        self._broken = {}  # id -> [code it must get, codes it got]
        self._codes = Counter()
        self._wrong, self._out_of_order = [], []
        self.produced = self.settled = self.duplicates = self.violations = 0
        self.accepted_s = array("d")  # when each acceptance was, in order
        self.delays_s = array("f")  # of each first acceptance, since the event was acknowledged
        self.delayed_at_s = array("d")  # when that was

    def produce(self, event, at_s):
        """Enter an event that Kafka acknowledged; of one person they come in their order."""
        with self._lock:
            self.produced += 1
            if event.id.startswith(BROKEN):
                self._broken.setdefault(event.id, ["", []])[0] = event.code
                return
            person = self._person(event.person)
            assert len(person.at_s) == event.sequence - 1, f"{event.id} was acknowledged out of order"
            person.at_s.append(at_s)

    def may_refuse(self, people):
        """Let events of these people be dead-lettered as refused from now on."""
        with self._lock:
            for name in people:
                self._person(name).may_be_refused = True

    def accept(self, id_, at_s):
        """Enter a request that Encharge accepted, in the order in which it did."""
        with self._lock:
            self.accepted_s.append(at_s)
            name, _, number = id_.rpartition(".")
            if not number.isdigit() or id_.startswith(BROKEN):
                _note(self._wrong, f"{id_}: accepted, but never to be delivered")
                return
            person, number = self._person(name), int(number)
            if person.count(person.accepted, number) > 1:
                self.duplicates += 1
                return
            is_buried = _at(person.buried, number) > 0  # and sent again, after a crash before the commit
            self.duplicates += is_buried
            self.settled += not is_buried
            if number < person.latest:
                self.violations += 1
                _note(self._out_of_order, f"{id_}: accepted after number {person.latest}")
            person.latest = max(person.latest, number)
            if number <= len(person.at_s):
                self.delays_s.append(at_s - person.at_s[number - 1])
                self.delayed_at_s.append(at_s)

    def bury(self, id_, code):
        """Enter a dead letter."""
        with self._lock:
            if id_.startswith(BROKEN):
                codes = self._broken.setdefault(id_, ["", []])[1]
                codes.append(code)
                is_first = len(codes) == 1
            else:
                name, _, number = id_.rpartition(".")
                if not number.isdigit():
                    _note(self._wrong, f"{id_}: dead-lettered, but never produced")
                    return
                person = self._person(name)
                is_first = person.count(person.buried, int(number)) == 1
                is_first = is_first and not _at(person.accepted, int(number))
                if code != "rejected" or not person.may_be_refused:
                    _note(self._wrong, f"{id_}: dead-lettered as {code}")
            self._codes[code] += is_first
            self.settled += is_first
            self.duplicates += not is_first

    def balance(self):
        """Look through everything."""
        with self._lock:
            lost, wrong, accepted = [], list(self._wrong), 0
            for name, person in self._people.items():
                accepted += sum(map(bool, person.accepted))
                lost += [
                    f"{name}.{number}"
                    for number in range(1, len(person.at_s) + 1)
                    if not (_at(person.accepted, number) or _at(person.buried, number))
                ]
                seen = max(len(person.accepted), len(person.buried))
                wrong += [f"{name}.{n}: never produced" for n in range(len(person.at_s) + 1, seen + 1)]
            for id_, (code, codes) in self._broken.items():
                if not code:
                    wrong.append(f"{id_}: never produced")
                elif not codes:
                    lost.append(id_)
                elif set(codes) != {code}:
                    wrong.append(f"{id_}: dead-lettered as {sorted(set(codes))}, expected {code}")
            return Balance(
                produced=self.produced,
                accepted=accepted,
                dead_letters=dict(self._codes),
                lost=lost,
                duplicates=self.duplicates,
                violations=self.violations,
                out_of_order=list(self._out_of_order),
                wrong=wrong,
            )

    def _person(self, name):
        found = self._people.get(name)
        if found is None:
            found = self._people[name] = _Person()
        return found


def _note(texts, text):
    if len(texts) < MOST_SHOWN:
        texts.append(text)


def _at(row, number):
    return row[number - 1] if number <= len(row) else 0
