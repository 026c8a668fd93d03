"""When the garbage collector of Python looks at what was made: while nobody waits.

Left alone it looks in the midst of drawing a screen, for which it makes many objects: a third of a stall was that.
"""

from __future__ import annotations

import gc
import time

YOUNG_OBJECTS = 50_000
"""New objects after which it looks at once, whatever is done: some hundredths of a second of work."""
WORTH_LOOKING = 3_000
"""New objects that are looked through as soon as nothing else is to be done: a millisecond or two of work."""
LOOK_SECONDS = 0.25
QUIET = ((200_000, 20.0), (2_000_000, 1.0))
"""Objects kept since everything was looked through, which may take tenths of a second, and the seconds without a key
after which it is done again."""


class Collector:
    """Held by the app: `begin`, then `look` every LOOK_SECONDS and `key_came` at every key, `end`."""

    def __init__(self) -> None:
        self._kept_thresholds = gc.get_threshold()
        self._last_key = time.monotonic()
        self._grown = 0

    def begin(self) -> None:
        """Pass over what exists: modules, classes and style sheets, which stay."""
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 1_000_000, 1_000_000)

    def key_came(self) -> None:
        """Somebody is there, and would notice."""
        self._last_key = time.monotonic()

    def look(self) -> None:
        """Look through what is new, or at all there is if nobody has pressed a key for long."""
        quiet = time.monotonic() - self._last_key
        if any(self._grown > objects and quiet > seconds for objects, seconds in QUIET):
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._grown = 0
            return
        young, passes, _ = gc.get_count()
        if passes:
            # What comes in large numbers are rows of a trace, which hold nothing that holds them.
            self._grown += passes * YOUNG_OBJECTS
        elif young > WORTH_LOOKING:
            gc.collect(0)
        else:
            return
        self._grown += young
        gc.freeze()

    def end(self) -> None:
        """Let the collector look at everything again, so that nothing outlives the app."""
        gc.unfreeze()
        gc.set_threshold(*self._kept_thresholds)
