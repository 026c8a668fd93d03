"""Durations as people write them: `2s`, `1.5h`, `1m30s`; read and printed."""

from __future__ import annotations

import re

UNITS_NS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
"""Units of durations in nanoseconds."""

NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
DURATION_PART = re.compile(rf"({NUMBER})([a-zµμ]+)", re.ASCII | re.IGNORECASE)


class BadTime(ValueError):
    """A time or duration that cannot be read; the argument says why."""


def duration_ns(text: str) -> float:
    """A duration such as `2s`, `1.5h` or `1m30s` in nanoseconds. Raises BadTime, naming a bad unit."""
    position, total = 0, 0.0
    while position < len(text):
        match = DURATION_PART.match(text, position)
        if match is None:
            raise BadTime("is no duration (write 800ms, 2s, 5m, 3h, 7d)")
        unit = match[2].replace("μ", "µ").lower()
        if unit not in UNITS_NS:
            raise BadTime(f"has an unknown unit {match[2][:12]!r} (units: ns, us, ms, s, m, h, d, w)")
        total += float(match[1]) * UNITS_NS[unit]
        position = match.end()
    if not text:
        raise BadTime("is no duration (write 800ms, 2s, 5m, 3h, 7d)")
    if total == float("inf"):
        raise BadTime("is too large")
    return total


def duration_text(ns: int) -> str:
    """A duration in the largest unit that holds it exactly: `7d`, `90m`, `1500ms`."""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        if ns and ns % UNITS_NS[unit] == 0:
            return f"{ns // UNITS_NS[unit]}{unit}"
    return f"{ns}ns"
