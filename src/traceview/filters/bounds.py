"""What a comparison of times means: one half-open interval of start times."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.filters.ast import And, Compare, Node, Op, Range, Time

Bounds = tuple[int | None, int | None]
"""[from, to) in UTC nanoseconds, None where open."""


def bounds(field: str, op: Op, value: Time | Range) -> Bounds:
    """The instants that a time field may have under an operator and a value.

    `until` and `<=` include what the time covers: the whole day of a date, the instant itself of `2h` ago.
    """
    if isinstance(value, Range):
        low = value.low.start_ns if isinstance(value.low, Time) else None
        return low, _behind(value.high) if isinstance(value.high, Time) else None
    if field == "since" or op == ">=":
        return value.start_ns, None
    if field == "until" or op == "<=":
        return None, _behind(value)
    if op == ">":
        return _behind(value), None
    if op == "<":
        return None, value.start_ns
    return value.start_ns, _behind(value)


def start_bounds(node: Node | None) -> Bounds:
    """An interval outside of which no row can match, from the conditions on the start that always hold."""
    low: int | None = None
    high: int | None = None
    for start, end in _required(node):
        low = start if low is None else low if start is None else max(low, start)
        high = end if high is None else high if end is None else min(high, end)
    return low, high


def _required(node: Node | None) -> Iterator[Bounds]:
    for child in node.children if isinstance(node, And) else (node,):
        if (
            isinstance(child, Compare)
            and child.field in ("since", "until", "start_time")
            and len(child.values) == 1
        ):
            value = child.values[0]
            if isinstance(value, Time | Range):
                yield bounds(child.field, child.op, value)


def _behind(value: Time) -> int:
    """The first instant behind a time; a single instant covers one nanosecond."""
    return max(value.end_ns, value.start_ns + 1)
