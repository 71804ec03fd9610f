"""Looks at something again and again beside a test."""

from threading import Event, Thread


class Lookout:
    """A context manager: `look` is called every `every_s` seconds in a thread of its own until it is left.

    What `look` raises ends the watch and is raised when it is left, so that nobody trusts one that saw nothing.
    """

    def __init__(self, every_s):
        self._every_s = every_s
        self._ending = Event()
        self._error = None
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *error):
        self._ending.set()
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def _run(self):
        try:
            while not self._ending.wait(self._every_s):
                self.look()
        except Exception as error:
            self._error = error
