"""Numbers and times for people: short, never misleading, the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

ABSENT = "–"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000
_MIN_NS = int((datetime(1, 1, 2, tzinfo=UTC) - _EPOCH).total_seconds()) * _SECOND
_MAX_NS = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * _SECOND


def duration(ms: float | None) -> str:
    """Milliseconds as `340ms`, `2.1s`, `3m 05s`, `2h 07m`, `3d 04h`; `–` for None."""
    if ms is None:
        return ABSENT
    if ms < 0:
        return "-" + duration(-ms)
    if ms == 0 or ms >= 99.5:
        if ms < 999.5:
            return f"{ms:.0f}ms"
        if ms < 9_950:
            return f"{ms / 1000:.1f}s"
        if ms < 59_500:
            return f"{ms / 1000:.0f}s"
        return _long_duration(round(ms / 1000))
    if ms >= 9.95:
        return f"{ms:.0f}ms"
    if ms >= 0.0095:
        return f"{ms:.1f}ms" if ms >= 0.95 else f"{ms:.2g}ms"
    return f"{ms * 1_000_000:.0f}ns"


def _long_duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days:,}d {hours:02d}h"


def count(number: int | None) -> str:
    """A whole number with separators, `12,345`; `–` for None."""
    return ABSENT if number is None else f"{number:,}"


def short_count(number: float | None) -> str:
    """A number of at most five characters: `999`, `1.2k`, `45k`, `3.4M`, `1.1G`; `–` for None."""
    if number is None:
        return ABSENT
    if number < 0:
        return "-" + short_count(-number)
    if number < 999.5:
        return f"{number:.0f}"
    for unit in ("k", "M", "G"):
        number /= 1000
        if number < 9.95:
            return f"{number:.1f}{unit}"
        if number < 999.5:
            return f"{number:.0f}{unit}"
    return f"{number / 1000:,.0f}T"


def tokens(input_tokens: int | None, output_tokens: int | None) -> str:
    """Input and output tokens, `1.2k→340`; `–` if neither is known."""
    if input_tokens is None and output_tokens is None:
        return ABSENT
    return f"{short_count(input_tokens)}→{short_count(output_tokens)}"


def money(usd: float | None, *, unknown: int | None = 0) -> str:
    """US dollars with the digits that matter: `$0`, `$0.00042`, `$0.042`, `$1.23`, `$1,234`; `–` for None.

    With an `unknown` number of further costs it is the least of a sum: `$0.042+`.
    """
    if usd is None:
        return ABSENT
    if unknown:
        return f"{money(usd)}+"
    if usd < 0:
        return "-" + money(-usd)
    if usd == 0:
        return "$0"
    if usd < 0.0000005:
        return "<$0.000001"
    if usd < 0.0995:
        digits = f"{usd:.6f}".rstrip("0")
        significant = len(digits[2:].lstrip("0"))
        return f"${digits}" if significant <= 2 else f"${float(f'{usd:.2g}'):.6f}".rstrip("0")
    return f"${usd:,.2f}" if usd < 999.995 else f"${usd:,.0f}"


def size(octets: int | None) -> str:
    """Bytes as `0 B`, `512 B`, `1.5 KB`, `23 MB` (powers of 1,000); `–` for None."""
    if octets is None:
        return ABSENT
    if octets < 1000:
        return f"{octets} B"
    value = float(octets)
    for unit in ("KB", "MB", "GB"):
        value /= 1000
        if value < 9.95:
            return f"{value:.1f} {unit}"
        if value < 999.5:
            return f"{value:.0f} {unit}"
    return f"{value / 1000:,.1f} TB"


def percent(part: int, whole: int) -> str:
    """A share that always says of how many: `43 % of 1,204`; `– of 0` without any."""
    if not whole:
        return f"{ABSENT} of 0"
    share = 100 * part / whole
    if 0 < share < 0.05:
        text = "<0.1"
    elif share < 9.95 and part:
        text = f"{share:.1f}"
    elif part < whole and share >= 99.5:
        text = ">99"
    else:
        text = f"{share:.0f}"
    return f"{text} % of {whole:,}"


def rfc3339(ns: int | None, *, digits: int = 9) -> str | None:
    """UTC nanoseconds since the epoch as `2026-11-01T10:00:00.123456789Z`, with so many digits; None for None.

    Years outside 1 to 9999 become the number of nanoseconds as text.
    """
    if ns is None:
        return None
    if not _MIN_NS <= ns <= _MAX_NS:
        return f"{ns}ns"
    seconds, rest = divmod(ns, _SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    text = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")
    return f"{text}.{rest:09d}"[: 20 + digits if digits else 19] + "Z"


def local_time(ns: int | None, *, tz: tzinfo | None = None, digits: int = 0) -> str:
    """A point in time in the local (or given) zone, `2026-11-01 11:00:00[.123]`; `–` for None."""
    if ns is None:
        return ABSENT
    if not _MIN_NS <= ns <= _MAX_NS:
        return f"{ns}ns"
    seconds, rest = divmod(ns, _SECOND)
    moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(tz)
    text = f"{moment:%Y-%m-%d %H:%M:%S}".rjust(19, "0")
    return f"{text}.{rest:09d}"[: 20 + digits] if digits else text


def short_time(ns: int | None, now_ns: int, *, tz: tzinfo | None = None) -> str:
    """A point in time in eleven cells or fewer: `14:03:22` today, `Nov 01 14:03` this year, else `2025-11-01`."""
    if ns is None:
        return ABSENT
    if not _MIN_NS <= ns <= _MAX_NS:
        return f"{ns}ns"
    moment = (_EPOCH + timedelta(seconds=ns // _SECOND)).astimezone(tz)
    now = (_EPOCH + timedelta(seconds=now_ns // _SECOND)).astimezone(tz)
    if moment.date() == now.date():
        return f"{moment:%H:%M:%S}"
    if moment.year == now.year:
        return f"{moment:%b %d %H:%M}"
    return f"{moment:%Y-%m-%d}"


def ago(ns: int | None, now_ns: int) -> str:
    """How long ago: `now`, `42s ago`, `5m ago`, `3h ago`, `12d ago`, `in 3h`; `–` for None."""
    if ns is None:
        return ABSENT
    seconds = (now_ns - ns) // _SECOND if now_ns >= ns else -((ns - now_ns) // _SECOND)
    distance = abs(seconds)
    if distance < 1:
        return "now"
    if distance < 60:
        text = f"{distance}s"
    elif distance < 3600:
        text = f"{distance // 60}m"
    elif distance < 48 * 3600:
        text = f"{distance // 3600}h"
    else:
        text = f"{distance // 86400:,}d"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def share(rate: float | None) -> str:
    """A rate in percent, `74%`, with a digit behind the point where it is small, `6.1%`; `–` for None."""
    return ABSENT if rate is None else f"{_percent(rate)}%"


def interval(ends: tuple[float, float] | None) -> str:
    """An interval of rates in percent, `5.0–7.3`; nothing for None."""
    return "" if ends is None else f"{_percent(ends[0])}–{_percent(ends[1])}"


def _percent(rate: float) -> str:
    value = rate * 100
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


def share_done(share: float) -> str:
    """How much of some work is done (0..1) in percent, never all of it before it is."""
    return f"{min(99, int(share * 100))} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 call`, `3 calls`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
