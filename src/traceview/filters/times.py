"""Times and durations of the filter language: read and printed; times become intervals of UTC nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from traceview.filters.ast import Time
from traceview.text.durations import DURATION_PART, UNITS_NS, BadTime, duration_ns

NS_MIN = -(2**63) + 1
NS_MAX = 2**63 - 1

_POINT = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:[Tt _](\d{1,2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?)?)?"
    r"([Zz]|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = ("now", "today", "yesterday")


def looks_relative(text: str) -> bool:
    """True for a duration, which as a time counts back from now."""
    return bool(DURATION_PART.match(text)) and not _POINT.fullmatch(text)


def time_value(text: str, now_ns: int, tz: tzinfo | None) -> Time:
    """A point in time with its precision, or a duration back from now. Raises BadTime.

    Without a zone the time is in `tz`, None meaning the local zone of this machine.
    """
    word = text.lower()
    if word in _WORDS:
        return _word(word, now_ns, tz)
    if looks_relative(text):
        ns = max(NS_MIN, now_ns - round(min(duration_ns(text), float(NS_MAX))))
        return Time(word, ns, ns)
    match = _POINT.fullmatch(text)
    if match is None:
        raise BadTime("is no time (write 2026-11-01, 2026-11-01T14:30, 7d, today)")
    canonical = text.upper().replace(" ", "T").replace("_", "T").replace(",", ".")
    try:
        start, end = _interval(match, tz)
    except (ValueError, OverflowError, OSError):
        raise BadTime("is no date of the calendar") from None
    if start < NS_MIN or end > NS_MAX:
        raise BadTime("is outside the years 1678 to 2261")
    return Time(canonical, start, end)


def _word(word: str, now_ns: int, tz: tzinfo | None) -> Time:
    if word == "now":
        return Time(word, now_ns, now_ns)
    today = (_EPOCH + timedelta(seconds=now_ns // 1_000_000_000)).astimezone(tz).date()
    day = today - timedelta(days=word == "yesterday")
    return Time(word, _ns_of_day(day, tz), _ns_of_day(day + timedelta(days=1), tz))


def _ns_of_day(day: date, tz: tzinfo | None) -> int:
    return _ns(datetime(day.year, day.month, day.day), tz)


def _interval(match: re.Match[str], tz: tzinfo | None) -> tuple[int, int]:
    """Start and end in nanoseconds of what was written, as long as its last written part."""
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if zone is not None and hour is None:
        raise BadTime("has a zone but no time of day")
    if zone is not None:
        tz = UTC if zone in "Zz" else _offset(zone)
    start = datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0)
    )
    if fraction is not None:
        step = 10 ** (9 - len(fraction))
        ns = _ns(start, tz) + int(fraction) * step
        return ns, ns + step
    if month is None:
        end = start.replace(year=start.year + 1)
    elif day is None:
        end = (start + timedelta(days=31)).replace(day=1)
    elif hour is None:
        end = start + timedelta(days=1)
    else:
        length = UNITS_NS["h"] if minute is None else UNITS_NS["m"] if second is None else UNITS_NS["s"]
        ns = _ns(start, tz)
        return ns, ns + length
    return _ns(start, tz), _ns(end, tz)


def _offset(zone: str) -> timezone:
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if zone[0] == "-" else offset)


def _ns(naive: datetime, tz: tzinfo | None) -> int:
    aware = naive.astimezone() if tz is None else naive.replace(tzinfo=tz)
    distance = aware - _EPOCH
    return (distance.days * 86_400 + distance.seconds) * 1_000_000_000 + distance.microseconds * 1_000
