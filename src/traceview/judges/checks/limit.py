"""A time limit for checks: a regular expression that goes through every way of matching a text is interrupted."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

SECONDS = 5.0
"""So long a built-in check may take for one item."""


class TookTooLong(BaseException):
    """A check took longer than it may. No Exception, so that no check takes it for a mistake of its own."""


class TimeLimit:
    """Raises TookTooLong in an item that takes longer: `with limit: ...`, for one item after the other.

    It has the signal from the first item to `close`: to take it for each takes longer than many a check. No timer runs
    between items: a signal cuts what is written in two. Only a main thread is told of signals: in others there is no
    limit.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._before: tuple[Any, float, tuple[float, float]] | None = None
        self._is_off = threading.current_thread() is not threading.main_thread()

    def __enter__(self) -> Self:
        if self._is_off:
            return self
        if self._before is None:
            handler = signal.signal(signal.SIGALRM, _late)
            self._before = handler, time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
        # told again, should something on its way out take longer too
        signal.setitimer(signal.ITIMER_REAL, self.seconds, self.seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_off:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def close(self) -> None:
        """Leave the signal and its timer as they were before the first item."""
        if self._before is None:
            return
        handler, began, (left, again) = self._before
        self._before = None
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), again)


def _late(signum: int, frame: FrameType | None) -> None:
    raise TookTooLong
