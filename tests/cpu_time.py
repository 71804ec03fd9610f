"""Measures work by the processor's time, for limits that hold on a machine that does other things too."""

import time


def least_cpu_s(work, times=3):
    """Give the least of some runs: one alone may have to collect the garbage of all tests before, half a second."""

    def once():
        begun_s = time.thread_time()
        work()
        return time.thread_time() - begun_s

    return min(once() for _ in range(times))
