"""Hours, days and weeks of this machine's zone, as the filter language writes them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from traceview.filters.ast import Compare, Range, Time
from traceview.filters.times import time_value
from traceview.text.durations import UNITS_NS, BadTime

Over = Literal["hour", "day", "week"]
OVER: tuple[Over, ...] = ("hour", "day", "week")

QUARTER_NS = 900_000_000_000
"""Zones differ from UTC by quarters of an hour, so an hour or a day begins at one."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Bucket(Struct, frozen=True):
    """A stretch of time: where it begins (UTC nanoseconds), its name, and the condition that traces began in it.

    The name is `2026-11-01` for a day, that of its Monday for a week, `2026-11-01T14` for an hour, with the offset
    from UTC where the clock shows that hour twice.
    """

    start_ns: int
    name: str
    condition: Compare


def buckets(quarters: Iterable[int], over: Over) -> list[Bucket]:
    """The stretches that hold these quarters of an hour (numbers since 1970, UTC), in order of time."""
    moments = [_local(quarter) for quarter in set(quarters)]
    if over == "hour":
        found = [_hour(moment) for moment in {moment.replace(minute=0) for moment in moments}]
    else:
        days = {moment.date() for moment in moments}
        if over == "week":
            days = {day - timedelta(days=day.weekday()) for day in days}
        found = [_days(day, 1 if over == "day" else 7) for day in days]
    return sorted((one for one in found if one is not None), key=lambda one: one.start_ns)


def _local(quarter: int) -> datetime:
    return (_EPOCH + timedelta(minutes=15 * quarter)).astimezone()


def _hour(moment: datetime) -> Bucket | None:
    plain = f"{moment:%Y-%m-%dT%H}"
    begin = (moment - _EPOCH) // timedelta(seconds=1) * UNITS_NS["s"]
    time = _time(plain)
    if time is None:
        return None
    if (time.start_ns, time.end_ns) != (begin, begin + UNITS_NS["h"]):
        plain = f"{plain}:00{moment:%z}"
        time = Time(plain, begin, begin + UNITS_NS["h"])
    return Bucket(begin, plain, Compare("start_time", ":", (time,)))


def _days(first: date, count: int) -> Bucket | None:
    begin = _time(first.isoformat())
    if begin is None:
        return None
    if count == 1:
        return Bucket(begin.start_ns, begin.text, Compare("start_time", ":", (begin,)))
    end = _time((first + timedelta(days=count - 1)).isoformat())
    return Bucket(begin.start_ns, begin.text, Compare("start_time", ":", (Range(begin, end),)))


def _time(text: str) -> Time | None:
    """A local time as filters read it; None at the two ends of what nanoseconds can tell."""
    try:
        return time_value(text, 0, None)
    except BadTime:
        return None
