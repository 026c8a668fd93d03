"""What is wrong with a filter: the problem, its column, the nearest valid name, and a caret under the place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from traceview.model.errors import BadInput
from traceview.text.cells import width
from traceview.text.safe import safe_line

_CONTEXT = 48


class FilterError(BadInput):
    """A filter that cannot be read.

    `problem` is one sentence without the place, for a status line; `offset` counts code points from 0, `column`
    from 1; `suggestion` is the nearest valid name or None. The message shows the filter with a caret.
    """

    def __init__(self, problem: str, text: str, offset: int, *, suggestion: str | None = None) -> None:
        self.offset = max(0, min(offset, len(text)))
        self.column = self.offset + 1
        self.suggestion = suggestion
        self.problem = f"{problem}; did you mean {suggestion}?" if suggestion else problem
        super().__init__(f"filter, column {self.column}: {self.problem}\n{_caret(text, self.offset)}")


def _caret(text: str, offset: int) -> str:
    """The part of the filter around the offset on one line, and a caret under it."""
    start = max(0, offset - _CONTEXT)
    end = min(len(text), offset + _CONTEXT)
    before = ("…" if start else "") + safe_line(text[start:offset])
    after = safe_line(text[offset:end]) + ("…" if end < len(text) else "")
    return f"  {before}{after}\n  {' ' * width(before)}^"


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that was probably meant, None if nothing is close."""
    names = list(valid)
    wanted = name[:64].lower()
    close = difflib.get_close_matches(wanted, names, 3, 0.6)
    if close:
        # Swapped letters are the likeliest slip.
        return next((name for name in close if sorted(name) == sorted(wanted)), close[0])
    starting = sorted(
        (valid_name for valid_name in names if wanted and valid_name.startswith(wanted)), key=len
    )
    return starting[0] if starting else None


def shown(text: str) -> str:
    """A piece of the filter for a message: quoted, short, safe."""
    piece = safe_line(text)
    return f"'{piece[:40]}…'" if len(piece) > 41 else f"'{piece}'"
