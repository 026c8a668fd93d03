"""The facts of a text, as they can be looked for elsewhere: addresses, numbers, dates, times, ids, names.

What counts as a number: two digits or more, or a decimal, or any with a percent sign, a currency or a multiplier. Not
the number of a list item at the start of a line, not a digit alone, not 24/7, not digits inside a word (v3, mp4).
Signs are left out: a change of -5 % is 5 %. Every pattern reads a text once, whatever stands in it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from traceview.text import dates, numbers
from traceview.text.patterns import later
from traceview.text.urls import find_urls, url_key

RULES_VERSION = 1
"""Part of the name of what is kept: a change of what is a fact, or of what counts as its source, is a new version."""

FactKind = Literal["url", "number", "date", "time", "id", "name"]
COUNTED: tuple[FactKind, ...] = ("url", "number", "date", "time", "id")
"""The kinds of which it is said that they come from nowhere; names are found, but not counted."""


class Fact(Struct, frozen=True):
    """A fact at `start` to `end` of a text. Two facts of a kind with one `key` are the same.

    `also` are other readings of it: `10/05/2026` may be a day in May, `1,234` may be 1.234, 30 % is 0.3.
    """

    kind: FactKind
    start: int
    end: int
    text: str
    key: str
    also: tuple[str, ...] = ()


_UUID = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_HEX = r"(?:0x)?+(?=[0-9]*+[A-Fa-f])(?=[A-Fa-f]*+[0-9])[0-9A-Fa-f]{7,}+"
_ID = later(
    rf"(?<![A-Za-z0-9])(?:(?P<uuid>{_UUID})(?![A-Za-z0-9])|(?P<hex>{_HEX})(?![A-Za-z0-9_-])"
    r"|(?P<version>v?[0-9]++(?:\.[0-9]++){2,}+)(?![A-Za-z0-9])"
    r"|(?P<word>[A-Za-z0-9]++(?:[-_]++[A-Za-z0-9]++)++))"
)
_TICKET = later(r"[A-Z][A-Z0-9]*-[0-9]{2,}(?:-[A-Z0-9]+)*")
_SEGMENT = later(r"[-_]+")
_DIGIT = later(r"[0-9]")
_MIXED = later(r"[A-Za-z]+[0-9]{2,}|[0-9]+[A-Za-z]+[0-9]|[A-Za-z]+[0-9]+[A-Za-z]+[0-9]*")

_CURRENCY = r"€|\$|£|¥|₹|円|EUR|USD|GBP|JPY|CHF|INR|euros?|dollars?"
_SCALES = {
    "k": 3, "thousand": 3, "tsd": 3, "m": 6, "mio": 6, "million": 6, "millions": 6, "millionen": 6, "bn": 9,
    "b": 9, "mrd": 9, "billion": 9, "billions": 9, "万": 4, "億": 8, "千": 3,
}  # fmt: skip
_UNITS = "kb|mb|gb|tb|kib|mib|gib|ms|s|sec|min|mins|h|hr|hrs|d|km|kg|g|cm|mm|m|px|pt|x|st|nd|rd|th|w|kw|kwh|mbps|fps"
_NUMBER = later(
    rf"(?<![A-Za-z0-9_])(?P<before>(?:[$€£¥₹]|US\$)\x20?)?(?P<digits>{numbers.NUMBER})"
    r"(?:[\x20\u00a0\u202f]?(?P<scale>(?-i:(?<=[0-9])[kKMB])"
    r"|bn|Tsd|Mio|Mrd|thousand|millions?|Millionen|billions?|万|億|千)\.?(?![A-Za-z]))?"
    rf"(?:[\x20\u00a0\u202f]?(?P<unit>%|％|‰|percent\b|per\x20cent\b|Prozent\b|{_CURRENCY})(?![A-Za-z]))?"
    rf"(?:(?:{_UNITS})(?![A-Za-z0-9_]))?(?P<more>[A-Za-z_])?",
    re.IGNORECASE,
)
_ITEM = later(r"(?m)^[ \t>*#-]{0,16}([0-9]{1,3})[.)](?=[ \t])")
_PERCENT = ("%", "％", "percent", "per cent", "prozent")

_QUOTED = later(
    r"\"([^\"\n]{2,80})\"|“([^“”\n]{2,80})[”“]|„([^„“”\n]{2,80})[“”]|«([^«»\n]{2,80})»|「([^「」\n]{2,80})」|`([^`\n]{2,80})`"
)
_CAPITAL = r"(?:[A-ZÀ-ÖØ-Þ]\.|[A-ZÀ-ÖØ-Þ][A-Za-zÀ-ÖØ-öø-ÿ'’&-]{0,40})"
_NAME = later(
    rf"(?<![A-Za-zÀ-ÿ0-9_]){_CAPITAL}(?:\x20(?:(?:of|de|la|von|van|der|del|and|&)\x20){{0,2}}{_CAPITAL}){{1,5}}"
)
_OPENERS = frozenset(
    """
    add ask check contact create enter find follow get make note press select tell thank try update visit
    a aber about after all alle also am an and any are as at auch auf because before bei bitte both
    but by can choose click could das dein der did die dies diese do does done ein eine es every for
    from für go good great gut hallo has have hello here hi hier how i ich if ihr im in is it its ja
    kein let many may mein mit more most my nach nein no not now oder of on once one open or our
    please see set several should sie siehe since so some still sure thanks that the their then
    there these they this those to two und under unser until use vom von was we wenn wer what when
    where which while who why wie will wir with would yes you your zu zum zur
    """.split()  # noqa: SIM905
)
"""Words that begin sentences and no names."""
_WIDE = {0xFF10 + digit: 0x30 + digit for digit in range(10)}
_HAS_WIDE = later("[\uff10-\uff19]")


def find_facts(text: str) -> tuple[Fact, ...]:
    """The facts of a text in order of their start. Only names may hold other facts; the others do not overlap."""
    found = _counted(text)
    taken = _Taken(found)
    found.extend(_names(text, taken))
    return tuple(sorted(found, key=lambda fact: (fact.start, -fact.end)))


def counted_facts(text: str) -> tuple[Fact, ...]:
    """The facts of the COUNTED kinds in order of their start, in less time."""
    return tuple(sorted(_counted(text), key=lambda fact: fact.start))


def fact_at(text: str, offset: int, facts: tuple[Fact, ...] | None = None) -> Fact | None:
    """The smallest fact that holds the character at an offset, or ends there; None if there is none."""
    found = [fact for fact in facts or find_facts(text) if fact.start <= offset <= fact.end]
    return min(found, key=lambda fact: (offset == fact.end, fact.end - fact.start), default=None)


class _Taken:
    """Parts of a text that belong to facts."""

    def __init__(self, facts: list[Fact] | None = None) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        spans = sorted((fact.start, fact.end) for fact in facts or ())
        self._starts = [start for start, _ in spans]
        self._ends = [end for _, end in spans]

    def holds(self, start: int, end: int) -> bool:
        """True if any character of the range is taken."""
        at = bisect_right(self._starts, end - 1) - 1
        return at >= 0 and self._ends[at] > start

    def covers(self, start: int, end: int) -> bool:
        """True if one fact takes the whole range."""
        at = bisect_right(self._starts, start) - 1
        return at >= 0 and self._ends[at] >= end


def _counted(text: str) -> list[Fact]:
    if not text.isascii() and _HAS_WIDE.search(text):
        text = text.translate(_WIDE)
    found = [
        Fact("url", start, end, text[start:end], url_key(text[start:end])) for start, end in find_urls(text)
    ]
    if _DIGIT.search(text) is None:
        return found
    for kind in (_dates, _times, _ids, _numbers):
        taken = _Taken(found)
        free = 0
        for fact in kind(text):
            if fact.start >= free and not taken.holds(fact.start, fact.end):
                found.append(fact)
                free = fact.end
    return found


def _dates(text: str) -> Iterator[Fact]:
    return _stamps("date", text, sorted(dates.find_dates(text), key=lambda one: (one[0], -one[1])))


def _times(text: str) -> Iterator[Fact]:
    return _stamps("time", text, sorted(dates.find_times(text), key=lambda one: (one[0], -one[1])))


def _stamps(kind: FactKind, text: str, stamps: list[dates.Stamp]) -> Iterator[Fact]:
    for start, end, found in stamps:
        yield Fact(kind, start, end, text[start:end], found[0], found[1:])


def _ids(text: str) -> Iterator[Fact]:
    for match in _ID.finditer(text):
        word = match.group()
        if match.lastgroup == "word" and not _is_id(word):
            continue
        yield Fact("id", match.start(), match.end(), word, id_key(word))


def id_key(word: str) -> str:
    """Ids are the same in upper and lower case, a UUID also without its dashes."""
    key = word.lower()
    return key.replace("-", "") if re.fullmatch(_UUID, word) else key


def _is_id(word: str) -> bool:
    """KR-12, kr_022, thr-8d87, claude-haiku-4-5; not top-10, 24-hour, 10-20."""
    if _DIGIT.search(word) is None or not any(char.isalpha() for char in word):
        return False
    if "_" in word or _TICKET.fullmatch(word):
        return True
    segments = _SEGMENT.split(word)
    if any(_MIXED.fullmatch(segment) for segment in segments):
        return True
    return len(segments) > 2 and not segments[0].isdigit()


def _numbers(text: str) -> Iterator[Fact]:
    items = {match.start(1) for match in _ITEM.finditer(text)}
    for match in _NUMBER.finditer(text):
        digits, unit, scale = match["digits"], match["unit"], match["scale"]
        start, end = match.span()
        if match["more"]:
            continue
        at = match.start("digits")
        read = numbers.readings(digits)
        if not read:
            for first, last in numbers.pieces(digits):
                if last - first > 1:
                    yield Fact(
                        "number", at + first, at + last, digits[first:last], numbers.plain(digits[first:last])
                    )
            continue
        if not (unit or scale or match["before"]) and (
            len(digits) < 2 or at in items or _round_the_clock(text, at)
        ):
            continue
        keys = list(read)
        if scale:
            keys = [numbers.scaled(key, _SCALES[scale.lower()]) for key in keys] + keys
        if unit and unit.lower() in _PERCENT:
            keys = [f"{keys[0]}%", *keys, *(numbers.scaled(key, -2) for key in keys)]
        yield Fact("number", start, end, match.group(), keys[0], tuple(dict.fromkeys(keys[1:])))


def _round_the_clock(text: str, at: int) -> bool:
    return text.startswith("24/7", at)


def _names(text: str, taken: _Taken) -> Iterator[Fact]:
    quoted = {match.span(match.lastindex or 0) for match in _QUOTED.finditer(text)}
    named = set()
    for match in _NAME.finditer(text):
        start, end = match.span()
        start = _behind_opener(text, start, end)
        if start == end:
            continue
        while text[end - 1] in ".'’&-":
            end -= 1
        if not taken.holds(start, end):
            named.add((start, end))
    for start, end in quoted | named:
        word = text[start:end]
        if any(char.isalpha() for char in word) and not taken.covers(start, end):
            yield Fact("name", start, end, word, name_key(word))


def _behind_opener(text: str, start: int, end: int) -> int:
    """Where a name begins behind a word that is written large only because a sentence begins; `end` if none is left."""
    first, _, rest = text[start:end].partition(" ")
    begins = text[:start].rstrip(" \t*_([\"'“„")[-1:] in ("", ".", "!", "?", ":", "\n", "-")
    if not begins or first.casefold() not in _OPENERS:
        return start
    return end - len(rest) if " " in rest else end


def scale_of(number: str) -> int:
    """The power of ten that a number's word stands for: 6 for `1.2 million`, 0 without one."""
    match = _NUMBER.match(number)
    return _SCALES[match["scale"].lower()] if match is not None and match["scale"] else 0


def name_key(name: str) -> str:
    """Names are the same in upper and lower case and however they are spaced."""
    return " ".join(name.split()).casefold()
