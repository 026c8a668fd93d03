"""What stands over and under a list: its columns, title, counts, totals, and how far the index is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from traceview.store.interface import Totals
from traceview.text import human
from traceview.tui.context import AppContext
from traceview.tui.list_columns import DEFAULTS, score_order, scores_in, shown_columns
from traceview.tui.rows import ListLevel, Row, line_of
from traceview.tui.widgets.columns import Column
from traceview.tui.widgets.lines import Line, Part, line_width

if TYPE_CHECKING:
    from traceview.store.interface import EngineStatus
    from traceview.tui.looks import Choice

VERSION_FIELDS = ("prompt_versions", "models")
"""What a blind annotator does not see."""
FEW_ROWS = 5
"""Below so many rows a name that all of them have is shown nevertheless."""


class ListColumns:
    """The columns of a list: those chosen, or of the project, or the default; and every score that its rows have."""

    def __init__(self, level: ListLevel, context: AppContext) -> None:
        self._level: ListLevel = level
        self._context = context
        self.scores: tuple[str, ...] = ()
        """The columns of the scores that were seen so far."""
        self.of_view: tuple[str, ...] = ()
        """The columns of the view that is open; empty for the list's own."""
        self._names: set[Any] = set()
        self._rows = 0

    def learn(self, rows: Sequence[Row]) -> bool:
        """Look for scores and names in rows; True if other columns are on now."""
        told = self._name_tells
        self._rows += len(rows)
        if len(self._names) < 2:
            self._names.update(row.get("name") for row in rows)
        return self.add_scores(scores_in(rows)) or self._name_tells != told

    @property
    def _name_tells(self) -> bool:
        """False once several rows were seen and all of them have the same name."""
        return len(self._names) != 1 or self._rows < FEW_ROWS

    def add_scores(self, fields: set[str]) -> bool:
        """Know of scores; True if any is new."""
        more = fields - set(self.scores)
        if more:
            self.scores = score_order({*self.scores, *more}, self._context.definitions)
        return bool(more)

    def fields(self) -> tuple[str, ...]:
        """The columns that are on, in their order; scores that nobody chose or left off come last."""
        if self.of_view:
            return self.of_view
        return self._fields_of(self._context.looks.choice(self._level))

    def default(self) -> tuple[str, ...]:
        """The columns that would be on had nobody chosen any here: those of the project, or the usual ones."""
        return self._fields_of(self._context.looks.of_project(self._level))

    def _fields_of(self, choice: Choice | None) -> tuple[str, ...]:
        if choice is None:
            default = (one for one in DEFAULTS[self._level] if one != "name" or self._name_tells)
            return (*default, *self.scores)
        known = {*choice.columns, *choice.off}
        return (*choice.columns, *(field for field in self.scores if field not in known))

    def shown(self, *, blind: bool) -> tuple[Column, ...]:
        """The columns; a blind annotator sees no scores, versions and models."""
        found = shown_columns(self._level, self.fields())
        if not blind:
            return found
        return tuple(one for one in found if not one.counted and one.key not in VERSION_FIELDS)


def title_parts(source_title: str, marked: int, *, only_marked: bool) -> list[Part]:
    """The source, and how many are marked."""
    parts: list[Part] = [(" ", None), (line_of(source_title), "title")]
    if only_marked:
        parts.append((f"  ● only the {marked:,} marked", "warning"))
    elif marked:
        parts.append((f"  ● {marked:,} marked", "warning"))
    return parts


TABS = (("F2", "traces"), ("F3", "threads"), ("F4", "prompts"), ("F5", "judges"), ("F6", "stats"))


def tab_parts(here: str, cells: int = 0, beside: Line = ()) -> list[Part]:
    """The keys of the screens at the root, the one that is shown marked.

    Where they have no room `beside` the title in so many cells, the name of that one and the range of the keys.
    """
    tabs: list[Part] = []
    for key, screen in TABS:
        tabs += [(" " if tabs else "", None), (f"{key} ", "dim"), (screen, "on" if screen == here else "dim")]
    room = max(cells // 2, cells - line_width(beside) - 1)
    shown = [(here, "on"), (" F2–F6", "dim")] if cells and line_width(tabs) >= room else tabs
    return [*shown, (" ", None)]


def count_parts(
    noun: str,
    totals: Totals | None,
    selected: int | None,
    shown: int,
    whole: bool,
    *,
    failed: bool = False,
    searched: float | None = None,
    stopped: bool = False,
) -> list[Part]:
    """How many match of how many.

    `selected` is None while the whole list is not known; then the first `shown` rows are, `whole` if there are
    no more. After a failure nothing counts: how many there are stays unknown. `searched` is the share of the texts
    that was searched for them, None for all; `stopped` if no more are.
    """
    if searched is not None:
        share = human.share_done(searched)
        how = f"stopped at {share} " if stopped else f"{share} searched "
        return [(f"{selected or 0:,} so far", None), (", ", "dim"), (how, "warning")]
    of = f"{totals.of:,}" if totals is not None else "unknown" if failed else "counting"
    if totals is not None and not totals.whole:
        of = "an unknown number" if failed else f"{of} so far"
    behind = f" {noun} "
    if selected is not None:
        count = f"{selected:,} of {of}"
    elif whole:
        count = f"{shown:,} of {of}"
    elif shown:
        count, behind = f"first {shown:,}", f" {noun} " if failed else f" {noun}, counting "
    else:
        count = of
    return [(count, None), (behind, "dim")]


def totals_line(
    totals: Totals | None, columns: tuple[int, int] | None, key: str, cells: int, *, failed: bool = False
) -> Line:
    """What all rows that match come to, and how many of the columns are shown.

    What has no room leaves, the least important first, and `+n` says how many figures that are.
    """
    if totals is None:
        return [(" Σ ", "dim"), ("unknown" if failed else "counting", "warning")]
    errors = f"{totals.errors:,} with errors"
    if totals.count:
        errors += f" ({_share(totals.errors, totals.count)})"
    figures: list[tuple[int, list[Part]]] = [
        (0, [(errors, "error" if totals.errors else "dim")]),
        (4, [("p50 ", "dim"), (human.duration(totals.p50_ms), None)]),
        (1, [("p95 ", "dim"), (human.duration(totals.p95_ms), None)]),
        (2, [(human.tokens(totals.input_tokens, totals.output_tokens), None), (" tokens", "dim")]),
        (3, [(_cost(totals), None)]),
    ]
    if columns is not None and columns[0] < columns[1]:
        figures.append((5, [(f"{columns[0]} of {columns[1]} columns", None), (f" {key}", "dim")]))
    return fitting(figures, cells, lead=" Σ " if totals.whole else " Σ so far ")


def _cost(totals: Totals) -> str:
    return "no costs" if totals.cost_usd is None else human.money(totals.cost_usd, unknown=totals.uncosted)


def fitting(figures: Sequence[tuple[int, Sequence[Part]]], cells: int, *, lead: str) -> Line:
    """Figures side by side, each (rank, parts); the highest ranks leave where not all fit, and `+n` says so."""
    kept = list(figures)
    while True:
        gone = len(figures) - len(kept)
        line: list[Part] = [(lead, "dim")]
        for _, parts in kept:
            line += [*parts, ("  ", None)]
        if gone:
            line.append((f"+{gone}", "dim"))
        if line_width(line) <= cells or len(kept) <= 1:
            return line
        kept.remove(max(kept, key=lambda figure: figure[0]))


def _share(part: int, whole: int) -> str:
    """A share in percent, never rounded to none or all."""
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    return f"{share:.1f} %" if share < 9.95 and part else f"{share:.0f} %"


def engine_parts(status: EngineStatus) -> list[Part]:
    """How far the index is, or how many spans there are; and what does not work for now."""
    parts: list[Part] = [(" ", None)]
    if status.phase in ("indexing", "converting"):
        share = f" {status.progress * 100:.0f} %" if status.progress is not None else ""
        spans = f"  {status.spans:,} spans so far" if status.spans else ""
        parts.append((f"⧗ {status.phase}{share}{spans}", "warning"))
    elif status.phase == "failed":
        parts.append((f"✗ {line_of(status.message or 'the source could not be read')}", "error"))
        return parts
    else:
        parts.append((f"✓ {status.spans:,} spans" if status.spans is not None else "✓ ready", "dim"))
    if status.message:
        parts.append((f"  {line_of(status.message)}", "warning"))
    elif status.skipped:
        parts += [(f"  {status.skipped:,} skipped", "warning"), ("  why: ctrl+p, source", "dim")]
    return parts


def failure_text(status: EngineStatus) -> str:
    """The whole sentence and the hint of a source that could not be read, for the body of a list."""
    lines = [f"✗ {line_of(status.message or 'the source could not be read')}"]
    if status.hint:
        lines += ["", line_of(status.hint)]
    return "\n".join(lines)
