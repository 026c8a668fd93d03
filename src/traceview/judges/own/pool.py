"""Child processes of a judge's own checks, one of each check for every core, and the items that are put to them."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

from traceview.judges.own.process import SECONDS, Failed, OwnCheck, OwnProcess

AHEAD = 2
"""Items that wait for every process."""
MOST = 4

Ask = Callable[[int, Any, Mapping[str, Any]], dict[str, Any]]
"""Asks the check with this number: item and options; see `OwnProcess.ask`."""


class OwnPool:
    """Processes for checks, held by threads: what is asked in one of them is asked of its processes."""

    def __init__(
        self,
        checks: Sequence[OwnCheck],
        count: int | None = None,
        seconds: float = SECONDS,
        errors: IO[bytes] | int | None = None,
    ) -> None:
        self.count = min(count or os.cpu_count() or 1, MOST)
        self._checks = checks
        self._seconds = seconds
        self._errors = errors
        self._mine = threading.local()
        self._all: list[OwnProcess] = []
        self._closed = False
        self._threads = ThreadPoolExecutor(self.count, thread_name_prefix="own-check")

    def each(self, items: Iterable[Any], work: Callable[[Any, Ask], Any]) -> Iterator[Any]:
        """What `work(item, ask)` gives for every item, in their order; few of them are held at a time."""
        waiting: deque[Future[Any]] = deque()
        try:
            for item in items:
                waiting.append(self._threads.submit(work, item, self._ask))
                if len(waiting) >= self.count * (1 + AHEAD):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the processes, also those that are busy."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in list(self._all):
            process.stop()
        self._threads.shutdown(wait=True)
        for process in self._all:
            process.close()

    def _ask(self, number: int, item: Any, options: Mapping[str, Any]) -> dict[str, Any]:
        if not hasattr(self._mine, "processes"):
            self._mine.processes = [OwnProcess(check, self._seconds, self._errors) for check in self._checks]
            self._all.extend(self._mine.processes)
        if self._closed:
            raise Failed("stopped")
        answer: dict[str, Any] = self._mine.processes[number].ask(item, options)
        return answer
