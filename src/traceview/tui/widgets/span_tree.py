"""The spans of one trace as a tree with a waterfall in the same rows: virtual, one line drawn at a time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip

from traceview.model.tree import Tree
from traceview.tui.widgets.segments import joined_blanks
from traceview.tui.widgets.sent import Sent
from traceview.tui.widgets.span_lines import Columns, SpanLines
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
        "span-tree--mark",
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
        & .span-tree--mark { color: $warning; }
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

        def __init__(self, tree: SpanTree, row: Row, index: int) -> None:
            super().__init__(tree)
            self.row = row
            self.index = index

    class Opened(Sent["SpanTree"]):
        """A span was opened with the mouse (second click on it)."""

        def __init__(self, tree: SpanTree, row: Row) -> None:
            super().__init__(tree)
            self.row = row

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._spans = SpanLines(())
        self._folded: set[int] = set()
        self._lines: list[int] = []
        self._cursor = 0
        self._first_bad: str | None = None
        self._needle = ""
        self._hits: list[int] = []
        self._origin = 0
        self._with_models = True

    # What the screen asks and tells.

    def load(self, rows: Sequence[Row], *, cursor_span: str | None = None, with_models: bool = True) -> None:
        """Show these span rows with the cursor on `cursor_span`, else on the first line.

        Without `with_models` a search does not look at the spans' models.
        """
        self._spans = SpanLines(rows)
        self._with_models = with_models
        self._origin = 0
        self._find_hits()
        self._folded = set()
        self._lines = self._tree.visible(())
        self._cursor = 0
        self._resize_content()
        self.scroll_to(y=0, animate=False)
        if cursor_span is not None and self.go_to_span(cursor_span):
            return
        self._announce()

    @property
    def row(self) -> Row | None:
        """The span row under the cursor."""
        return self._spans.row(self._lines[self._cursor]) if self._lines else None

    def rows_near(self, count: int) -> list[Row]:
        """The rows of so many lines below and above the cursor, the nearest first."""
        lines = [self._cursor + step for distance in range(1, count + 1) for step in (distance, -distance)]
        return [self._spans.row(self._lines[line]) for line in lines if 0 <= line < len(self._lines)]

    @property
    def cursor(self) -> int:
        """The line of the cursor, 0 for the first."""
        return self._cursor

    @property
    def line_count(self) -> int:
        """Lines that are shown, folded ones left out."""
        return len(self._lines)

    def go_to_span(self, span_id: str) -> bool:
        """Put the cursor on a span, unfolding what hides it. False if the trace has no such span."""
        for index, row in enumerate(self._spans.rows):
            if row["span_id"] == span_id:
                self._go_to_position(self._tree.position[index])
                return True
        return False

    def mark_first_bad(self, span_id: str | None) -> None:
        """Show which span was marked as the first bad one."""
        self._first_bad = span_id
        self.refresh()

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
        self._put_cursor(len(self._lines) - 1)

    def toggle_fold(self) -> None:
        """Fold or unfold the span under the cursor; a leaf folds its parent."""
        if not self._lines:
            return
        position = self._lines[self._cursor]
        if self._tree.size[position] == 1:
            position = self._tree.parent[position]
            if position < 0:
                return
        if position in self._folded:
            self._folded.remove(position)
        else:
            self._folded.add(position)
        self._relist(position)

    def move_to_error(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) failed span without a failing child; False if there is none."""
        if not self._lines:
            return False
        position = self._lines[self._cursor] + step
        while 0 <= position < len(self._tree):
            if self._spans.is_leaf_error(position):
                self._go_to_position(position)
                return True
            position += step
        return False

    # Searching.

    def begin_search(self) -> None:
        """Let the next searches begin at the span under the cursor."""
        self._origin = self._lines[self._cursor] if self._lines else 0

    def search(self, text: str) -> None:
        """Find the spans that say a text, ignoring case, and go to the first from where the search began."""
        self._needle = text.casefold()
        self._find_hits()
        if self._hits:
            hit = bisect_left(self._hits, self._origin)
            self._go_to_position(self._hits[hit % len(self._hits)])
        elif self._lines and text:
            self._go_to_position(min(self._origin, len(self._tree) - 1))

    def go_to_hit(self, step: int) -> bool:
        """Go to the next (1) or previous (-1) span that says the text, around both ends; False if none does."""
        if not self._hits:
            return False
        here = self._lines[self._cursor]
        hit = bisect_right(self._hits, here) if step > 0 else bisect_left(self._hits, here) - 1
        self._go_to_position(self._hits[hit % len(self._hits)])
        return True

    @property
    def search_sentence(self) -> str:
        """`2 of 17 spans`, as a search field says it."""
        if not self._hits:
            return "in no span's name, kind, model, tool or error; Enter and / search the span's text"
        number = bisect_right(self._hits, self._lines[self._cursor])
        return f"{number:,} of {len(self._hits):,} span{'s' if len(self._hits) != 1 else ''}"

    def _find_hits(self) -> None:
        needle = self._needle
        self._hits = [
            position
            for position in range(len(self._tree) if needle else 0)
            if needle in self._spans.words(position, self._with_models)
        ]

    # The tree's own bookkeeping.

    @property
    def _tree(self) -> Tree:
        return self._spans.tree

    @property
    def _body_height(self) -> int:
        return max(1, self.size.height - 1)

    def _resize_content(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._lines) + 1)
        self.refresh()

    def _relist(self, keep: int) -> None:
        """List the visible positions again with the cursor on position `keep`."""
        self._lines = self._tree.visible(self._folded)
        self._resize_content()
        self._put_cursor(_line_of(self._lines, keep))
        self._announce()

    def _go_to_position(self, position: int) -> None:
        hiding = self._folded.intersection(self._tree.ancestors(position))
        if hiding:
            self._folded -= hiding
            self._lines = self._tree.visible(self._folded)
            self._resize_content()
        self._put_cursor(_line_of(self._lines, position))
        self._announce()

    def _put_cursor(self, line: int) -> None:
        line = max(0, min(line, len(self._lines) - 1))
        if not self._lines or line == self._cursor:
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
        row = self.row
        if row is not None:
            self.post_message(self.Highlighted(self, row, self._tree.rows[self._lines[self._cursor]]))

    # Events.

    def on_resize(self, event: events.Resize) -> None:
        """Keep the cursor in sight when the pane changes its size."""
        self.virtual_size = Size(event.size.width, len(self._lines) + 1)
        self._scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked line; a second click there opens it."""
        line = self.scroll_offset.y + event.y - 1
        if event.y < 1 or not 0 <= line < len(self._lines):
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
            header = f" {self._spans.header(columns, len(self._lines))}"
            return Strip([Segment(header, self._style("header"))]).adjust_cell_length(cells, base)
        line = self.scroll_offset.y + y - 1
        if not 0 <= line < len(self._lines):
            return Strip.blank(cells, base)
        under_cursor = line == self._cursor
        parts = self._spans.line(self._lines[line], columns, self._folded, self._first_bad)
        segments = [Segment("▌" if under_cursor else " ", self._style("mark-cursor"))]
        segments += [Segment(text, self._style(part or "base")) for text, part in parts]
        if under_cursor:
            cursor = Style(bgcolor=self._style("cursor").bgcolor)
            segments = [Segment(text, (style or base) + cursor) for text, style, _ in segments]
        return Strip(joined_blanks(segments)).adjust_cell_length(cells, base)


def _line_of(lines: list[int], position: int) -> int:
    """The line that shows a position, or the nearest one above it."""
    return max(0, bisect_right(lines, position) - 1)
