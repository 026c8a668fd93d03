"""Numbers as people write them: what a run of digits and separators may mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

NUMBER = r"[0-9]++(?:[.,'’\u00a0\u2009\u202f][0-9]++|\x20[0-9]{3}(?![0-9.,]))*+"
_SPLIT = re.compile(r"([.,'’ \u00a0\u2009\u202f])")


def readings(digits: str) -> tuple[str, ...]:
    """The plain decimals that a run may be read as, likeliest first; none if it is no single number.

    `1,234.50` is 1234.5, `1.234,50` too; `1,234` is 1234 or 1.234, `1.234` is 1.234 or 1234.
    """
    parts = _SPLIT.split(digits)
    groups, signs = parts[::2], parts[1::2]
    if not signs:
        return (plain(digits),)
    found: list[str] = []
    grouped = len(groups[0]) <= 3 and groups[0] != "0"
    if len(set(signs)) == 1 and grouped and all(len(group) == 3 for group in groups[1:]):
        found.append(plain("".join(groups)))
    if (
        signs[-1] in ".,"
        and signs[-1] not in signs[:-1]
        and len(set(signs[:-1])) <= 1
        and (not signs[:-1] or (grouped and all(len(group) == 3 for group in groups[1:-1])))
    ):
        decimal = plain("".join(groups[:-1]) + "." + groups[-1])
        if signs == ["."]:
            found.insert(0, decimal)
        else:
            found.append(decimal)
    return tuple(found)


def plain(decimal: str) -> str:
    """A decimal without leading or trailing zeros: 0012.50 is 12.5."""
    whole, _, fraction = decimal.partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    return f"{whole}.{fraction}" if fraction else whole


def pieces(digits: str) -> Iterator[tuple[int, int]]:
    """Where the single numbers stand in a run that is not one number, such as 10,20,30."""
    for match in re.finditer(r"[0-9]++", digits):
        yield match.span()


_WRITTEN = re.compile(
    r"(?<![A-Za-z0-9_])(?:(?P<iso>(?P<year>[0-9]{4})-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]++)?)?)?)"
    rf"|(?P<run>{NUMBER})(?![A-Za-z]*+[0-9_]))"
)


def written(text: str) -> dict[str, int]:
    """Every number that a text may be read to hold, as plain decimals, and where the first of each stands.

    Digits inside words and ids are none; of a date as 2026-10-05 only the year is.
    """
    found: dict[str, int] = {}
    for match in _WRITTEN.finditer(text):
        run = match["run"]
        if run is None:
            found.setdefault(match["year"], match.start())
            continue
        for reading in readings(run):
            found.setdefault(reading, match.start())
        if not run.isdigit():
            for first, last in pieces(run):
                found.setdefault(plain(run[first:last]), match.start() + first)
    return found


def rounds_to(precise: str, rounded: str) -> bool:
    """True if a plain decimal with more digits after the point may have been rounded to the other."""
    places = len(rounded.partition(".")[2])
    if len(precise.partition(".")[2]) <= places:
        return False
    return abs(float(precise) - float(rounded)) <= 0.5000001 * 10.0**-places


def scaled(decimal: str, places: int) -> str:
    """A plain decimal times ten to the power of `places`."""
    whole, _, fraction = decimal.partition(".")
    if places >= 0:
        fraction = fraction.ljust(places, "0")
        return plain(f"{whole}{fraction[:places]}.{fraction[places:]}")
    whole = whole.rjust(1 - places, "0")
    return plain(f"{whole[:places]}.{whole[places:]}{fraction}")
