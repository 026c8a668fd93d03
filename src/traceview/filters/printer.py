"""Prints a syntax tree as the one canonical text of the filter language that reads back to it."""

from __future__ import annotations

import re
from collections.abc import Callable

from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Last,
    Node,
    Not,
    Number,
    Or,
    Pattern,
    Presence,
    Quantified,
    Regex,
    Text,
    Time,
    Value,
    Versioned,
)
from traceview.filters.scanner import KEY
from traceview.filters.values import PRESENCE
from traceview.model.fields import FIELD_BY_NAME, Field
from traceview.text.durations import NUMBER, duration_text

_PLAIN_VALUE = re.compile(r"[^\s()\",*<>=~!/$\0-][^\s()\",*\0]*")
_PLAIN_WORD = re.compile(r"\w[\w.+#/-]*")
_RANGE_LIKE = re.compile(rf"(?:[+-]?{NUMBER})?\.\.(?:[+-]?{NUMBER})?", re.ASCII)
_RESERVED = ("and", "or", "not", *PRESENCE)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\u0000"})
_SLASHES = re.compile(r"\\.|/", re.DOTALL)


def to_text(node: Node | None) -> str:
    """The canonical text of a tree; "" for None. `parse` gives the same tree back, columns aside."""
    return "" if node is None else _node(node)


def quote_value(value: str, field: str | None = None) -> str:
    """A value of the data as it must be written behind an operator of the field: quoted only where needed."""
    return _text(value, FIELD_BY_NAME.get(field) if field else None)


def quote_key(key: str, field: str) -> str:
    """The KEY of `attr.KEY` or the NAME of `score.NAME` as it must be written: quoted only where needed."""
    plain = KEY.fullmatch(key) and "\0" not in key and not (field == "score" and "." in key)
    return key if plain else quoted(key)


def quoted(text: str) -> str:
    """The text in double quotes."""
    return f'"{text.translate(_ESCAPES)}"'


def _node(node: Node) -> str:
    if isinstance(node, Or):
        return " or ".join(_node(child) for child in node.children)
    if isinstance(node, And):
        return " ".join(_inner(child) if isinstance(child, Or) else _node(child) for child in node.children)
    if isinstance(node, Not):
        return f"-{_inner(node.child)}"
    if isinstance(node, Quantified):
        return f"{node.quantifier}(span: {_node(node.child)})"
    if isinstance(node, FullText):
        return _full_text(node.value)
    return _compare(node)


def _inner(node: Node) -> str:
    """A node where only one condition may stand."""
    return f"({_node(node)})" if isinstance(node, And | Or | Not) else _node(node)


def _full_text(value: Text | Pattern) -> str:
    if isinstance(value, Pattern):
        return _pattern(value, _plain_word)
    return value.text if _plain_word(value.text) else quoted(value.text)


def _plain_word(text: str) -> bool:
    return bool(_PLAIN_WORD.fullmatch(text)) and text.lower() not in _RESERVED and "." not in text[-1:]


def _compare(node: Compare) -> str:
    field = FIELD_BY_NAME[node.field]
    name = field.printed
    if node.key is not None:
        name += f".{quote_key(node.key, field.name)}"
        if node.source is not None:
            name += f".{node.source}"
    return f"{name}{node.op}{','.join(_value(value, field) for value in node.values)}"


def _value(value: Value, field: Field) -> str:
    if isinstance(value, Text):
        return _text(value.text, field)
    if isinstance(value, Pattern):
        return _pattern(value, lambda part: _plain_value(part, field))
    if isinstance(value, Regex):
        return _regex(value)
    if isinstance(value, Number):
        return _number(value.value, field)
    if isinstance(value, Time):
        return value.text
    if isinstance(value, Last):
        return duration_text(value.duration_ns)
    if isinstance(value, Presence):
        return "any" if value.present else "none"
    if isinstance(value, Versioned):
        return f"{_value(value.name, field)}@{_value(value.version, field)}"
    return f"{_end(value.low, field)}..{_end(value.high, field)}"


def _end(value: Number | Time | None, field: Field) -> str:
    return "" if value is None else _value(value, field)


def _text(text: str, field: Field | None) -> str:
    return text if _plain_value(text, field) and text.lower() not in PRESENCE else quoted(text)


def _plain_value(text: str, field: Field | None) -> bool:
    """True for a text that reads back as itself without quotes."""
    if not _PLAIN_VALUE.fullmatch(text):
        return False
    if field is not None and field.name == "prompt_name" and "@" in text:
        return False
    return field is None or field.name not in ("score", "attr") or not _RANGE_LIKE.fullmatch(text)


def _pattern(value: Pattern, plain: Callable[[str], bool]) -> str:
    return "*".join(part if not part or plain(part) else quoted(part) for part in value.parts)


def _regex(value: Regex) -> str:
    body = _SLASHES.sub(lambda match: "\\/" if match[0] == "/" else match[0], value.pattern)
    return f"/{body}/{'i' if value.ignore_case else ''}"


def _number(value: int | float, field: Field) -> str:
    whole = int(value) if value == int(value) and abs(value) < 1e15 else None
    if field.type == "duration_ms":
        if whole and whole % 1000 == 0:
            return f"{whole // 1000}s"
        return f"{value if whole is None else whole}ms"
    if field.type == "count" and isinstance(value, int):
        for factor, unit in ((1_000_000, "M"), (1_000, "k")):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
    return repr(value if whole is None else whole)
