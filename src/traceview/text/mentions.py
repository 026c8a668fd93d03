"""Whether a text holds a fact, in whatever spelling: the other half of `facts`."""

from __future__ import annotations

import re

from traceview.text import dates, numbers
from traceview.text.facts import Fact, name_key, scale_of
from traceview.text.urls import find_urls, url_key

DECODES = 3
"""JSON may stand as a text inside JSON: so often are escapes decoded to look for a fact."""

_ESCAPED = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_CONTROL = {"b": " ", "f": " ", "n": "\n", "r": "\r", "t": "\t"}
_AFTER_URL = frozenset(' \t\r\n"<>')
_AFTER_ESCAPED = frozenset(('\\"', "\\n"))
_BEFORE_URL = frozenset(' \t\r\n"<>([')


class Haystack:
    """A text to look for many facts in; what it holds is found out once, and only if it is needed."""

    def __init__(self, text: str) -> None:
        self._layers = [_Layer(text)]
        self._decoded = "\\" not in text

    def offset_of(self, fact: Fact) -> int | None:
        """Where a mention of a fact begins, None without one; 0 where it shows only once JSON's escapes are decoded."""
        found = self._layers[0].find(fact)
        if found is not None:
            return found
        if not self._decoded:
            self._decode()
        return 0 if any(layer.find(fact) is not None for layer in self._layers[1:]) else None

    def holds(self, fact: Fact) -> bool:
        """True if the text mentions the fact."""
        return self.offset_of(fact) is not None

    def _decode(self) -> None:
        self._decoded = True
        text = self._layers[0].text
        for _ in range(DECODES):
            plainer = unescaped(text)
            if plainer == text:
                break
            self._layers.append(_Layer(plainer))
            text = plainer


def unescaped(text: str) -> str:
    """A text with JSON's escapes decoded wherever they stand, once."""

    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _CONTROL.get(match[2], match[2])

    return _ESCAPED.sub(one, text) if "\\" in text else text


class _Layer:
    def __init__(self, text: str) -> None:
        self.text = text
        self._urls: dict[str, int] | None = None
        self._numbers: dict[str, int] | None = None
        self._lower: str | None = None
        self._stamps: dict[str, dict[str, int]] = {}

    def find(self, fact: Fact) -> int | None:
        """Where the fact stands in this text, in any spelling."""
        if fact.kind == "url":
            return self._url(fact)
        if fact.kind == "number":
            return self._number(fact)
        if fact.kind in ("date", "time"):
            return self._stamp(fact)
        return self._word(fact)

    def _url(self, fact: Fact) -> int | None:
        text = self.text
        at = text.find(fact.text)
        while at >= 0:
            end = at + len(fact.text)
            ends = end == len(text) or text[end] in _AFTER_URL or text[end : end + 2] in _AFTER_ESCAPED
            if ends and (at == 0 or text[at - 1] in _BEFORE_URL):
                return at
            at = text.find(fact.text, end)
        if self._urls is None:
            self._urls = {}
            for start, end in find_urls(text):
                self._urls.setdefault(url_key(text[start:end]), start)
        return self._urls.get(fact.key)

    def _number(self, fact: Fact) -> int | None:
        base = fact.key.removesuffix("%")
        for form in (base, base.replace(".", ",")):
            at = self.text.find(form)
            for _ in range(8):
                if at < 0:
                    break
                if self._apart(at, at + len(form)):
                    return at
                at = self.text.find(form, at + 1)
        if self._numbers is None:
            self._numbers = numbers.written(self.text)
        written = self._numbers
        for key in (base, *fact.also):
            if key in written:
                return written[key]
        shift = 2 if fact.key.endswith("%") else -scale_of(fact.text)
        rounded = numbers.scaled(base, shift) if shift < 0 else base
        for number, at in written.items():
            if "." in number and numbers.rounds_to(number, base):
                return at
            if shift and numbers.rounds_to(numbers.scaled(number, shift), rounded):
                return at
        return None

    def _apart(self, start: int, end: int) -> bool:
        """True if digits stand for themselves; False also where only a closer look can tell."""
        text = self.text
        before = text[start - 1] if start else " "
        after = text[end : end + 1] or " "
        if before == "n" and text[start - 2 : start - 1] == "\\":
            before = " "
        if before.isalnum() or before in "_-.,'’" or after.isalnum() or after in "_-'’":
            return False
        if before in ": \u00a0\u2009\u202f" and text[start - 2 : start - 1].isdigit():
            return False
        if after == "." and text[end + 1 : end + 2] == "0":
            # 61.0, as JSON writes 61
            return not text[end + 2 : end + 3].isalnum()
        return not (after in ".,: \u00a0\u2009\u202f" and text[end + 1 : end + 2].isdigit())

    def _stamp(self, fact: Fact) -> int | None:
        if fact.kind == "date":
            # most sources write 2026-10-05
            day = fact.key.removeprefix("-")
            at = self.text.find(day)
            if at >= 4 and not self.text[at + len(day) : at + len(day) + 1].isdigit():
                year = self.text[at - 4 : at] if day[0] == "-" else day[:4]
                if year.isdigit() and year[:2] in ("19", "20"):
                    return at - 4 if day[0] == "-" else at
        known = self._stamps.get(fact.kind)
        if known is None:
            known = self._stamps[fact.kind] = {}
            find = dates.find_dates if fact.kind == "date" else dates.find_times
            for start, _, readings in find(self.text):
                for reading in readings:
                    known.setdefault(reading, start)
        wanted = (fact.key, *fact.also)
        for key in wanted:
            if key in known:
                return known[key]
        if fact.kind == "date":
            for key, at in known.items():
                if any(dates.same_date(key, one) for one in wanted):
                    return at
        return None

    def _word(self, fact: Fact) -> int | None:
        if self._lower is None:
            self._lower = self.text.lower()
        if len(self._lower) == len(self.text):
            wanted = fact.text.lower()
            at = self._lower.find(wanted)
            while at >= 0:
                end = at + len(wanted)
                if not (_joins(self._lower, at - 1) or _joins(self._lower, end)):
                    return at
                at = self._lower.find(wanted, at + 1)
        if fact.kind == "name":
            words = name_key(fact.text).split()
            if len(words) < 2:
                return None
            spelled = r"\s+".join(map(re.escape, words))
            found = re.search(rf"(?<![^\W\d_]){spelled}(?![^\W\d_])", self.text, re.IGNORECASE)
        elif len(fact.key) == 32:
            key = fact.key
            parts = (key[:8], key[8:12], key[12:16], key[16:20], key[20:])
            # Ids of documents may be any text.
            pattern = "-?".join(map(re.escape, parts))
            found = re.search(rf"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])", self.text, re.IGNORECASE)
        else:
            return None
        return found.start() if found else None


def _joins(text: str, at: int) -> bool:
    """True if the character there would make a word longer, in a script that parts words."""
    if not 0 <= at < len(text):
        return False
    char = text[at]
    return char == "_" or (char.isalnum() and (char.isascii() or "\u00c0" <= char <= "\u024f"))
