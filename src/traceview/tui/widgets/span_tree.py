"""The spans of one trace as a tree with a waterfall in the same rows: virtual, one line drawn at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip

from traceview.model.tree_folds import Folds
from traceview.tui import glyphs
from traceview.tui.widgets.segments import joined_blanks
from traceview.tui.widgets.sent import Sent
from traceview.tui.widgets.span_facts import SpanFacts
from traceview.tui.widgets.span_lines import MEASURES, Columns, Look, Measure, SpanLines
from traceview.tui.widgets.styled_scroll import StyledScroll

Row = dict[str, Any]


class SpanTree(StyledScroll, can_focus=True):
    """A tree of span rows, given with `load`; says `Highlighted` when the cursor is on another span."""

    PART_PREFIX = "span-tree--"
    COMPONENT_CLASSES = {
        "span-tree--cursor",
        "span-tree--header",
        "span-tree--guide",
        "span-tree--dim",
        "span-tree--error",
        "span-tree--good",
        "span-tree--mark",
        "span-tree--hit",
        "span-tree--path",
        "span-tree--thin",
        "span-tree--mark-cursor",
        "span-tree--agent",
        "span-tree--llm",
        "span-tree--tool",
        "span-tree--retriever",
        "span-tree--other",
    }

    DEFAULT_CSS = """
    SpanTree {
        background: $background;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $panel;
        scrollbar-color-hover: $faint;
        scrollbar-color-active: $faint;
        & .span-tree--cursor { background: $cursor-blurred; }
        & .span-tree--header { color: $dim; }
        & .span-tree--guide { color: $faint; }
        & .span-tree--dim { color: $dim; }
        & .span-tree--error { color: $error; }
        & .span-tree--good { color: $success; }
        & .span-tree--mark { color: $warning; }
        & .span-tree--hit { color: $warning; text-style: bold; }
        & .span-tree--path { color: $primary; text-style: bold; }
        & .span-tree--thin { color: $faint; }
        & .span-tree--mark-cursor { color: $primary; }
        & .span-tree--agent { color: $secondary; }
        & .span-tree--llm { color: $primary; }
        & .span-tree--tool { color: $accent; }
        & .span-tree--retriever { color: $success; }
        & .span-tree--other { color: $dim; }
        &:focus .span-tree--cursor { background: $cursor; }
    }
    """

    class Highlighted(Sent["SpanTree"]):
        """The cursor is on another span."""

        newest_counts = True

        def __init__(self, tree: SpanTree, row: Row, position: int) -> None:
            super().__init__(tree)
            self.row = row
            self.position = position

    class Opened(Sent["SpanTree"]):
        """A span was opened with the mouse (second click on it)."""

        def __init__(self, tree: SpanTree, row: Row) -> None:
            super().__init__(tree)
            self.row = row

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cursor = 0
        self._hits: list[int] = []
        self._show(SpanFacts(()))

    # What the screen asks and tells.

    def load(
        self,
        spans: Sequence[Row] | SpanFacts,
        *,
        cursor_span: str | None = None,
        with_models: bool = True,
        first_bad: str | None = None,
    ) -> None:
        """Show these spans with the cursor on `cursor_span`, else on the first line.

        Span rows are arranged here and now; for many, give the facts, made in a worker. Without `with_models` names
        and errors are shown without the spans' models.
        """
        measure = self._look.measure
        self._show(spans if isinstance(spans, SpanFacts) else SpanFacts(spans))
        self._look.measure = measure
        self._look.with_models = with_models
        self._look.first_bad = first_bad
        self._cursor = 0
        self._resize_content()
        self.scroll_to(y=0, animate=False)
        if cursor_span is not None and self.go_to_span(cursor_span):
            return
        self._announce()

    @property
    def facts(self) -> SpanFacts:
        """What is known of the spans that are shown."""
        return self._lines.facts

    @property
    def position(self) -> int | None:
        """The position in the tree of the span under the cursor."""
        return self._look.folds.lines[self._cursor] if self.line_count else None

    @property
    def row(self) -> Row | None:
        """The span row under the cursor."""
        position = self.position
        return self.facts.row(position) if position is not None else None

    def rows_near(self, count: int) -> list[Row]:
        """The rows of so many lines below and above the cursor, the nearest first."""
        shown = self._look.folds.lines
        lines = [self._cursor + step for distance in range(1, count + 1) for step in (distance, -distance)]
        return [self.facts.row(shown[line]) for line in lines if 0 <= line < len(shown)]

    @property
    def cursor(self) -> int:
        """The line of the cursor, 0 for the first."""
        return self._cursor

    @property
    def line_count(self) -> int:
        """Lines that are shown, folded ones left out."""
        return len(self._look.folds.lines)

    def path(self, cells: int) -> str:
        """Where the span under the cursor stands, from the root down, in at most so many cells."""
        position = self.position
        return self._lines.path(position, cells, self._look) if position is not None else ""

    def go_to_span(self, span_id: str) -> bool:
        """Put the cursor on a span, unfolding what hides it. False if the trace has no such span."""
        position = self.facts.position_of(span_id)
        if position is None:
            return False
        self.go_to_position(position)
        return True

    def go_to_position(self, position: int) -> None:
        """Put the cursor on the span at a position of the tree, unfolding what hides it."""
        if self._look.folds.reveal(position):
            self._resize_content()
        self._put_cursor(self._look.folds.line_of(position))
        self._announce()

    def mark_first_bad(self, span_id: str | None) -> None:
        """Show which span was marked as the first bad one."""
        self._look.first_bad = span_id
        self.refresh()

    def mark_same(self, same: Mapping[int, int]) -> None:
        """Show which spans are the same call as an earlier one, by position."""
        self._look.same = dict(same)
        self.refresh()

    # What the rows show.

    @property
    def measure(self) -> Measure:
        """What the time column and the bars show."""
        return self._look.measure

    def show_measure(self, measure: Measure) -> None:
        """Let the time column and the bars show another measure."""
        self._look.measure = measure
        self.refresh()

    def next_measure(self) -> Measure:
        """Show the next measure: wall clock, self time, critical path, and again."""
        self.show_measure(MEASURES[(MEASURES.index(self._look.measure) + 1) % len(MEASURES)])
        return self._look.measure

    # Moving and folding.

    def move(self, lines: int) -> None:
        """Move the cursor by lines, stopping at both ends."""
        self._put_cursor(self._cursor + lines)

    def move_page(self, pages: float) -> None:
        """Move the cursor by pages (0.5 is half a page)."""
        self._put_cursor(self._cursor + int(pages * max(2, self._body_height)))

    def move_to_start(self) -> None:
        """Put the cursor on the first line."""
        self._put_cursor(0)

    def move_to_end(self) -> None:
        """Put the cursor on the last line."""
        self._put_cursor(self.line_count - 1)

    def toggle_fold(self) -> None:
        """Fold or unfold the line under the cursor; a leaf folds the repeat it is in, else its parent."""
        position = self.position
        kept = self._look.folds.toggle(position) if position is not None else None
        if kept is not None:
            self._relisted(kept)

    def fold_all(self) -> None:
        """Fold everything below the first two levels."""
        position = self.position
        self._look.folds.fold_all()
        self._relisted(position or 0)

    def unfold_all(self) -> None:
        """Unfold every branch and every repeat."""
        position = self.position
        self._look.folds.unfold_all()
        self._relisted(position or 0)

    def move_to_error(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) failed span without a failing child; False if there is none."""
        here, errors = self.position, self.facts.errors
        if here is None:
            return False
        at = bisect_right(errors, here) if step > 0 else bisect_left(errors, here) - 1
        if step > 0 and self._look.folds.repeat_at(here) is not None:
            # The line stands for all of the repeat, its first span included.
            at = bisect_left(errors, here)
        if not 0 <= at < len(errors):
            return False
        self.go_to_position(errors[at])
        return True

    # Hits of a search.

    def show_hits(self, hits: Mapping[int, int]) -> None:
        """Show how many hits each span has, by position; none ends it."""
        before = self._look.hits
        if not hits and not before:
            return
        found = self._look.hits = dict(hits)
        self._hits = sorted(found)
        folds = self._look.folds
        top = self.scroll_offset.y
        for line, at in enumerate(folds.lines[top : top + self._body_height], start=top):
            # A folded line tells the hits of all that it hides.
            stop = at + 1 + folds.hidden(at)
            if any(before.get(one) != found.get(one) for one in range(at, stop)):
                self._refresh_body_line(line)

    def go_to_hit(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) span with a hit, around both ends; False if there is none."""
        here = self.position
        if here is None or not self._hits:
            return False
        at = bisect_right(self._hits, here) if step > 0 else bisect_left(self._hits, here) - 1
        self.go_to_position(self._hits[at % len(self._hits)])
        return True

    def go_to_first_hit(self, origin: int) -> bool:
        """Go to the first span with a hit at or after a position, around the end; False if there is none."""
        if not self._hits:
            return False
        self.go_to_position(self._hits[bisect_left(self._hits, origin) % len(self._hits)])
        return True

    # The tree's own bookkeeping.

    def _show(self, facts: SpanFacts) -> None:
        self._lines = SpanLines(facts)
        self._look = Look(Folds(facts.tree, facts.repeats))
        self._hits = []

    @property
    def _body_height(self) -> int:
        return max(1, self.size.height - 1)

    def _resize_content(self) -> None:
        self.virtual_size = Size(self.size.width, self.line_count + 1)
        self.refresh()

    def _relisted(self, keep: int) -> None:
        """Other lines are shown: the cursor goes to the one of position `keep`."""
        self._resize_content()
        self._put_cursor(self._look.folds.line_of(keep))
        self._announce()

    def _put_cursor(self, line: int) -> None:
        line = max(0, min(line, self.line_count - 1))
        if not self.line_count or line == self._cursor:
            self._scroll_to_cursor()
            return
        old, self._cursor = self._cursor, line
        if not self._scroll_to_cursor():
            self._refresh_body_line(old)
            self._refresh_body_line(line)
        self._announce()

    def _scroll_to_cursor(self) -> bool:
        """Scroll so that the cursor is visible; True if that moved anything."""
        top = self.scroll_offset.y
        wanted = top
        if self._cursor < top:
            wanted = self._cursor
        elif self._cursor >= top + self._body_height:
            wanted = self._cursor - self._body_height + 1
        if wanted == top:
            return False
        self.scroll_to(y=wanted, animate=False, force=True)
        return True

    def _refresh_body_line(self, line: int) -> None:
        y = line - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _announce(self) -> None:
        row, position = self.row, self.position
        if row is not None and position is not None:
            self.post_message(self.Highlighted(self, row, position))

    # Events.

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight when the pane changes its size."""
        self.virtual_size = Size(event.size.width, self.line_count + 1)
        self._scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked line; a second click there opens it."""
        line = self.scroll_offset.y + event.y - 1
        if event.y < 1 or not 0 <= line < self.line_count:
            return
        row = self.row
        if line == self._cursor and event.chain > 1 and row is not None:
            self.post_message(self.Opened(self, row))
        else:
            self._put_cursor(line)

    # Drawing.

    def render_line(self, y: int) -> Strip:
        """One line of the pane: the header, or the span that stands there."""
        cells = self.scrollable_content_region.width
        base = self._style("base")
        columns = Columns.for_width(cells)
        if y == 0:
            header = f" {self._lines.header(columns, self._look)}"
            return Strip([Segment(header, self._style("header"))]).adjust_cell_length(cells, base)
        line = self.scroll_offset.y + y - 1
        if not 0 <= line < self.line_count:
            return Strip.blank(cells, base)
        under_cursor = line == self._cursor
        parts = self._lines.line(self._look.folds.lines[line], columns, self._look)
        segments = [Segment(glyphs.CURSOR if under_cursor else " ", self._style("mark-cursor"))]
        segments += [Segment(text, self._style(part or "base")) for text, part in parts]
        if under_cursor:
            cursor = Style(bgcolor=self._style("cursor").bgcolor)
            segments = [Segment(text, (style or base) + cursor) for text, style, _ in segments]
        return Strip(joined_blanks(segments)).adjust_cell_length(cells, base)
