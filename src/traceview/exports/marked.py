"""Foreign text in Markdown: it marks nothing up, and nothing in it closes its fence."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TICKS = re.compile(r"`+")
_ACTIVE = re.compile(r"([\\`*{}\[\]<>#|~@&!]|(?<![^\W_])_|_(?![^\W_])|\$(?![0-9]))")
"""What marks text up inside a line; what does so only at its beginning never stands there.

An underscore inside a word marks nothing up, and a dollar before a digit begins no formula: none can end it.
"""


def escaped(text: str) -> str:
    """Text that stays text wherever Markdown or HTML in Markdown is rendered."""
    return _ACTIVE.sub(r"\\\1", text)


def fenced(text: str, language: str) -> Iterator[str]:
    """The lines of a fenced block."""
    longest = max((len(run[0]) for run in _TICKS.finditer(text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield text
    yield fence
