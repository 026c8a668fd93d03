"""Where a text says what a filter asks of texts: for showing hits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Node,
    Not,
    Or,
    Pattern,
    Quantified,
    Regex,
    Text,
    Value,
)

SIDES = ("input", "output")


class WantedText(Struct, frozen=True):
    """A pattern that a filter looks for, and on which sides of a span."""

    pattern: re.Pattern[str]
    sides: tuple[str, ...]
    words: str | None
    """A piece of text that every hit contains, None where only the pattern tells."""


@lru_cache(maxsize=16)
def wanted_texts(node: Node | None) -> tuple[WantedText, ...]:
    """The texts of input and output that rows match a filter for, in its order; what they must not say is none."""
    return tuple(_wanted(node)) if node is not None else ()


def hit_spans(text: str, side: str, wanted: Sequence[WantedText]) -> tuple[tuple[int, int], ...]:
    """Where a text of one side is hit: (start, end) without overlaps, in order."""
    found = sorted(
        (match.start(), match.end())
        for one in wanted
        if side in one.sides
        for match in one.pattern.finditer(text)
        if match.end() > match.start()
    )
    spans: list[tuple[int, int]] = []
    for start, end in found:
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def _wanted(node: Node, *, positive: bool = True) -> Iterator[WantedText]:
    if isinstance(node, And | Or):
        for child in node.children:
            yield from _wanted(child, positive=positive)
    elif isinstance(node, Not):
        yield from _wanted(node.child, positive=not positive)
    elif isinstance(node, Quantified):
        yield from _wanted(node.child, positive=positive != (node.quantifier == "none"))
    elif positive and isinstance(node, FullText):
        yield from _of_value(node.value, SIDES)
    elif positive and isinstance(node, Compare) and node.field in SIDES:
        for value in node.values:
            yield from _of_value(value, (node.field,))


def _of_value(value: Value, sides: tuple[str, ...]) -> Iterator[WantedText]:
    if isinstance(value, Regex):
        flags = re.IGNORECASE if value.ignore_case else 0
        yield WantedText(re.compile(value.pattern, flags), sides, None)
    elif isinstance(value, Text | Pattern):
        parts = value.parts if isinstance(value, Pattern) else (value.text,)
        pattern = ".*?".join(map(re.escape, parts))
        if words := max(parts, key=len):
            yield WantedText(re.compile(pattern, re.IGNORECASE | re.DOTALL), sides, words)
