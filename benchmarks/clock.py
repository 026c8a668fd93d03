"""Time of tests in units of this machine: what a thread computed, against a fixed piece of work of the same moment.

Wall time also counts what other programs do, and a second is another amount of work on every machine.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REFERENCE = 0.009
"""Seconds that `_work` takes on the machine on which the budgets were set, when it is idle."""


def _work() -> int:
    table: dict[str, int] = {}
    for number in range(60_000):
        key = str(number % 5_000)
        table[key] = table.get(key, 0) + number
    return sum(table.values())


def slowness() -> float:
    """How many times longer than on the reference machine the thread computes now; at least 1."""
    return max(1.0, cpu_seconds(_work) / _REFERENCE)


def cpu_seconds(work: Callable[[], object], times: int = 3) -> float:
    """Seconds that this thread computed for `work`; the least of some times."""
    least = float("inf")
    for _ in range(times):
        began = time.thread_time()
        work()
        least = min(least, time.thread_time() - began)
    return least


class Spent:
    """Seconds that this thread computed, corrected by the slowness of the machine."""

    seconds = 0.0


@contextmanager
def spent() -> Iterator[Spent]:
    """What the block under it computes, in seconds of the reference machine."""
    result = Spent()
    before = slowness()
    # to collect the garbage of everything that ran before in this process is not the block's work
    collects = gc.isenabled()
    gc.disable()
    began = time.thread_time()
    try:
        yield result
    finally:
        used = time.thread_time() - began
        if collects:
            gc.enable()
        result.seconds = used / max(before, slowness())
