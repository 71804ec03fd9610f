"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors


class _NeverWaits(selectors.SelectSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everything waits for something that will never happen")
        if timeout > 0:
            self._loop.now_s += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For scenarios without real IO."""

    def __init__(self):
        self.now_s = 1000.0
        super().__init__(_NeverWaits(self))

    def time(self):
        return self.now_s


def run(scenario):
    """Run a coroutine to its end in virtual time and give its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(scenario)
