"""Blocks of any length to move through: laid out in slices on the event loop, with a cursor, folding and scrolling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.timer import Timer

from traceview.tui.actions import bindings
from traceview.tui.widgets.block_layout import Layout, Place
from traceview.tui.widgets.blocks import Block
from traceview.tui.widgets.sent import Sent
from traceview.tui.widgets.styled_scroll import StyledScroll

GUTTER = 2
TICK_SECONDS = 0.02


class BlockScroll(StyledScroll, can_focus=True):
    """Blocks to move through, fold and scroll; a subclass draws their lines.

    With `cursor=True` a line has the cursor and the block it stands in is the current one; without, the keys
    scroll. The pane asks nobody: a screen gives it blocks with `load`, and replaces some with `replace`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("cursor_down", call="move(1)"),
        *bindings("cursor_up", call="move(-1)"),
        *bindings("half_down", call="move_page(0.5)"),
        *bindings("half_up", call="move_page(-0.5)"),
        *bindings("page_down", call="move_page(1)"),
        *bindings("page_up", call="move_page(-1)"),
        *bindings("cursor_top", call="move_to_start"),
        *bindings("cursor_bottom", call="move_to_end"),
    ]

    class CursorMoved(Sent["BlockScroll"]):
        """The cursor stands in another block."""

        newest_counts = True

        def __init__(self, view: BlockScroll, index: int) -> None:
            super().__init__(view)
            self.index = index

    def __init__(self, *, cursor: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._with_cursor = cursor
        self._layout = Layout((), 80)
        self._line = 0
        self._current_index: int | None = None
        self._goto: tuple[int, int] | None = None
        self._answer: tuple[tuple[int, ...], int] | None = None
        """Blocks to begin with, and the block that must be on screen below; see `show_answer`."""
        self._to_end = False
        self._timer: Timer | None = None

    # What the screen asks and tells.

    def load(self, blocks: Sequence[Block], *, at: int = 0) -> None:
        """Show these blocks from the top, or from block `at`."""
        self._layout = Layout(blocks, self._text_width)
        self._line = 0
        self._current_index = None
        self._goto = (at, 0) if at else None
        self._answer = None
        self._to_end = False
        self._layout.advance(lines=3 * max(24, self.size.height))
        self._fit_content()
        self.scroll_to(y=0, animate=False, force=True)
        self.refresh()
        self._work()
        self._notice_block()

    def replace(self, start: int, stop: int, blocks: Sequence[Block]) -> None:
        """Put other blocks in the place of [start, stop) while what is on screen stays where it is."""
        top = self.scroll_offset.y
        anchor = self._layout.place(top)
        here = self._layout.place(self._line)
        self._layout.replace(start, stop, blocks)
        shift = len(blocks) - (stop - start)
        self._fit_content()
        if here is not None:
            self._line = self._layout.line_after(here, start, stop, shift)
        if anchor is not None:
            self.scroll_to(y=self._layout.line_after(anchor, start, stop, shift), animate=False, force=True)
        self.refresh()
        self._work()
        self._notice_block()

    @property
    def _here(self) -> Place | None:
        """The cursor's line, without a cursor the one at the top."""
        return self._layout.place(self._line if self._with_cursor else self.scroll_offset.y)

    @property
    def block_index(self) -> int | None:
        """The number of the block under the cursor (without a cursor: at the top)."""
        place = self._here
        return place.index if place else None

    @property
    def current(self) -> Block | None:
        """The block under the cursor (without a cursor: at the top)."""
        index = self.block_index
        return None if index is None else self._layout.block(index)

    @property
    def block_count(self) -> int:
        """How many blocks there are."""
        return len(self._layout)

    def block(self, index: int) -> Block:
        """A block by its number."""
        return self._layout.block(index)

    def visible_blocks(self) -> tuple[int, int]:
        """The numbers of the first and the last block on screen."""
        top = self._layout.place(self.scroll_offset.y)
        bottom = self._layout.place(min(self.scroll_offset.y + self.size.height, self._layout.lines) - 1)
        return (top.index if top else 0, bottom.index if bottom else 0)

    @property
    def line_count(self) -> int:
        """Lines laid out so far."""
        return self._layout.lines

    @property
    def complete(self) -> bool:
        """True once everything is laid out."""
        return self._layout.complete

    def go_to_block(self, index: int, offset: int = 0) -> None:
        """Show a block; if it is not laid out yet, as soon as it is."""
        if not 0 <= index < len(self._layout):
            return
        self._goto, self._answer = (index, offset), None
        self._follow_goto()
        self._work()

    def show_answer(self, starts: Sequence[int], answer: int) -> None:
        """Put the cursor on the first of `starts` below which the block `answer` begins on the same screen.

        That block stands at the top; it is the answer itself where all of `starts` are too far above.
        """
        self._goto, self._answer = None, (tuple(starts), answer)
        self._follow_goto()
        self._work()

    # Moving, folding.

    def move(self, lines: int) -> None:
        """Move the cursor, or scroll, by lines."""
        if self._with_cursor:
            self._put_line(self._line + lines)
        else:
            self._scroll_lines(lines)

    def move_page(self, pages: float) -> None:
        """Move by pages (0.5 is half a page)."""
        self.move(int(pages * max(2, self.size.height)))

    def action_move(self, lines: int) -> None:
        """A line down or up."""
        self.move(lines)

    def action_move_page(self, pages: float) -> None:
        """A page down or up, or half of one."""
        self.move_page(pages)

    def action_move_to_start(self) -> None:
        """To the first line."""
        self.move_to_start()

    def action_move_to_end(self) -> None:
        """To the last line."""
        self.move_to_end()

    def move_to_start(self) -> None:
        """To the first line."""
        self._goto, self._answer, self._to_end = None, None, False
        if self._with_cursor:
            self._put_line(0)
        else:
            self.scroll_to(y=0, animate=False, force=True)

    def move_to_end(self) -> None:
        """To the last line, also of what is still being laid out."""
        self._goto = self._answer = None
        self._to_end = not self._layout.complete
        self._jump_to_end()
        self._work()

    def toggle_fold(self) -> bool:
        """Fold or unfold the block under the cursor, or fold what holds it; False if nothing there folds."""
        index = self.block_index
        if index is not None and self._layout.block(index).fold is None:
            index = self._layout.holder(index)
        if index is None or not self._layout.toggle(index):
            return False
        self._fit_content()
        if self._with_cursor:
            self._line = self._layout.line_of(index)
            self._scroll_to_line()
        self.refresh()
        self._work()
        return True

    def fold_all(self, folded: bool) -> bool:
        """Fold or unfold everything; the cursor stays at its block, or what holds it. False if nothing changed."""
        index = self.block_index or 0
        if not self._layout.fold_all(folded):
            return False
        while folded and (holder := self._layout.holder(index)) is not None:
            index = holder
        self._layout.advance(lines=3 * max(24, self.size.height))
        self._fit_content()
        self._line = 0
        self._goto = (index, 0)
        self._follow_goto()
        self.refresh()
        self._work()
        return True

    # Work in small slices on the event loop.

    @property
    def _has_work(self) -> bool:
        """Whether something is still to be laid out or gone to."""
        return not self._layout.complete

    def _work_when_laid_out(self) -> None:
        """A slice of what waits until everything is laid out."""

    def _work(self) -> None:
        """Keep the timer running as long as there is something to do."""
        busy = self._has_work
        if busy and self._timer is None:
            self._timer = self.set_interval(TICK_SECONDS, self._tick)
        elif not busy and self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _tick(self) -> None:
        layout = self._layout
        if not layout.complete:
            layout.advance()
            self._fit_content()
            if self._to_end:
                self._jump_to_end()
                self._to_end = not layout.complete
            self._follow_goto()
        else:
            self._work_when_laid_out()
        self._work()

    def _follow_answer(self) -> None:
        layout, height = self._layout, self.size.height
        if self._answer is None or not height or not layout.reached(self._answer[1]):
            return
        line = layout.answer_line(*self._answer, height)
        if line is None:
            return
        self._answer = None
        self._put_line(line)
        self.scroll_to(y=max(0, min(line, layout.lines - height)), animate=False, force=True)

    def _follow_goto(self) -> None:
        self._follow_answer()
        if self._goto is None or not self._layout.reached(*self._goto):
            return
        index, offset = self._goto
        if self._layout.reveal(index):
            self._fit_content()
            self.refresh()
            if not self._layout.reached(index, offset):
                self._work()
                return
        self._goto = None
        if self._layout.is_folded(index) and offset:
            self._layout.toggle(index)
            self._fit_content()
        line = self._layout.line_of(index, offset)
        if self._with_cursor:
            self._put_line(line)
        elif not self.scroll_offset.y <= line < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, line - self.size.height // 3), animate=False, force=True)

    def _jump_to_end(self) -> None:
        if self._with_cursor:
            self._put_line(self._layout.lines - 1)
        else:
            self.scroll_to(y=max(0, self._layout.lines - self.size.height), animate=False, force=True)

    # Lines and scrolling.

    @property
    def _text_width(self) -> int:
        return max(8, self.scrollable_content_region.width - GUTTER)

    def _fit_content(self) -> None:
        size = Size(self.scrollable_content_region.width, self._layout.lines)
        if size != self.virtual_size:
            self.virtual_size = size

    def _scroll_lines(self, lines: int) -> None:
        last = max(0, self._layout.lines - self.size.height)
        self.scroll_to(y=max(0, min(last, self.scroll_offset.y + lines)), animate=False, force=True)

    def _put_line(self, line: int) -> None:
        line = max(0, min(line, self._layout.lines - 1))
        old, self._line = self._line, line
        before = self._current_index
        scrolled = self._scroll_to_line()
        self._notice_block()
        if scrolled:
            return
        if self._current_index != before:
            self.refresh()
        else:
            self._refresh_line(old)
            self._refresh_line(line)

    def _notice_block(self) -> None:
        index = self.block_index
        if index != self._current_index:
            self._current_index = index
            if index is not None and self._with_cursor:
                self.post_message(self.CursorMoved(self, index))

    def _scroll_to_line(self) -> bool:
        """Scroll so that a third of the pane is readable around the cursor; True if that moved it."""
        height = max(1, self.size.height)
        margin = height // 3
        top = self.scroll_offset.y
        wanted = max(min(top, self._line - margin), self._line - height + 1 + margin)
        wanted = max(0, min(wanted, self._layout.lines - height))
        if wanted == top:
            return False
        self.scroll_to(y=wanted, animate=False, force=True)
        return True

    def _refresh_line(self, line: int) -> None:
        y = line - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # Events.

    def on_resize(self, event: events.Resize) -> None:
        """Wrap again for the new width, with the same text at the top."""
        if self._text_width == self._layout.width:
            self._follow_answer()
            return
        answer = self._answer
        place = self._here
        offset = self._layout.span(place)[0] if place else 0
        self._layout = self._layout.rewrapped(self._text_width)
        self._layout.advance(lines=3 * max(24, event.size.height))
        self._fit_content()
        self._line = 0
        if place is not None and (place.index or offset):
            self.go_to_block(place.index, offset)
        if answer is not None:
            self.show_answer(*answer)
        self.refresh()
        self._work()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the clicked line; a click on a line that holds others or is folded opens or closes it."""
        line = self.scroll_offset.y + event.y
        if self._with_cursor and 0 <= line < self._layout.lines:
            place = self._layout.place(line)
            self._put_line(line)
            if event.chain == 1 and place is not None and place.line == 0:
                block = self._layout.block(place.index)
                if self._layout.is_folded(place.index) or block.holds:
                    self.toggle_fold()
