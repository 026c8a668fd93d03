"""When the garbage collector of Python looks at what was made: while nobody waits, and never for long.

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
"""Objects made since everything was looked through, and the seconds without a key after which that is done again."""
MOST_OBJECTS = 400_000
"""More new objects than these take too long to look through while somebody may press a key: they are passed over."""
LONG = 0.020
"""Processor seconds of a look after which what it found alive is passed over by the next ones."""
AWAY_SECONDS = 120.0
"""Without a key for so long nobody is there: what is passed over, tenths of a second of work, is looked through too."""


class Collector:
    """Held by the app: `begin`, then `look` every LOOK_SECONDS and `key_came` at every key, `end`."""

    def __init__(self) -> None:
        self._kept_thresholds = gc.get_threshold()
        self._last_key = time.monotonic()
        self._grown = 0
        self._passes = 0
        """Looks at what is young so far, as Python counts them."""
        self._passed_over = False
        """Whether there is more that is passed over than what was there at the beginning."""

    def begin(self) -> None:
        """Pass over what exists: modules, classes and style sheets, which stay."""
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 1_000_000, 1_000_000)

    def key_came(self) -> None:
        """Somebody is there, and would notice."""
        self._last_key = time.monotonic()

    def look(self) -> None:
        """Look through what is new, or at all that came since the beginning if nobody has pressed a key for long."""
        quiet = time.monotonic() - self._last_key
        if self._passed_over and quiet > AWAY_SECONDS:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
            self._passed_over, self._grown, self._passes = False, 0, 0
            return
        if any(self._grown > objects and quiet > seconds for objects, seconds in QUIET):
            begun = time.thread_time()
            too_many = self._grown > MOST_OBJECTS
            if not too_many:
                gc.collect()
            self._grown = self._passes = 0
            if too_many or time.thread_time() - begun > LONG:
                gc.freeze()
                self._passed_over = True
            return
        young, passes, _ = gc.get_count()
        if passes > self._passes:
            # What comes in large numbers are rows of a trace, which hold nothing that holds them.
            self._grown += (passes - self._passes) * YOUNG_OBJECTS
        elif young > WORTH_LOOKING:
            gc.collect(0)
        else:
            return
        self._grown += young
        self._passes = gc.get_count()[1]

    def end(self) -> None:
        """Let the collector look at everything again, so that nothing outlives the app."""
        gc.unfreeze()
        gc.set_threshold(*self._kept_thresholds)
