"""A span's attributes with their types, and its row as it is stored, as blocks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from traceview.model.messages import SpanPayload
from traceview.text import human
from traceview.tui.glyphs import FOLDED
from traceview.tui.json_blocks import size_text
from traceview.tui.span_blocks import one_line, value_blocks
from traceview.tui.widgets.blocks import Block, foreign

RAW_CHARACTERS = 64_000
"""Characters of each column that the raw row shows; the other sections show whole texts."""
_TYPES = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}


def attributes_blocks(payload: SpanPayload) -> list[Block]:
    """Metadata, attributes and resource by name in order, every value with its type."""
    blocks: list[Block] = []
    for title, values in (
        ("metadata", payload.metadata),
        ("attributes", payload.attributes),
        ("resource", payload.resource),
    ):
        if not values:
            continue
        held: list[Block] = []
        for name, value in sorted(values.items()):
            held += attribute_blocks(name, value)
        fold = f"{FOLDED} {title}  {len(values):,}"
        right = human.count(len(values))
        blocks.append(
            Block(title, "heading", right=right, gap=1 if blocks else 0, fold=fold, holds=len(held))
        )
        blocks += held
    return blocks


def attribute_blocks(name: str, value: Any) -> list[Block]:
    """One attribute as `name: value` with its type at the right; objects and lists fold under the name."""
    kind = "null" if value is None else _TYPES.get(type(value), type(value).__name__)
    decoded = isinstance(value, str) and value[:64].lstrip()[:1] in ("{", "[")
    if isinstance(value, dict | list) or decoded:
        inner = value_blocks(value, indent=2)
        if inner and inner[0].style == "json":
            first = inner[0]
            key = json.dumps(one_line(name), ensure_ascii=False)
            fold = None if first.fold is None else first.fold.replace(f"{FOLDED} ", f"{FOLDED} {key}: ", 1)
            right = "text with JSON" if decoded else kind
            return [replace(first, text=f"{key}: {first.text}", fold=fold, right=right), *inner[1:]]
    text = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and "\n" in value:
        key = json.dumps(one_line(name), ensure_ascii=False)
        return [Block(f"{key}:", "json", indent=2, right=kind), *value_blocks(value, indent=4)]
    line = _one_line_whole(f"{json.dumps(name, ensure_ascii=False)}: {text}")
    return [
        Block(line, "json", indent=2, right=kind if len(line) < 4_000 else f"{kind}, {size_text(len(line))}")
    ]


def _one_line_whole(text: str) -> str:
    """Any text on one line, safe to draw, not cut."""
    return foreign(text).replace("\n", " ")


def raw_blocks(raw: Mapping[str, Any] | None) -> list[Block]:
    """The canonical row as stored; empty columns are left out and counted, long ones shortened and said."""
    if not raw:
        return []
    empty = [name for name, value in raw.items() if value is None or value in ("", [], {})]
    long = {
        name: value for name, value in raw.items() if isinstance(value, str) and len(value) > RAW_CHARACTERS
    }
    shown = {name: value for name, value in raw.items() if name not in empty and name not in long}
    blocks = value_blocks(shown)
    for name, value in long.items():
        blocks.append(
            Block(f"{name}: its first {size_text(RAW_CHARACTERS)} of {size_text(len(value))}", "meta", gap=1)
        )
        blocks += value_blocks(value[:RAW_CHARACTERS])
    if empty:
        blocks.append(Block(f"{len(empty)} empty columns: {', '.join(empty)}", "meta", gap=1))
    return blocks
