"""What stands over and under a list: its columns, title, counts, and how far the index is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from traceview.store.interface import Totals
from traceview.text import human
from traceview.tui.context import AppContext
from traceview.tui.rows import ListLevel, Row, columns, human_values, line_of, score_order
from traceview.tui.widgets.columns import Column
from traceview.tui.widgets.lines import Part

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus


class ListColumns:
    """The columns of a list: those of its level, and one for every definition with human labels in its rows."""

    def __init__(self, level: ListLevel, context: AppContext) -> None:
        self._level: ListLevel = level
        self._context = context
        self._score_names: tuple[str, ...] = ()

    def learn(self, rows: Sequence[Row]) -> bool:
        """Look for scores in rows; True if there is a column more now."""
        seen = {name for row in rows for name in human_values(row)} - set(self._score_names)
        if seen:
            self._score_names = score_order({*self._score_names, *seen}, self._context.definitions)
        return bool(seen)

    def shown(self, *, blind: bool) -> tuple[Column, ...]:
        """The columns, the most needed first; a blind annotator sees no scores and no versions."""
        found = columns(self._level, () if blind else self._score_names)
        return tuple(column for column in found if column.key != "version") if blind else found


def title_parts(source_title: str, totals: Totals | None, marked: int) -> list[Part]:
    """The source, what the totals say of the rows that match, and how many are marked."""
    parts: list[Part] = [(" ", None), (line_of(source_title), "title")]
    if totals is not None:
        parts += [
            ("   ", None),
            (f"{totals.errors:,} with errors", "error" if totals.errors else "dim"),
            (f"  p50 {human.duration(totals.p50_ms)}  p95 {human.duration(totals.p95_ms)}", "dim"),
        ]
        if totals.cost_usd is not None:
            parts.append((f"  {human.money(totals.cost_usd)}", "dim"))
    if marked:
        parts.append((f"  ● {marked:,} marked", "warning"))
    return parts


def tab_parts(here: ListLevel) -> list[Part]:
    """The keys of the two lists, the one that is shown marked."""
    tabs: list[Part] = []
    for key, level in (("F2", "traces"), ("F3", "threads")):
        tabs += [(f"{key} ", "dim"), (level, "on" if level == here else "dim"), ("  ", None)]
    return tabs


def count_parts(
    noun: str, totals: Totals | None, selected: int | None, shown: int, whole: bool
) -> list[Part]:
    """How many match of how many.

    `selected` is None while the whole list is not known; then the first `shown` rows are, `whole` if there are
    no more.
    """
    of = f"{totals.of:,}" if totals is not None else "counting"
    behind = f" {noun} "
    if selected is not None:
        count = f"{selected:,} of {of}"
    elif whole:
        count = f"{shown:,} of {of}"
    elif shown:
        count, behind = f"first {shown:,}", f" {noun}, counting "
    else:
        count = of
    return [(count, None), (behind, "dim")]


def engine_parts(status: EngineStatus) -> list[Part]:
    """How far the index is, or how many spans there are."""
    parts: list[Part] = [(" ", None)]
    if status.phase in ("indexing", "converting"):
        share = f" {status.progress * 100:.0f} %" if status.progress is not None else ""
        spans = f"  {status.spans:,} spans so far" if status.spans else ""
        parts.append((f"⧗ {status.phase}{share}{spans}", "warning"))
    elif status.phase == "failed":
        parts.append((f"✗ {line_of(status.message or 'the source could not be read')}", "error"))
    else:
        parts.append((f"✓ {status.spans:,} spans" if status.spans is not None else "✓ ready", "dim"))
    return parts
