"""What changed between two texts: words where they are short enough, else lines. Pure."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal

from msgspec import Struct

Kind = Literal["same", "added", "removed"]

MOST_WORDS = 4_000
"""Words of the differing part of a text up to which words are compared; longer ones are compared by lines."""
MOST_LINES = 4_000
"""Lines up to which lines are compared; longer texts are only said to differ."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class Piece(Struct, frozen=True):
    """A part of one text, or of both."""

    kind: Kind
    text: str


class TextDiff(Struct, frozen=True):
    """The pieces in order: those that are not `added` make the text before, those not `removed` the text after.

    `unit` says what was compared; `nothing`: the texts are too long, and each is one piece.
    """

    pieces: tuple[Piece, ...]
    unit: Literal["words", "lines", "nothing"]


def text_diff(before: str, after: str) -> TextDiff:
    """What was removed from a text and what was added."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    # Whole words: a common beginning or end may stop inside of one.
    while start and before[start - 1].isalnum():
        start -= 1
    while end and before[len(before) - end].isalnum():
        end -= 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    first, second = _WORD.findall(old), _WORD.findall(new)
    unit: Literal["words", "lines", "nothing"] = "words"
    if max(len(first), len(second)) > MOST_WORDS:
        unit = "lines"
        first, second = old.splitlines(keepends=True), new.splitlines(keepends=True)
        if max(len(first), len(second)) > MOST_LINES:
            unit = "nothing"
            first, second = [old], [new]
    pieces = [Piece("same", before[:start])]
    for what, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if what == "equal":
            pieces.append(Piece("same", "".join(first[a:b])))
            continue
        pieces += [Piece("removed", "".join(first[a:b])), Piece("added", "".join(second[c:d]))]
    pieces.append(Piece("same", before[len(before) - end :] if end else ""))
    return TextDiff(tuple(piece for piece in pieces if piece.text), unit)


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
