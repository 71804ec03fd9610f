"""Events of many people at a steady rate, written beside the story until it stops them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.eventually import eventually
from tests.kafka.stack import track


class Events:
    """The events of one run: everybody's are numbered through, whoever writes them."""

    def __init__(self, dice):
        self._dice = dice
        self._last = Counter()

    def of(self, person, **more):
        self._last[person] += 1
        return track(person, self._last[person], **more)

    def of_anybody(self, people, **more):
        return self.of(f"u{self._dice.randrange(people)}", **more)

    def turns(self, people, count):
        """The next `count` events of so many people in turn."""
        return [self.of(f"u{number % people}") for number in range(count)]


class Load:
    """A context manager: leaving it stops the writing and waits for Kafka's acknowledgements."""

    def __init__(self, produce, make_event, rate):
        self._produce, self._make_event, self.rate = produce, make_event, rate
        self._stopping = False
        self.written = 0

    def __enter__(self):
        self._pool = ThreadPoolExecutor(1)
        self._done = self._pool.submit(self._produce, self._events(), rate=self.rate)
        return self

    def __exit__(self, *error):
        self._stopping = True
        try:
            self._done.result(90)
        finally:
            self._pool.shutdown()

    def _events(self):
        while not self._stopping:
            self.written += 1
            yield self._make_event()

    def go_on(self, seconds):
        """Wait until so many seconds' worth of events is written."""
        wanted = self.written + seconds * self.rate
        eventually(lambda: self.written >= wanted or self._done.done(), seconds * 3 + 60)
        if self._done.done():
            self._done.result()
