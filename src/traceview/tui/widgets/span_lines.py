"""The rows of the span tree as styled texts: guides, kind, name, figures and a bar on the trace's time. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from traceview.model.tree import Tree, build_tree
from traceview.text import human
from traceview.text.cells import pad, truncate, width
from traceview.text.safe import safe_line
from traceview.tui.widgets.lines import Part

Row = dict[str, Any]

KIND_WORDS: dict[str, tuple[str, str]] = {
    "agent": ("◆", "agent"),
    "llm": ("●", "llm"),
    "tool": ("■", "tool"),
    "retriever": ("▼", "retr"),
    "embedding": ("▽", "embed"),
    "reranker": ("△", "rank"),
    "guardrail": ("◈", "guard"),
    "evaluator": ("◇", "eval"),
    "chain": ("○", "chain"),
    "unknown": ("·", "span"),
}
"""Glyph and word of each kind of span; the word is at most five cells wide."""
COLOURED_KINDS = ("agent", "llm", "tool", "retriever")
KIND_CELLS = 8
NAME_CELLS = 14
"""Cells that guides leave to kind and name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column of a row; 0 where the pane is too narrow for it."""

    name: int
    duration: int
    tokens: int
    cost: int
    bar: int

    @classmethod
    def for_width(cls, cells: int) -> Columns:
        """Columns of a pane: the name has room first, then come duration, bar, tokens, cost."""
        duration = 7
        bar = 0 if cells < 46 else max(10, min(60, cells * 3 // 10))
        tokens = 7 if cells >= 70 else 0
        cost = 9 if cells >= 84 else 0
        name = cells - duration - tokens - cost - (bar + 1 if bar else 0) - 2
        return cls(max(8, name), duration, tokens, cost, bar)


class SpanLines:
    """The spans of one trace, ready to be drawn."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.tree: Tree = build_tree(rows)
        starts = [row["start_ns"] for row in rows if row["start_ns"] is not None]
        ends = [row["end_ns"] for row in rows if row.get("end_ns") is not None]
        self.start_ns: int = min(starts, default=0)
        self.length_ns: int = max(1, max([*starts, *ends], default=1) - self.start_ns)

    def row(self, position: int) -> Row:
        """The span row at a position of the tree."""
        return self.rows[self.tree.rows[position]]

    def is_leaf_error(self, position: int) -> bool:
        """True for a failed span none of whose children failed."""
        if self.row(position)["status"] != "error":
            return False
        below = position + 1
        end = position + self.tree.size[position]
        while below < end:
            if self.row(below)["status"] == "error":
                return False
            below += self.tree.size[below]
        return True

    def words(self, position: int, with_model: bool = True) -> str:
        """Everything that a span says of itself in the tree, and its model, tool and error, in folded case."""
        row = self.row(position)
        _, word = KIND_WORDS.get(str(row.get("kind") or "unknown"), KIND_WORDS["unknown"])
        fields = ("name", "kind", "tool_name", "error_type", "error_message")
        texts = [safe_line(str(row[field])) for field in fields if row.get(field)]
        if with_model and row.get("model"):
            texts.append(safe_line(str(row["model"])))
        texts += [text for text, _ in self._notes(position, row, ())]
        texts += [text.strip() for text, _ in _figures(row, Columns(0, 1, 1, 1, 0))]
        return "\n".join((word, *texts)).casefold()

    def header(self, columns: Columns, shown: int) -> str:
        """The line above the spans: how many are shown, the columns' names, the length of the trace."""
        total = len(self.tree)
        count = f"{total:,} span{'s' if total != 1 else ''}"
        text = pad(f"{shown:,} of {count}" if shown != total else count, columns.name)
        text += "time".rjust(columns.duration)
        if columns.tokens:
            text += "tokens".rjust(columns.tokens)
        if columns.cost:
            text += "cost".rjust(columns.cost)
        if columns.bar:
            text += "  0" + human.duration(self.length_ns / 1e6).rjust(columns.bar - 1)
        return text

    def line(
        self, position: int, columns: Columns, folded: Collection[int], first_bad: str | None = None
    ) -> list[Part]:
        """One span."""
        row = self.row(position)
        kind = str(row.get("kind") or "unknown")
        glyph, word = KIND_WORDS.get(kind, KIND_WORDS["unknown"])
        duplicate = bool(row.get("duplicate_of"))
        failed = row.get("status") == "error"
        kind_part = "dim" if duplicate else kind if kind in COLOURED_KINDS else "other"
        guides = self._guides(position, folded, max(1, (columns.name - KIND_CELLS - NAME_CELLS) // 2))
        parts: list[Part] = [(guides, "guide"), (f"{glyph} {word} ".ljust(KIND_CELLS), kind_part)]
        room = columns.name - width(guides) - KIND_CELLS
        notes = self._notes(position, row, folded, first_bad)
        name = safe_line(str(row.get("name") or "(no name)"))
        name = truncate(name, max(min(room, 10), room - sum(width(text) for text, _ in notes)))
        parts.append((name, "dim" if duplicate else "error" if failed else None))
        used = width(name)
        for text, part in notes:
            text = truncate(text, room - used)
            parts.append((text, part))
            used += width(text)
        parts.append((" " * max(0, room - used), None))
        parts += _figures(row, columns)
        if columns.bar:
            parts += [("  ", None), (self._bar(row, columns.bar), "error" if failed else kind_part)]
        return parts

    def _guides(self, position: int, folded: Collection[int], levels: int) -> str:
        """Two cells per level: rails of the ancestors, the branch, and whether something is folded here.

        At most `levels` levels are drawn; a deeper span says its depth in place of the others.
        """
        tree = self.tree
        if tree.size[position] > 1:
            handle = "▸" if position in folded else "▾"
        else:
            handle = "─" if tree.depth[position] else " "
        if not tree.depth[position]:
            return handle + " "
        parts = [("╰" if tree.is_last(position) else "├") + handle]
        above = tree.parent[position]
        while tree.parent[above] >= 0 and len(parts) < levels:
            parts.append("  " if tree.is_last(above) else "│ ")
            above = tree.parent[above]
        if tree.parent[above] >= 0:
            parts.append(f"{tree.depth[position]}⋯ ")
        parts.reverse()
        return "".join(parts)

    def _notes(
        self, position: int, row: Row, folded: Collection[int], first_bad: str | None = None
    ) -> list[tuple[str, str]]:
        """Words after the name: what is folded, failed, unfinished, repeated or torn off."""
        notes: list[tuple[str, str]] = []
        if row.get("status") == "error":
            notes.append((f" ✗ {safe_line(str(row.get('error_type') or 'error'))}", "error"))
        if first_bad is not None and row["span_id"] == first_bad:
            notes.append((" ! first bad", "mark"))
        if position in folded:
            notes.append((f" +{self.tree.size[position] - 1:,}", "mark"))
        if position in self.tree.orphans:
            notes.append((" (parent missing)", "mark"))
        if position in self.tree.cycles:
            notes.append((" (parents in a ring)", "mark"))
        if row.get("duplicate_of"):
            notes.append((" (same call, counted once)", "dim"))
        if row.get("end_ns") is None:
            notes.append((" (no end)", "mark"))
        return notes

    def _bar(self, row: Row, cells: int) -> str:
        """Where the span lies on the trace's time, in half cells; at least half a cell long."""
        start: int | None = row["start_ns"]
        if start is None:
            return "?".ljust(cells)
        end: int = max(start, row.get("end_ns") or start)
        halves = cells * 2
        first = min(halves - 1, (start - self.start_ns) * halves // self.length_ns)
        last = min(halves, max(first + 1, -(-(end - self.start_ns) * halves // self.length_ns)))
        left, half_left = divmod(first, 2)
        whole, half_right = divmod(last - first - half_left, 2)
        text = " " * left + ("╺" if half_left else "") + "━" * whole + ("╸" if half_right else "")
        return text.ljust(cells)


def _figures(row: Row, columns: Columns) -> list[Part]:
    duration = row.get("duration_ms")
    parts: list[Part] = [
        (("" if duration is None else human.duration(duration)).rjust(columns.duration), None)
    ]
    if columns.tokens:
        tokens = (row.get("input_tokens") or 0) + (row.get("output_tokens") or 0)
        parts.append(((human.short_count(tokens) if tokens else "").rjust(columns.tokens), "dim"))
    if columns.cost:
        cost = row.get("cost_usd")
        parts.append((("" if cost is None else human.money(cost)).rjust(columns.cost), "dim"))
    return parts
