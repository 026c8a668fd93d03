"""Fewer searches for cycles in memory while rows are made: they are very many objects, and never in a cycle."""

from __future__ import annotations

import gc
import threading

_ALLOCATIONS = 100_000
"""How many more objects there are before young ones are searched; Python's default is below a thousand."""


class RareCollections:
    """A context that may be entered by several threads at a time; with the last one left things are as before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._before = self._own = gc.get_threshold()

    def __enter__(self) -> None:
        with self._lock:
            self._entered += 1
            if self._entered == 1:
                self._before = gc.get_threshold()
                self._own = (max(_ALLOCATIONS, self._before[0]), *self._before[1:])
                gc.set_threshold(*self._own)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._entered -= 1
            # what others have set meanwhile stays
            if self._entered == 0 and gc.get_threshold() == self._own:
                gc.set_threshold(*self._before)


rare_collections = RareCollections()
"""The one of this process."""
