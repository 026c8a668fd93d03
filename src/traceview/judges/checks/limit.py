"""A time limit for checks: a regular expression that goes through every way of matching a text is interrupted."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Self

SECONDS = 5.0
"""So long a built-in check may take for one item."""
_LOOKS = 8
"""So often within that time is looked whether it is over."""


class TookTooLong(BaseException):
    """A check took longer than it may. No Exception, so that no check takes it for a mistake of its own."""


class TimeLimit:
    """Raises TookTooLong in an item that takes longer: `with limit: ...`, for one item after the other.

    A timer runs from the first item to `close`: to set one for each takes longer than many a check. Only a main thread
    is told of signals: in others there is no limit.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._until: float | None = None
        self._before: tuple[Any, float, tuple[float, float]] | None = None
        self._is_off = threading.current_thread() is not threading.main_thread()

    def __enter__(self) -> Self:
        if not self._is_off:
            if self._before is None:
                handler, look = signal.signal(signal.SIGALRM, self._look), self.seconds / _LOOKS
                self._before = handler, time.monotonic(), signal.setitimer(signal.ITIMER_REAL, look, look)
            self._until = time.monotonic() + self.seconds
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._until = None

    def close(self) -> None:
        """Leave the timers as they were before the first item."""
        if self._before is None:
            return
        handler, began, (left, again) = self._before
        self._before = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), again)

    def _look(self, signum: int, frame: FrameType | None) -> None:
        # told again, should something on its way out take longer too
        if self._until is not None and time.monotonic() > self._until:
            raise TookTooLong
