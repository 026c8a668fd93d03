"""Dates and times of day as people write them, each with every reading it allows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from traceview.text.patterns import later

_NAMES = (
    ("january", "jan", "januar", "jänner", "janvier", "enero"),
    ("february", "feb", "februar", "février", "febrero"),
    ("march", "mar", "märz", "mär", "mars", "marzo"),
    ("april", "apr", "avril", "abril"),
    ("may", "mai", "mayo"),
    ("june", "jun", "juni", "juin", "junio"),
    ("july", "jul", "juli", "juillet", "julio"),
    ("august", "aug", "août", "agosto"),
    ("september", "sep", "sept", "septembre", "septiembre"),
    ("october", "oct", "oktober", "okt", "octobre", "octubre"),
    ("november", "nov", "novembre", "noviembre"),
    ("december", "dec", "dezember", "dez", "décembre", "diciembre"),
)
MONTHS = {name: month for month, names in enumerate(_NAMES, 1) for name in names}
_MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")(?![A-Za-zäöüéû])\.?"
_FROM, _TO = r"(?<![A-Za-z0-9_.,/-])", r"(?![A-Za-z0-9_])"
_YEAR = r"(?:19|20)[0-9]{2}"
_DATES = (
    # 2026-10-05, 2026/10/05, also with a time behind it
    later(rf"(?<![A-Za-z0-9_./-])(?P<y>{_YEAR})[-/.](?P<m>[0-9]{{1,2}})[-/.](?P<d>[0-9]{{1,2}})(?![0-9/-])"),
    # 5.10.2026, 05/10/2026, 10-05-2026, 26.9.
    later(rf"{_FROM}(?P<a>[0-9]{{1,2}})(?P<s>[./-])(?P<b>[0-9]{{1,2}})(?P=s)(?P<y>{_YEAR}|[0-9]{{2}}){_TO}"),
    later(r"(?<![A-Za-z0-9_.,/-])(?P<d>[0-9]{1,2})\.\x20?(?P<m>[0-9]{1,2})\.(?![0-9A-Za-z])"),
    # October 5th, 2026: the month stands before what is matched, so that words without a day cost nothing
    later(
        rf"(?<=[A-Za-zéûä.])\x20(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:,?\x20(?P<y>{_YEAR}))?{_TO}",
        re.IGNORECASE,
    ),
    # 5 October 2026, 5. Oktober
    later(
        rf"{_FROM}(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th|\.)?\x20(?:of\x20)?(?P<M>{_MONTH})(?:,?\x20(?P<y>{_YEAR})(?![0-9]))?",
        re.IGNORECASE,
    ),
    # 2026年10月5日
    later(r"(?:(?P<y>[0-9]{4})年\x20?)?(?<![0-9])(?P<m>[0-9]{1,2})月\x20?(?P<d>[0-9]{1,2})日"),
)
_LAST_WORD = later(r"(?<![A-Za-z0-9_])([A-Za-zäéû]{3,10})\.?$")
_TIMES = (
    later(
        r"(?<![A-Za-z0-9_.,:])(?P<h>[0-9]{1,2})[:時](?P<n>[0-9]{2})分?(?::(?P<x>[0-9]{2}))?(?![0-9:])"
        r"(?:\x20?(?P<half>[ap])\.?m\b\.?)?",
        re.IGNORECASE,
    ),
    later(r"(?<![A-Za-z0-9_.,:])(?P<h>[0-9]{1,2})\x20?(?P<half>[ap])\.?m\b\.?", re.IGNORECASE),
)
_ISO_TIME = later(r"T(?P<h>[0-9]{2}):(?P<n>[0-9]{2})")

Stamp = tuple[int, int, tuple[str, ...]]
"""Start, end, and the readings, likeliest first: `2026-10-05`, or `--10-05` without a year; times `14:30`."""


def find_dates(text: str) -> Iterator[Stamp]:
    """Dates, pattern by pattern: they may overlap, the earlier pattern is the better one."""
    for pattern in _DATES:
        for match in pattern.finditer(text):
            start, parts = match.start(), match.groupdict()
            if "m" not in parts and "M" not in parts and "a" not in parts:
                word = _LAST_WORD.search(text, max(0, start - 12), start)
                if word is None or word[1].lower() not in MONTHS:
                    continue
                start, parts["M"] = word.start(), word[1]
            found = _readings(parts)
            if found:
                yield start, match.end(), found


def _readings(parts: dict[str, str | None]) -> tuple[str, ...]:
    year = parts.get("y")
    if year is not None and len(year) == 2:
        year = "20" + year
    if parts.get("a"):
        first, second = int(parts["a"] or 0), int(parts["b"] or 0)
        orders = ((second, first),) if parts["s"] == "." else ((first, second), (second, first))
    else:
        name = parts.get("M")
        month = MONTHS[name.rstrip(".").lower()] if name else int(parts["m"] or 0)
        orders = ((month, int(parts["d"] or 0)),)
    start = year if year else "-"
    return tuple(
        dict.fromkeys(
            f"{start}-{month:02}-{day:02}" for month, day in orders if 0 < month < 13 and 0 < day < 32
        )
    )


def find_times(text: str) -> Iterator[Stamp]:
    """Times of day with minutes, or with am or pm."""
    for pattern in (*_TIMES, _ISO_TIME):
        for match in pattern.finditer(text):
            parts = match.groupdict()
            hour, minute = int(parts["h"]), int(parts.get("n") or 0)
            half = (parts.get("half") or "").lower()
            if half and not 0 < hour < 13:
                continue
            if half:
                hour = hour % 12 + (12 if half == "p" else 0)
            if hour < 25 and minute < 60:
                yield match.start("h"), match.end(), (f"{hour:02}:{minute:02}",)


def same_date(one: str, other: str) -> bool:
    """True if two readings name one day; a date without a year is that day of any year."""
    if one.startswith("--") or other.startswith("--"):
        return one[-5:] == other[-5:]
    return one == other
