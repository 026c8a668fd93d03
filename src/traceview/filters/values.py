"""Values of the filter language: what is written after an operator, typed by the field."""

from __future__ import annotations

import re
from datetime import tzinfo

from msgspec import Struct

from traceview.filters.ast import Last, Number, Pattern, Presence, Range, Text, Time, Value, Versioned
from traceview.filters.errors import nearest
from traceview.filters.times import NS_MAX, time_value
from traceview.model.fields import Field
from traceview.text.durations import NUMBER, BadTime, duration_ns

_NUMBER = re.compile(rf"[+-]?{NUMBER}", re.ASCII)
_COUNT = re.compile(rf"([+-]?{NUMBER})([kKmMgG]?)", re.ASCII)
_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_RANGE = re.compile(r"(.*?)\.\.(.*)", re.DOTALL)
PRESENCE = {"any": True, "none": False}


class Clock(Struct, frozen=True):
    """What relative times are relative to: UTC nanoseconds, and the zone of dates without one (None: local)."""

    now_ns: int
    tz: tzinfo | None


class Chunk(Struct, frozen=True):
    """A piece of a written value: within quotes (escapes resolved) or bare."""

    text: str
    quoted: bool


class BadValue(ValueError):
    """A value that its field cannot take; the argument says why, `suggestion` is the nearest valid one."""

    def __init__(self, problem: str, suggestion: str | None = None) -> None:
        super().__init__(problem)
        self.suggestion = suggestion


def text_value(chunks: list[Chunk]) -> Text | Pattern:
    """Chunks as a text, or a pattern where a bare chunk has stars."""
    parts = [""]
    for chunk in chunks:
        if chunk.quoted:
            parts[-1] += chunk.text
        else:
            first, *rest = chunk.text.split("*")
            parts[-1] += first
            parts.extend(rest)
    if len(parts) == 1:
        return Text(parts[0])
    # Neighbouring stars say no more than one.
    return Pattern((parts[0], *(part for part in parts[1:-1] if part), parts[-1]))


def match_value(field: Field, chunks: list[Chunk], clock: Clock) -> Value:
    """A value after `:`. Raises BadValue."""
    written = "".join(chunk.text for chunk in chunks)
    bare = all(not chunk.quoted for chunk in chunks)
    if bare and written.lower() in PRESENCE:
        return Presence(PRESENCE[written.lower()])
    if bare and written.strip("*") == "":
        return Presence(True)
    if field.type == "enum":
        if written.lower() in field.choices:
            return Text(written.lower())
        raise BadValue(f"is not one of {', '.join(field.choices)}", nearest(written, field.choices))
    if field.name == "last":
        return _last(written)
    if field.type in ("duration_ms", "count", "money", "time"):
        span = _RANGE.fullmatch(written)
        if span:
            return _range(field, span[1], span[2], clock)
        value = ordered_value(field, written, clock)
        if (
            isinstance(value, Time)
            and value.start_ns == value.end_ns
            and field.name not in ("since", "until")
        ):
            raise BadValue("is one instant; for a stretch of time write since: or a range with ..")
        return value
    if bare and field.name in ("score", "attr"):
        span = _RANGE.fullmatch(written)
        if span and (span[1] or span[2]) and all(_NUMBER.fullmatch(end) for end in span.groups() if end):
            return _range(field, span[1], span[2], clock)
    if field.name == "prompt_name":
        versioned = _versioned(chunks)
        if versioned is not None:
            return versioned
    return text_value(chunks)


def ordered_value(field: Field, written: str, clock: Clock) -> Number | Time:
    """A value that can be compared by size: after `>` and its kin, or an end of a range. Raises BadValue."""
    if field.type == "time":
        try:
            return time_value(written, clock.now_ns, clock.tz)
        except BadTime as error:
            raise BadValue(str(error)) from None
    if field.type == "duration_ms":
        return Number(_duration_ms(written))
    if field.type == "count":
        return Number(_count(written))
    number = written
    if field.type == "money":
        number = written.removeprefix("$")
    if not _NUMBER.fullmatch(number):
        raise BadValue("is no number" if field.type != "money" else "is no amount (write 0.05 or $0.05)")
    return Number(_finite(float(number)))


def _duration_ms(written: str) -> float:
    if _NUMBER.fullmatch(written):
        raise BadValue("needs a unit", f"{written}ms or {written}s")
    try:
        return duration_ns(written) / 1_000_000
    except BadTime as error:
        raise BadValue(str(error)) from None


def _count(written: str) -> int | float:
    match = _COUNT.fullmatch(written)
    if match is None:
        raise BadValue("is no count (write 500, 10k or 1.5M)")
    if match[1].lstrip("+-").isdigit():
        # Over 300 digits are no count, and Python refuses to read some thousands.
        if len(match[1]) > 300:
            raise BadValue("is too large")
        return int(match[1]) * _FACTORS[match[2].lower()]
    value = _finite(round(float(match[1]) * _FACTORS[match[2].lower()], 9))
    return int(value) if value == int(value) else value


def _finite(value: float) -> float:
    if abs(value) == float("inf"):
        raise BadValue("is too large")
    return value


def _last(written: str) -> Last:
    try:
        return Last(min(round(duration_ns(written)), NS_MAX))
    except BadTime as error:
        raise BadValue(str(error)) from None


def _range(field: Field, low: str, high: str, clock: Clock) -> Range:
    if field.name in ("since", "until"):
        raise BadValue("is a range; write time: for it")
    if not low and not high:
        raise BadValue("is a range without ends")
    first = ordered_value(field, low, clock) if low else None
    final = ordered_value(field, high, clock) if high else None
    if first is not None and final is not None and _size(first) > _size(final):
        raise BadValue("is a range whose beginning lies behind its end")
    return Range(first, final)


def _size(end: Number | Time) -> float:
    return end.start_ns if isinstance(end, Time) else end.value


def _versioned(chunks: list[Chunk]) -> Versioned | None:
    """`name@version`, `@version` for one of no name: split at the last bare `@`; None if there is none."""
    for index in range(len(chunks) - 1, -1, -1):
        chunk = chunks[index]
        if chunk.quoted or "@" not in chunk.text:
            continue
        before, _, after = chunk.text.rpartition("@")
        name = [*chunks[:index], Chunk(before, False)]
        version = [Chunk(after, False), *chunks[index + 1 :]]
        if not any(c.text or c.quoted for c in version):
            raise BadValue("needs a version behind @")
        return Versioned(text_value(name), text_value(version))
    return None
