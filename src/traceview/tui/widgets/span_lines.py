"""The rows of the span tree as styled texts: guides, kind, name, marks, figures and a bar on the axis. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from traceview.model.tree_folds import Folds, Repeat
from traceview.model.tree_times import Interval
from traceview.text import human
from traceview.text.cells import pad, truncate, width
from traceview.text.safe import safe_line
from traceview.tui import glyphs
from traceview.tui.widgets.lines import Part
from traceview.tui.widgets.score_badges import score_badges
from traceview.tui.widgets.span_axis import Axis, bar
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_kinds import KIND_WORDS, kind_of

Row = dict[str, Any]
Measure = Literal["wall", "self", "path"]
MEASURES: tuple[Measure, ...] = ("wall", "self", "path")
"""What the time column and the bars show: from start to end, without the children's time, the critical path."""
MEASURE_WORDS: dict[Measure, str] = {"wall": "time", "self": "self", "path": "path"}

ON_PATH = "»"
"""Before the name of a span on the critical path."""
SUMMED = "Σ"
"""Before a figure of everything below a span together; a figure without it is the span's own."""
COLOURED_KINDS = ("agent", "llm", "tool", "retriever")
KIND_CELLS = 8
ERROR_CELLS = 12
"""Cells of an error's message for which a long name gives way; the message has more where there is room."""
FULL_NAME_CELLS = 34
"""Cells of kind and name, guides included, before a bar is longer than SHORT_BAR."""
SHORT_BAR = 10
NAME_CELLS = 14
"""Cells that guides leave to kind and name."""


class Columns(Struct, frozen=True):
    """Cells of each column of a row; 0 where the pane is too narrow for it."""

    name: int
    duration: int
    tokens: int
    cost: int
    bar: int

    @classmethod
    def for_width(cls, cells: int) -> Columns:
        """Columns of a pane: the name has room first, then come duration, a short bar, tokens, cost, a longer bar."""
        duration = 7
        tokens = 7 if cells >= 58 else 0
        cost = 10 if cells >= 84 else 0
        spare = cells - duration - tokens - cost - 3 - FULL_NAME_CELLS
        bar = 0 if cells < 46 else max(SHORT_BAR, min(80, cells * 3 // 10, spare))
        name = cells - duration - tokens - cost - (bar + 1 if bar else 0) - 2
        return cls(max(8, name), duration, tokens, cost, bar)


@dataclass(slots=True)
class Look:
    """How the spans are looked at now. `same` is, by position, the earlier one that is the same call."""

    folds: Folds
    measure: Measure = "wall"
    with_models: bool = True
    first_bad: str | None = None
    hits: Mapping[int, int] = field(default_factory=dict)
    same: Mapping[int, int] = field(default_factory=dict)


class SpanLines:
    """Draws the spans of one trace."""

    def __init__(self, facts: SpanFacts) -> None:
        self.facts = facts

    def header(self, columns: Columns, look: Look) -> str:
        """The line above the spans: how many are shown, the columns' names, the axis."""
        total, shown = len(self.facts.tree), len(look.folds.lines)
        count = f"{total:,} span{'s' if total != 1 else ''}"
        text = pad(f"{shown:,} of {count}" if shown != total else count, columns.name)
        text += MEASURE_WORDS[look.measure].rjust(columns.duration)
        if columns.tokens:
            text += "tokens".rjust(columns.tokens)
        if columns.cost:
            text += "cost".rjust(columns.cost)
        if columns.bar:
            text += "  " + self._axis(columns.bar).header()
        return text

    def line(self, position: int, columns: Columns, look: Look) -> list[Part]:
        """One line: a span, or the repeat that is folded there."""
        facts = self.facts
        row = facts.row(position)
        repeat = look.folds.repeat_at(position)
        kind = kind_of(row.get("kind"))
        dimmed = self._is_dimmed(position, row, look)
        failed = facts.has_failed(repeat.members) if repeat else row.get("status") == "error"
        kind_part = "dim" if dimmed else kind if kind in COLOURED_KINDS else "other"
        guides = self._guides(position, look, max(1, (columns.name - KIND_CELLS - NAME_CELLS) // 2))
        sign = " ".join((*KIND_WORDS[kind], "")).ljust(KIND_CELLS)
        parts: list[Part] = [(guides, "guide"), (sign, kind_part)]
        room = columns.name - width(guides) - KIND_CELLS
        on_path = look.measure == "path" and self._path_ns(position, look) > 0
        if on_path and room > 2:
            parts.append((f"{ON_PATH} ", "path"))
            room -= 2
        notes = self._notes(position, row, repeat, look)
        name = self._title(position, repeat, look)
        # The message of an error takes what the name leaves; other notes are short, and the name gives way to them.
        needed = sum(
            min(width(text), ERROR_CELLS) if part == "error" else width(text) for text, part in notes
        )
        name = truncate(name, max(min(room, 10), room - needed))
        parts.append((name, "dim" if dimmed else "error" if failed else "path" if on_path else None))
        used = width(name)
        # Scores take what everything else leaves.
        scores = row.get("scores") if look.with_models and repeat is None else None
        badges = [(f" {words}", part) for words, part in score_badges(scores)] if scores else []
        for text, part in (*notes, *badges):
            text = truncate(text, room - used)
            parts.append((text, part))
            used += width(text)
        parts.append((" " * max(0, room - used), None))
        parts += self._figures(position, columns, repeat, look, dimmed)
        if columns.bar:
            parts.append(("  ", None))
            parts += self._bar(position, columns.bar, repeat, look, "error" if failed else kind_part)
        return parts

    def path(self, position: int, cells: int, look: Look) -> str:
        """Where a span stands, `root › agent › tool`, cut in the middle: the ends say most."""
        facts, between = self.facts, f" {glyphs.MORE_RIGHT} "
        names = [facts.name(above, look.with_models) for above in (*facts.tree.ancestors(position), position)]
        whole = between.join(names)
        if width(whole) <= cells:
            return whole
        last = truncate(names[-1], max(8, cells // 2))
        before, after = [truncate(names[0], max(8, cells // 3))], [last]
        middle = names[1:-1]
        room = cells - width(between.join((*before, "…", *after)))
        while middle and width(middle[-1]) + width(between) <= room:
            room -= width(middle[-1]) + width(between)
            after.insert(0, middle.pop())
        if len(names) == 1:
            return truncate(whole, cells)
        return truncate(between.join((*before, *(["…"] if middle else []), *after)), cells)

    # What a line is about.

    def _title(self, position: int, repeat: Repeat | None, look: Look) -> str:
        if repeat is None or repeat.period == 1:
            return self.facts.name(position, look.with_models)
        names = [self.facts.name(member, look.with_models) for member in repeat.members[: repeat.period]]
        return f" {glyphs.SEPARATOR} ".join(names)

    def _is_dimmed(self, position: int, row: Row, look: Look) -> bool:
        if row.get("duplicate_of") or position in look.same:
            return True
        return look.measure == "path" and not self._path_ns(position, look)

    def _path_ns(self, position: int, look: Look) -> int:
        """Time on the critical path: the span's own steps, and those of what its line hides."""
        hidden = look.folds.hidden(position)
        return self.facts.path_between(position, position + 1 + hidden)

    def _guides(self, position: int, look: Look, levels: int) -> str:
        """Two cells per level: rails of the ancestors, the branch, and whether something is folded here.

        At most `levels` levels are drawn; a deeper span says its depth in place of the others.
        """
        tree = self.facts.tree
        if look.folds.is_folded(position):
            handle = glyphs.FOLDED
        elif tree.size[position] > 1:
            handle = glyphs.UNFOLDED
        else:
            handle = glyphs.LEAF if tree.depth[position] else " "
        if not tree.depth[position]:
            return handle + " "
        parts = [(glyphs.LAST_BRANCH if self._is_last(position, look) else glyphs.BRANCH) + handle]
        above = tree.parent[position]
        while tree.parent[above] >= 0 and len(parts) < levels:
            parts.append("  " if tree.is_last(above) else f"{glyphs.RAIL} ")
            above = tree.parent[above]
        if tree.parent[above] >= 0:
            parts.append(f"{tree.depth[position]}{glyphs.DEEPER} ")
        parts.reverse()
        return "".join(parts)

    def _is_last(self, position: int, look: Look) -> bool:
        repeat = look.folds.repeat_at(position)
        return self.facts.tree.is_last(repeat.members[-1] if repeat is not None else position)

    def _notes(self, position: int, row: Row, repeat: Repeat | None, look: Look) -> list[tuple[str, str]]:
        """Words after the name: what is found, folded, failed, unfinished, repeated or torn off."""
        facts = self.facts
        notes: list[tuple[str, str]] = []
        hidden = look.folds.hidden(position)
        hits = sum(look.hits.get(at, 0) for at in range(position, position + 1 + hidden)) if look.hits else 0
        if repeat is not None:
            notes.append((f" {glyphs.TIMES}{repeat.times:,}", "mark"))
        elif hidden:
            notes.append((f" +{hidden:,}", "mark"))
        if hits:
            notes.append((f" {hits:,} hit{'s' if hits != 1 else ''}", "hit"))
        inside = facts.errors_between(position if repeat else position + 1, position + 1 + hidden)
        if repeat is None and row.get("status") == "error":
            notes.append((f" {glyphs.BAD} {facts.error(position, look.with_models)}", "error"))
        elif inside:
            notes.append((f" {glyphs.BAD} {inside:,} error{'s' if inside != 1 else ''}", "error"))
        if repeat is not None:
            return notes
        notes += [(f" {words}", "mark") for words in endings(row, look.with_models)]
        opened = look.folds.repeats.get(position)
        if opened is not None:
            notes.append((f" (first of {glyphs.TIMES}{opened.times:,})", "dim"))
        if look.first_bad is not None and row["span_id"] == look.first_bad:
            notes.append((" ! first bad", "mark"))
        if position in look.same:
            earlier = look.same[position] + 1
            notes += [(f" ={earlier:,}", "mark"), (f" (same call as row {earlier:,})", "dim")]
        if row.get("duplicate_of"):
            notes.append((" (same call)", "dim"))
        return notes + [(f" ({words})", "mark") for words in facts.oddities(position)]

    # Figures and bars.

    def _figures(
        self, position: int, columns: Columns, repeat: Repeat | None, look: Look, dimmed: bool
    ) -> list[Part]:
        members = repeat.members if repeat is not None else (position,)
        faint = "dim" if dimmed else None
        duration = self._duration(position, members, look)
        parts: list[Part] = [(duration.rjust(columns.duration), faint)]
        usage = self.facts.usage
        if columns.tokens:
            tokens = sum(usage.tokens[member] for member in members)
            own = sum(usage.own_tokens[member] for member in members)
            text = human.short_count(tokens) if tokens else ""
            parts.append((_summed(text, tokens != own).rjust(columns.tokens), "dim"))
        if columns.cost:
            costs = [cost for member in members if (cost := usage.cost[member]) is not None]
            own_costs = [cost for member in members if (cost := usage.own_cost[member]) is not None]
            text = human.money(sum(costs)) if costs else ""
            parts.append((_summed(text, sum(costs) != sum(own_costs)).rjust(columns.cost), "dim"))
        return parts

    def _duration(self, position: int, members: Iterable[int], look: Look) -> str:
        times = self.facts.times
        if look.measure == "path":
            waited = self._path_ns(position, look)
            return human.duration(waited / 1e6) if waited else ""
        if look.measure == "self":
            own = [times.self_ns[member] for member in members if times.interval[member] is not None]
            return human.duration(sum(own) / 1e6) if own else ""
        found = [ms for member in members if (ms := self.facts.value(member, "duration_ms")) is not None]
        return human.duration(sum(found)) if found else ""

    def _axis(self, cells: int) -> Axis:
        times = self.facts.times
        return Axis(times.start_ns, max(1, times.end_ns - times.start_ns), cells)

    def _bar(
        self, position: int, cells: int, repeat: Repeat | None, look: Look, part: str | None
    ) -> list[Part]:
        facts = self.facts
        members: Sequence[int] = repeat.members if repeat is not None else (position,)
        whole = [interval for member in members if (interval := facts.times.interval[member]) is not None]
        if not whole:
            return [("?".ljust(cells), "dim")]
        solid: list[Interval]
        if look.measure == "wall":
            solid = whole
        elif look.measure == "self":
            solid = facts.own_intervals(members)
        else:
            solid = facts.steps_between(position, position + 1 + look.folds.hidden(position))
            part = "path"
        return bar(self._axis(cells), whole, solid, part, facts.first_token(position, repeat))


def endings(row: Row, with_models: bool = True) -> list[str]:
    """What a span's answer lacks, or who gave it, in words: cut off, held back, another model, not kept whole."""
    said = [{"truncated": "cut off", "filtered": "held back"}.get(str(row.get("outcome")), "")]
    said.append("another model answered" if with_models and row.get("fallback") == "yes" else "")
    said.append(f"recorded: {safe_line(str(row['payload_state']))}" if row.get("payload_state") else "")
    return [words for words in said if words]


def _summed(text: str, of_several: bool) -> str:
    return SUMMED + text if of_several and text else text
