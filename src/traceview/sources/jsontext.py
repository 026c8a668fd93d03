"""JSON as trace writers leave it: NaN, invalid UTF-8, lone surrogates, JSON in strings in strings."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

_STARTS = ("{", "[", '"')
_ENDS = {"{": "}", "[": "]", '"': '"'}
_LEVELS = 3
_DEEPEST = 200
"""orjson writes 254 levels, and other readers of JSON know fewer than Python's."""
_TOO_DEEP = f"[nested more than {_DEEPEST} levels deep: the rest was left out]"
_TOLERANT = json.JSONDecoder(parse_constant=str)
"""Made once: to make one takes longer than to read a short text."""


def loads(text: bytes | str) -> Any:
    """A JSON value; NaN and Infinity become texts, invalid UTF-8 and lone surrogates U+FFFD. Raises ValueError."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _loosely(text)


def _loosely(text: bytes | str) -> Any:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return cleaned(_TOLERANT.decode(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def cleaned(value: Any, depth: int = 0) -> Any:
    """The value with what neither UTF-8 nor JSON can hold replaced: lone surrogates, infinite numbers, deep nesting."""
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict | list | tuple) and depth >= _DEEPEST:
        return _TOO_DEEP
    if isinstance(value, dict):
        return {cleaned(str(key)): cleaned(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def dumps(value: Any) -> str:
    """JSON text of plain data, without spaces and with non-ASCII characters as they are."""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):
        pass
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):  # integers beyond 64 bits, lone surrogates, deep nesting
        return json.dumps(cleaned(value), ensure_ascii=False, separators=(",", ":"), default=str)


def decoded(value: Any, levels: int = _LEVELS) -> Any:
    """A text that holds JSON as that JSON, through at most `levels` of quoting; anything else unchanged."""
    # most values are none; this is asked very often
    if value.__class__ is not str or (
        value[:1] not in _STARTS and not (value[:1].isspace() and value.lstrip()[:1] in _STARTS)
    ):
        return value
    if value[-1:] != _ENDS.get(value[:1]) and not _may_end(value):
        # `[kb-101] ...`: to try it costs much more
        return value
    if levels > 0:
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            try:
                found = _loosely(value)
            except ValueError:
                return value
        if found.__class__ is not str:
            return found
        value, levels = found, levels - 1
    while levels > 0 and isinstance(value, str) and value.lstrip()[:1] in _STARTS and value:
        try:
            value = loads(value)
        except ValueError:
            return value
        levels -= 1
    return value


def _may_end(value: str) -> bool:
    """Whether what begins as JSON ends as it, whatever spaces are around it."""
    told = value.strip()
    return told[-1:] == _ENDS.get(told[:1])


def as_text(value: Any) -> str | None:
    """A text unchanged, None as None, anything else as JSON text."""
    return value if value is None or value.__class__ is str else dumps(value)
