"""JSON laid out for reading, with the JSON inside its strings laid out too.

Numbers, key order and repeated keys stay as they were written; NaN and Infinity pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from msgspec import Struct

_LEVELS = 3
_INDENT = "  "
_MAX_PARSE = 16_000_000


class Pretty(Struct, frozen=True):
    """A text laid out: `lines` of `total_lines` are in `text`; `left_out` says in words what is not, or is None."""

    text: str
    is_json: bool
    lines: int
    total_lines: int
    left_out: str | None = None


class _Literal(str):
    """A number or constant as it was written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """The pairs of an object in order, repeated keys included."""

    __slots__ = ()


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_float=_Literal, parse_int=_Literal, parse_constant=_Literal
)


def pretty_json(text: str, levels: int = _LEVELS) -> str:
    """The text laid out if it is JSON, otherwise the text itself.

    Strings that hold a JSON object or list are laid out in place, up to `levels` strings deep.
    """
    value = _parse(text)
    if value is None:
        return text
    return "\n".join(_lines(value[0], levels))


def pretty_json_bounded(text: str, max_chars: int, levels: int = _LEVELS) -> Pretty:
    """Like `pretty_json`, but of at most about `max_chars` characters (whole lines, at least one).

    A text over 16 MB is not parsed: its raw beginning is given.
    """
    value = _parse(text) if len(text) <= _MAX_PARSE else None
    if value is None:
        return _bounded_raw(text, max_chars)
    kept: list[str] = []
    size = total = 0
    for line in _lines(value[0], levels):
        total += 1
        if len(kept) == total - 1 and (not kept or size + len(line) + 1 <= max_chars):
            kept.append(line)
            size += len(line) + 1
    result = "\n".join(kept)
    left_out = None
    if len(result) > max_chars:
        left_out = f"{max_chars:,} of {len(result):,} characters of the first line"
        result = result[:max_chars]
        if total > 1:
            left_out += f", 1 of {total:,} lines"
    elif len(kept) < total:
        left_out = f"{len(kept):,} of {total:,} lines"
    return Pretty(result, True, len(kept), total, left_out)


def _bounded_raw(text: str, max_chars: int) -> Pretty:
    total = text.count("\n") + 1
    if len(text) <= max_chars:
        return Pretty(text, False, total, total)
    head = text[: max(1, max_chars)]
    return Pretty(head, False, head.count("\n") + 1, total, f"{len(head):,} of {len(text):,} characters")


def _parse(text: str) -> tuple[Any] | None:
    """The parsed value in a tuple, None if the text is no JSON or is nested too deeply to read."""
    stripped = text.strip()
    if not stripped or stripped[0] not in '{["':
        return None
    try:
        return (_DECODER.decode(stripped),)
    except (ValueError, RecursionError):
        return None


def _inner(text: str) -> Any:
    """The object or list that a string holds, None if it holds none."""
    head, tail = text[:32].lstrip()[:1], text[-32:].rstrip()[-1:]
    if (head, tail) not in (("{", "}"), ("[", "]")):
        return None
    parsed = _parse(text)
    return parsed[0] if parsed is not None else None


def _scalar(value: Any) -> str:
    if isinstance(value, _Literal):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    return "null" if value is None else "true" if value else "false"


@dataclass(slots=True)
class _Frame:
    """A container that is being written: what is left of it, and what closes it."""

    items: Iterator[Any]
    remaining: int
    is_object: bool
    levels: int
    comma: str


def _lines(value: Any, levels: int) -> Iterator[str]:
    """The lines of a value; an explicit stack, so that depth costs no recursion."""
    stack: list[_Frame] = []
    prefix, comma = "", ""
    while True:
        if isinstance(value, str) and not isinstance(value, _Literal):
            value, levels = _unfolded(value, levels)
        if isinstance(value, list) and value:
            is_object = isinstance(value, _Object)
            yield f"{prefix}{'{' if is_object else '['}"
            stack.append(_Frame(iter(value), len(value), is_object, levels, comma))
        elif isinstance(value, list):
            yield f"{prefix}{'{}' if isinstance(value, _Object) else '[]'}{comma}"
        else:
            yield f"{prefix}{_scalar(value)}{comma}"
        while stack and not stack[-1].remaining:
            frame = stack.pop()
            yield f"{_INDENT * len(stack)}{'}' if frame.is_object else ']'}{frame.comma}"
        if not stack:
            return
        frame = stack[-1]
        value = next(frame.items)
        frame.remaining -= 1
        comma = "," if frame.remaining else ""
        levels = frame.levels
        prefix = _INDENT * len(stack)
        if frame.is_object:
            key, value = value
            prefix += f"{encode_basestring(key)}: "


def _unfolded(text: str, levels: int) -> tuple[Any, int]:
    """The value inside a string of JSON and the levels left, or the string itself."""
    value: Any = text
    while levels > 0 and isinstance(value, str) and not isinstance(value, _Literal):
        inner = _inner(value)
        if inner is None:
            break
        value, levels = inner, levels - 1
    return value, levels
