"""What Tab completes in a filter: a field, a key of `score.` or `attr.`, or a value of a field."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from traceview.filters.printer import quote_key, quote_value
from traceview.filters.scanner import FIELD, KEY, OPERATOR
from traceview.model.fields import FIELD_BY_NAME, FIELDS
from traceview.model.labels import SCORE_SOURCES

_VALUE = re.compile(r'(?:"(?:\\.|[^"\\])*"?|[^\s()",])*', re.DOTALL)
_SLASHED = re.compile(r"/(?:\\.|[^/\\])*/?\w*", re.DOTALL)
_BETWEEN = re.compile(r"(?:[\s()]|-(?=\S))+")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"?', re.DOTALL)
_WORD = re.compile(r"[^\s()\"]+")
_TIMES = ("1h", "24h", "7d", "30d", "today", "yesterday")
_PRESENCE_FIRST = ("label", "note", "correction", "mode", "bad", "session", "signal")


class Completion(Struct, frozen=True):
    """What is being completed at the cursor.

    `kind` field: a field name; key: the part behind `score.` or `attr.`; value: a value of `field` (canonical
    name; `key` for scores and attributes); none: nothing can be completed here. `prefix` is what was typed,
    without quotes; [start, end) is what a candidate replaces. `candidates` are the choices known without data;
    where `data` is True, the engine's values of `asked` that match `prefix` come after them.
    """

    kind: Literal["field", "key", "value", "none"]
    prefix: str
    start: int
    end: int
    field: str | None = None
    key: str | None = None
    candidates: tuple[str, ...] = ()
    data: bool = False

    @property
    def asked(self) -> str | None:
        """What the data is asked for: a field, `attr` or `score` for their keys, `attr.KEY` or `score.NAME`."""
        return f"{self.field}.{self.key}" if self.kind == "value" and self.key is not None else self.field

    def apply(self, text: str, candidate: str) -> tuple[str, int]:
        """The filter with the candidate in place, quoted where needed, and the cursor behind it."""
        before, after = text[: self.start], text[self.end :]
        if self.kind == "value":
            inserted = candidate if candidate in self.candidates else quote_value(candidate, self.field)
        elif self.kind == "key":
            inserted = quote_key(candidate, self.field or "")
        else:
            inserted = candidate
        if self.kind in ("field", "key") and OPERATOR.match(after) is None:
            inserted += "." if self.kind == "field" and candidate in ("score", "attr") else ":"
        return before + inserted + after, len(before) + len(inserted)


def complete(text: str, cursor: int) -> Completion:
    """What the cursor (an offset into the text) stands in; never raises, also not on a broken filter."""
    cursor = max(0, min(cursor, len(text)))
    position = 0
    while True:
        between = _BETWEEN.match(text, position)
        if between and between.end() <= cursor:
            position = between.end()
        if position >= cursor:
            return _field(text, cursor, cursor)
        end, found = _condition(text, position, cursor)
        if found is not None:
            return found
        position = max(end, position + 1)


def _condition(text: str, start: int, cursor: int) -> tuple[int, Completion | None]:
    """The end of the condition that begins at `start`, and the completion if the cursor stands in it."""
    if text[start] == '"':
        match = _QUOTED.match(text, start)
        end = match.end() if match else start + 1
        return end, Completion("none", "", cursor, cursor) if cursor < end or cursor == end == len(
            text
        ) else None
    name = FIELD.match(text, start)
    if name is None:
        return _word(text, start, cursor)
    field = FIELD_BY_NAME.get(name[0].lower())
    position, key = name.end(), None
    if field is not None and field.name in ("score", "attr") and text[position : position + 1] == ".":
        quoted_key = _QUOTED.match(text, position + 1)
        bare_key = KEY.match(text, position + 1)
        match = quoted_key or bare_key
        position = match.end() if match else position + 1
        key = match[0].strip('"') if match else ""
        if cursor <= position and cursor > name.end():
            return position, _key(text, field.name, name.end() + 1, position, cursor)
    operator = OPERATOR.match(text, position)
    if operator is None or cursor < operator.end():
        return _word(text, start, cursor)
    position = operator.end()
    if operator[0] in ("~", "!~"):
        match = _SLASHED.match(text, position) or _VALUE.match(text, position)
        end = match.end() if match else position
        return end, Completion("none", "", cursor, cursor) if cursor <= end else None
    while True:
        match = _VALUE.match(text, position)
        end = match.end() if match else position
        if cursor <= end:
            if field is None or not field.filter:
                return end, Completion("none", "", cursor, cursor)
            return end, _value(text, field.name, key, position, end, cursor)
        if text[end : end + 1] != ",":
            return end, None
        position = end + 1


def _word(text: str, start: int, cursor: int) -> tuple[int, Completion | None]:
    match = _WORD.match(text, start)
    end = match.end() if match else start + 1
    return end, _field(text, start, cursor) if cursor <= end else None


def _field(text: str, start: int, cursor: int) -> Completion:
    match = FIELD.match(text, start)
    end = max(cursor, match.end()) if match else cursor
    prefix = text[start:cursor]
    wanted = prefix.lower()
    names = [field for field in FIELDS if field.filter]
    # One name a field: the one filters are printed with if it matches; names that only contain the text last.
    spelt = [(field.printed, field.name, *field.aliases) for field in names]
    starting = [next((name for name in all_ if name.startswith(wanted)), None) for all_ in spelt]
    containing = [field.printed for field in names if wanted and wanted in field.printed]
    candidates = tuple(dict.fromkeys(name for name in (*starting, *containing) if name))
    return Completion("field", prefix, start, end, candidates=candidates)


def _key(text: str, field: str, start: int, end: int, cursor: int) -> Completion:
    prefix = text[start:cursor]
    name, dot, source = prefix.rpartition(".")
    if field == "score" and dot and name and not prefix.startswith('"'):
        sources = tuple(known for known in SCORE_SOURCES if known.startswith(source.lower()))
        return Completion("key", source, start + len(name) + 1, end, field, name, sources)
    return Completion("key", prefix.lstrip('"'), start, end, field, data=True)


def _value(text: str, name: str, key: str | None, start: int, end: int, cursor: int) -> Completion:
    field = FIELD_BY_NAME[name]
    written = text[start:cursor]
    if name == "prompt_name" and "@" in written and not written.startswith('"'):
        start += written.rindex("@") + 1
        written = text[start:cursor]
        return Completion("value", written, start, end, "prompt_version", data=True)
    prefix = written.removeprefix('"').replace('\\"', '"').replace("\\\\", "\\")
    if field.type == "enum":
        known: tuple[str, ...] = field.choices
    elif field.type == "time":
        known = _TIMES[:4] if name == "last" else _TIMES
    elif name in _PRESENCE_FIRST:
        known = ("any", "none")
    else:
        known = ()
    candidates = tuple(choice for choice in known if choice.startswith(prefix.lower()))
    data = field.type in ("text", "id", "list", "score", "structured")
    return Completion("value", prefix, start, end, name, key, candidates, data)
