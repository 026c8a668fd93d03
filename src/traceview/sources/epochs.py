"""Times since the epoch in whatever unit they were written, which their magnitude tells."""

from __future__ import annotations

OLDEST = 10**17
"""Nanoseconds from 1973 on are no fewer, and no later unit reaches as many before the year 5138."""
_LEAST = 10**8
_UNITS = ((10**11, 10**9, "seconds"), (10**14, 10**6, "milliseconds"), (OLDEST, 10**3, "microseconds"))


def unit_of(time: int) -> tuple[int, str] | None:
    """Nanoseconds a unit, and its name, of a time that is none in nanoseconds; None where it is one."""
    if _LEAST <= time < OLDEST:
        for below, size, name in _UNITS:
            if time < below:
                return size, name
    return None


def in_nanoseconds(time: int) -> int:
    """A time since the epoch in nanoseconds."""
    unit = unit_of(time)
    return time if unit is None else time * unit[0]
