"""Where did this come from: a walk through the facts of a text pane, each with its source under the pane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from traceview.model.errors import TraceviewError
from traceview.text import human
from traceview.text.safe import safe_line
from traceview.tui.asking import Asking
from traceview.tui.glyphs import BACK_ARROW, BUSY
from traceview.tui.trace_reading import Source, TraceReading
from traceview.tui.widgets.fact_spots import FactKey, Spot
from traceview.tui.widgets.lines import Line, Lines, cut
from traceview.tui.widgets.text_view import TextView

Said = tuple[TraceReading, str]
"""A trace, and the id of the span in it that says a text."""
EXCERPT = 160
QUOTE_ROWS = 20
"""Rows of the terminal from which what the source says has a line of its own."""


class FactBar(Lines):
    """Two or three lines about the fact that the walk stands at; away while there is none."""

    DEFAULT_CSS = """
    FactBar { height: 2; background: $surface; display: none; }
    FactBar.-shown { display: block; }
    """

    _told: Sequence[Line] = ()

    def say(self, lines: list[Line]) -> None:
        """Show what is known of a fact; nothing puts the bar away."""
        self._told = lines
        self.set_class(bool(lines), "-shown")
        self.styles.height = max(2, len(lines))
        self._fit()

    def on_resize(self) -> None:
        """Cut the lines, with a sign, at the new width."""
        self._fit()

    def _fit(self) -> None:
        room = self.size.width
        self.show([cut(line, room) if room else line for line in self._told])


class FactWalk:
    """Walks through the facts that `view` shows and says on `bar` where each comes from; `asker` asks for it.

    `said_by` gives the trace and span whose text a block is, None where a block is nobody's.
    """

    def __init__(
        self, view: TextView, bar: FactBar, asker: Asking, said_by: Callable[[int], Said | None]
    ) -> None:
        self._view = view
        self._bar = bar
        self._asker = asker
        self._said_by = said_by
        self._known: dict[tuple[TraceReading, str, FactKey], Source] = {}

    @property
    def active(self) -> bool:
        """True while facts are walked through."""
        return self._view.walks_facts

    @property
    def source(self) -> Source | None:
        """Where the fact under the walk comes from, as far as it is known."""
        spot = self._view.fact
        said = self._said_by(spot.index) if spot is not None else None
        if spot is None or said is None:
            return None
        return self._known.get((said[0], said[1], spot.key))

    def step(self, first: int = 0) -> str | None:
        """Go to the next fact, of block `first` and after, and say where it comes from; a sentence if there is none."""
        spot = self._view.next_fact(first)
        said = self._said_by(spot.index) if spot is not None else None
        if spot is None or said is None:
            self.end()
            return "No address, number, date, id or name here."
        reading, span_id = said
        near = [one for one in self._view.facts_on_screen() if self._said_by(one.index) == said]
        wanted = {one.key: one.fact for one in (spot, *near)}
        unknown = [fact for key, fact in wanted.items() if (reading, span_id, key) not in self._known]
        self._mark(said)
        self._tell(spot)
        if unknown:
            self._asker.ask(
                "facts",
                lambda token: reading.sources(span_id, unknown, token),
                partial(self._arrived, said),
                failed=self._failed,
            )
        return None

    def end(self) -> bool:
        """Leave the walk; False if there was none."""
        self._asker.cancel_asked("facts")
        self._bar.say([])
        return self._view.end_facts()

    def _arrived(self, said: Said, found: dict[FactKey, Source]) -> None:
        for key, source in found.items():
            self._known[(said[0], said[1], key)] = source
        spot = self._view.fact
        if spot is not None:
            self._mark(said)
            self._tell(spot)

    def _failed(self, error: TraceviewError) -> None:
        self._bar.say([[(f" ✗ {safe_line(error.message)}", "error")], []])

    def _mark(self, said: Said) -> None:
        self._view.mark_unsourced(
            [
                key
                for (trace, span_id, key), source in self._known.items()
                if (trace, span_id) == (said[0], said[1]) and source.doubtful
            ]
        )

    def _tell(self, spot: Spot) -> None:
        name = safe_line(spot.fact.text[:80])
        source = self.source
        keys: Line = [(" i", "key"), (" next  ", "dim"), ("Esc", "key"), (" ends", "dim")]
        if source is None:
            self._bar.say([[(f" {name}  ", "title"), (f"{BUSY} looking through the trace…", "dim")], keys])
            return
        if source.origin is None:
            where = (
                "first said here: nothing before it has it"
                if source.brought
                else "appears nowhere before this"
            )
            if source.operands is not None:
                one, other = (safe_line(fact.text) for fact in source.operands)
                where += f"; it follows from {one} and {other}"
            if source.cut:
                where += " in what was read: long texts were read in part"
            part, sign = ("warning", "? ") if source.doubtful else ("dim", "")
            if self._bar.app.size.height >= QUOTE_ROWS:
                self._bar.say([[(f" {sign}{name}", "title")], [(f" {where}", part)], keys])
            else:
                self._bar.say([[(f" {sign}{name}  ", "title"), (where, part)], keys])
            return
        origin = source.origin
        said = self._said_by(spot.index)
        row = said[0].span(origin.span_id) if said is not None else None
        kind, called = (safe_line(str((row or {}).get(key) or "")) for key in ("kind", "name"))
        started = human.local_time((row or {}).get("start_ns"), digits=3)[-12:] if row else ""
        here = " (this span)" if said is not None and origin.span_id == said[1] else ""
        excerpt = safe_line(origin.excerpt[:EXCERPT])
        led: Line = [(" Enter", "key"), (" goes there ", "dim"), *keys]
        source_line: Line = [
            (f" {name} ", "title"),
            (f"{BACK_ARROW} ", "good"),
            (f"{kind} {called}{here}", "accent"),
            (f"  {safe_line(origin.role)}  {started}", "dim"),
        ]
        if self._bar.app.size.height >= QUOTE_ROWS:
            self._bar.say([source_line, [(f" {excerpt}", "dim")], led])
        else:
            self._bar.say([source_line, [*led, (f"   {excerpt}", "dim")]])
