"""The cells of a list's rows: pure, from the engine's rows to safe text."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from traceview.filters.hits import hit_spans
from traceview.text import human
from traceview.tui.glyphs import MORE, SPARKS
from traceview.tui.list_columns import ATTRIBUTE, SCORE, TURNS, score_key
from traceview.tui.rows import Row, duration_of, joined, line_of, status_cell, value_text, versions_of
from traceview.tui.widgets.columns import Cell

if TYPE_CHECKING:
    from traceview.filters.hits import WantedText

MOST_SPARKS = 12
SIDE_OF = {
    "input_preview": "input",
    "first_input": "input",
    "output_preview": "output",
    "last_output": "output",
}
"""The columns that show what spans say, and which side of it."""
_EMPTY = Cell("")
_PENDING = Cell(MORE, "faint")


class RowCells:
    """Makes the cells of the columns that are shown. `scale` is what fills a bar, by field (the p95 of the list)."""

    def __init__(self, annotator: str) -> None:
        self.annotator = annotator
        self.fields: tuple[str, ...] = ()
        self.scale: Mapping[str, float] = {}
        self.wanted: Sequence[WantedText] = ()
        """The texts that the list is filtered by: they are marked where a cell says them."""
        self._now_ns = 0

    def __call__(self, row: Row) -> dict[str, Cell]:
        """The cells of a row by field."""
        self._now_ns = time.time_ns()
        return {field: self._with_hits(field, self._cell(field, row)) for field in self.fields}

    def _with_hits(self, field: str, cell: Cell) -> Cell:
        side = SIDE_OF.get(field)
        hits = hit_spans(cell.text, side, self.wanted) if side is not None and self.wanted else ()
        return replace(cell, hits=hits) if hits else cell

    def _cell(self, field: str, row: Row) -> Cell:
        if field.startswith(SCORE):
            return self._score(row, *score_key(field))
        if field.startswith(ATTRIBUTE):
            return Cell(line_of(joined(row[field]))) if field in row else _PENDING
        make = _MAKERS.get(field)
        if make is not None:
            return make(row)
        if field in ("start_time", "end_time"):
            return Cell(human.short_time(row.get(f"{field[:-5]}_ns"), self._now_ns), "dim")
        if field == "duration_ms":
            return self._measured(field, duration_of(row), human.duration, None)
        if field == "cost_usd":
            word = partial(human.money, unknown=row.get("uncosted"))
            return self._measured(field, row.get(field), word, "dim")
        value = row.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Cell(human.short_count(value), "dim")
        return Cell(line_of(joined(value)))

    def _measured(
        self, field: str, value: float | None, word: Callable[[float | None], str], part: str | None
    ) -> Cell:
        full = self.scale.get(field)
        share = min(1.0, max(0.0, value / full)) if full and value is not None else None
        return Cell(word(value), part, share)

    def _score(self, row: Row, name: str, source: str) -> Cell:
        values: Mapping[str, Any] = ((row.get("scores") or {}).get(name) or {}).get(source) or {}
        if not values:
            return _EMPTY
        if source == "human":
            return score_cell(values, self.annotator)
        text, _ = value_text(next(iter(values.values())))
        more = len(values) - 1
        return Cell(f"{text} +{more}" if more else text, "machine")


def score_cell(values: Mapping[str, Any], annotator: str) -> Cell:
    """One's own value, else the first other one; `+n` says how many more annotators there are."""
    own = annotator in values
    value = values[annotator] if own else next(iter(values.values()))
    text, part = value_text(value)
    more = len(values) - 1
    return Cell(f"{text} +{more}" if more else text, part if own else "dim")


def sparkline(values: Sequence[float | None], most: int = MOST_SPARKS) -> str:
    """The last values as one sign each, the largest filling a line; more than fit are said by an ellipsis."""
    cut = len(values) > most
    shown = values[len(values) - most + 1 :] if cut else values
    largest = max((value for value in shown if value), default=0.0)
    top = len(SPARKS) - 1
    signs = [SPARKS[round(top * (value or 0) / largest)] if largest else SPARKS[0] for value in shown]
    return (MORE if cut else "") + "".join(signs)


def _versions(row: Row) -> Cell:
    pairs = versions_of(row)
    # The same version of two prompts is not the same: their names tell them apart.
    named = len({version for _, version in pairs}) < len(pairs)
    shown = ("@".join(filter(None, pair)) if named else pair[1] or pair[0] for pair in pairs)
    return Cell(line_of(", ".join(shown)), "dim")


def _unsourced(row: Row) -> Cell:
    value = row.get("unsourced")
    return _PENDING if value is None else Cell(human.short_count(value), "warning" if value else "dim")


def _turns(row: Row) -> Cell:
    return Cell(sparkline(row[TURNS]), "dim") if TURNS in row else _PENDING


def _tokens(row: Row) -> Cell:
    return Cell(human.tokens(row.get("input_tokens"), row.get("output_tokens")), "dim")


def _text(field: str, part: str | None = None) -> Callable[[Row], Cell]:
    return lambda row: Cell(line_of(row.get(field)), part)


_MAKERS: Mapping[str, Callable[[Row], Cell]] = {
    "status": status_cell,
    "name": _text("name", "accent"),
    "thread_id": _text("thread_id", "accent"),
    "trace_id": _text("trace_id", "dim"),
    "output_preview": _text("output_preview", "dim"),
    "last_output": _text("last_output", "dim"),
    "user_id": _text("user_id", "dim"),
    "models": lambda row: Cell(line_of(joined(row.get("models"))), "dim"),
    "ttft_ms": lambda row: Cell(human.duration(row.get("ttft_ms")), "dim"),
    "unsourced": lambda row: (
        Cell(human.short_count(row.get("unsourced"))) if row.get("unsourced") is not None else _PENDING
    ),
    "tokens": _tokens,
    "prompt_versions": _versions,
    TURNS: _turns,
}
