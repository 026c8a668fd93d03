"""The encodings of OTLP JSON: any-values, 64-bit integers in strings, ids in hex or base64, enum names."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.epochs import OLDEST, in_nanoseconds, unit_of
from traceview.sources.jsontext import as_text

_HEX = frozenset("0123456789abcdefABCDEF")
_USUAL = {8: re.compile("[0-9a-f]{16}"), 16: re.compile("[0-9a-f]{32}")}
_STATUS: dict[Any, str] = {
    1: "ok", 2: "error", "1": "ok", "2": "error", "STATUS_CODE_OK": "ok", "STATUS_CODE_ERROR": "error",
    "OK": "ok", "ERROR": "error", "Ok": "ok", "Error": "error",
}  # fmt: skip
_SCALARS = ("stringValue", "string_value", "boolValue", "bool_value", "bytesValue", "bytes_value")
_INTEGERS = ("intValue", "int_value")
_DOUBLES = ("doubleValue", "double_value")
_ARRAYS = ("arrayValue", "array_value")
_LISTS = ("kvlistValue", "kvlist_value")
MAX_DEPTH = 64
NO_TIME = "time that cannot be read, the span was read without it"
FAR_TIME = "time outside 1970 to 2262, the span was read without it"
_MOST = 1 << 63
CUT = f"[nested more than {MAX_DEPTH} levels deep: the rest was left out]"
"""What stands for a value that is nested deeper than JSON is written and read everywhere."""


def any_value(value: Any, depth: int = 0) -> Any:
    """An AnyValue as plain data; `{}` is None, infinite doubles become texts, what is no AnyValue stays as it is.

    What is nested deeper than MAX_DEPTH is cut, and `CUT` stands for it.
    """
    if depth > MAX_DEPTH and isinstance(value, dict | list):
        return CUT
    if not isinstance(value, dict):
        return value
    for kind, content in value.items():
        if kind in _SCALARS:
            return content
        if kind in _INTEGERS:
            return integer(content)
        if kind in _DOUBLES:
            return double(content)
        if kind in _ARRAYS:
            items = content.get("values") if isinstance(content, dict) else content
            return [any_value(item, depth + 1) for item in items] if isinstance(items, list) else []
        if kind in _LISTS:
            items = content.get("values") if isinstance(content, dict) else content
            return attributes_of(items, depth + 1)
    return dict(value) if value else None


def attributes_of(items: Any, depth: int = 0) -> dict[str, Any]:
    """A list of key-value pairs (or a plain object) as a dict."""
    if isinstance(items, dict):
        return {str(key): any_value(value, depth) for key, value in items.items()}
    attributes: dict[str, Any] = {}
    if isinstance(items, list):
        for item in items:
            if isinstance(item, dict) and isinstance(key := item.get("key"), str):
                value = item.get("value")
                # by far the most frequent, without a call
                if isinstance(value, dict) and len(value) == 1 and "stringValue" in value:
                    attributes[key] = value["stringValue"]
                else:
                    attributes[key] = any_value(value, depth)
    return attributes


def integer(value: Any) -> int | None:
    """An integer that may stand in a string or be a whole double; None if it is none."""
    if isinstance(value, int):
        return value
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return int(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def nanoseconds(value: Any) -> int | None:
    """A time in nanoseconds since the epoch; 0, which writers leave for unknown, and what int64 cannot hold: None.

    A number that is a time of today in seconds, milliseconds or microseconds is read as one.
    """
    time = integer(value)
    if time is None:
        return None
    time = in_nanoseconds(time)
    return time if 0 < time < _MOST else None


def times_of(start: Any, end: Any) -> tuple[int | None, int | None, str | None]:
    """Start and end as `nanoseconds` gives them, and what is to be told of them."""
    begun, ended = integer(start), integer(end)
    if begun is not None and ended is not None and OLDEST <= begun < _MOST and OLDEST <= ended < _MOST:
        return begun, ended, None
    remark = None
    for value, time in ((start, begun), (end, ended)):
        if time is None:
            remark = remark or (NO_TIME if value else None)
        elif time and nanoseconds(time) is None:
            remark = remark or FAR_TIME
        elif (unit := unit_of(time)) is not None:
            remark = remark or other_unit(unit[1], "nanoseconds")
    return nanoseconds(begun), nanoseconds(ended), remark


def other_unit(found: str, asked: str) -> str:
    """What is told of a time that was written in another unit than its format asks for."""
    return f"time in {found} where the format has {asked}: it was read as {found}"


def identifier(value: Any, size: int) -> str | None:
    """An id of `size` bytes in lower-case hex, from hex or base64; other texts unchanged; nothing or zeros: None."""
    if not isinstance(value, str) or not value:
        return None
    if _USUAL[size].fullmatch(value) is not None:
        found = value
    elif len(value) == 2 * size and _HEX.issuperset(value):
        found = value.lower()
    elif len(value) == (size + 2) // 3 * 4 and value.endswith("="):
        try:
            found = base64.b64decode(value.replace("-", "+").replace("_", "/"), validate=True).hex()
        except (binascii.Error, ValueError):
            found = value
    else:
        found = value
    return found if found.strip("0") else None


def is_identifier(value: Any, size: int) -> bool:
    """Whether a value is an id of `size` bytes, in hex or base64, and not all zeros."""
    found = identifier(value, size)
    return found is not None and len(found) == 2 * size and _HEX.issuperset(found)


def status_of(code: Any) -> str:
    """ok, error or unset, of a number or an enum name."""
    return _STATUS.get(code, "unset") if isinstance(code, int | str) else "unset"


def double(value: Any) -> Any:
    """A number; an infinite one, or none, as its text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    return value


def events_of(items: Any) -> list[dict[str, Any]]:
    """Events as {time_ns, name, attributes}."""
    return [
        {
            "time_ns": nanoseconds(first_key(event, ("timeUnixNano", "time_unix_nano"))),
            "name": as_text(event.get("name")) or "",
            "attributes": attributes_of(event.get("attributes")),
        }
        for event in objects(items)
    ]


def links_of(items: Any) -> list[dict[str, Any]]:
    """Links as {trace_id, span_id, attributes}."""
    return [
        {
            "trace_id": identifier(first_key(link, ("traceId", "trace_id")), 16),
            "span_id": identifier(first_key(link, ("spanId", "span_id")), 8),
            "attributes": attributes_of(link.get("attributes")),
        }
        for link in objects(items)
    ]


def first_key(value: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value under the first of the names that is there."""
    for name in names:
        if name in value:
            return value[name]
    return None


def items_of(holder: Any, names: tuple[str, ...]) -> list[Any]:
    """What the list under one of the names in an object holds; nothing where there is no such key.

    One None where the holder is no object, or what is there no list: something was meant, and cannot be read.
    """
    if not isinstance(holder, dict):
        return [None]
    found = first_key(holder, names)
    return found if isinstance(found, list) else [] if found is None else [None]


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list; whatever else it holds is passed over."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item
