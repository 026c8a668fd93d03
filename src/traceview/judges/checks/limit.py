"""A time limit for checks: a regular expression that goes through every way of matching a text is interrupted."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

SECONDS = 5.0
"""So long a built-in check may take for one item."""


class TookTooLong(BaseException):
    """A check took longer than it may. No Exception, so that no check takes it for a mistake of its own."""


@contextlib.contextmanager
def time_limit(seconds: float = SECONDS) -> Iterator[None]:
    """Raise TookTooLong in what runs longer. Only a main thread is told of signals: in others there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, _late)
    # Told again, should something on its way out take longer too.
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), again)


def _late(signum: int, frame: FrameType | None) -> None:
    raise TookTooLong
