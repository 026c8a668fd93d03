"""Lines of styled text that scroll: what changed is drawn again, keys scroll while it has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from traceview.tui.actions import bindings
from traceview.tui.widgets.lines import Line, Part
from traceview.tui.widgets.segments import joined_blanks
from traceview.tui.widgets.styled_scroll import StyledScroll

PARTS = ("title", "dim", "faint", "accent", "good", "warning", "error", "machine")


class ScrollLines(StyledScroll, can_focus=True):
    """Shows lines that its owner wrapped to `content_size`; `Resized` says that there is another one."""

    PART_PREFIX = "scroll-lines--"
    PARTIAL_STYLES = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"scroll-lines--{part}" for part in PARTS}

    DEFAULT_CSS = """
    ScrollLines {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & .scroll-lines--title { color: $foreground; text-style: bold; }
        & .scroll-lines--dim { color: $dim; }
        & .scroll-lines--faint { color: $faint; }
        & .scroll-lines--accent { color: $text-primary; }
        & .scroll-lines--good { color: $text-success; }
        & .scroll-lines--warning { color: $text-warning; }
        & .scroll-lines--error { color: $text-error; }
        & .scroll-lines--machine { color: $text-secondary; text-style: italic; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("cursor_down", call="scroll_down"),
        *bindings("cursor_up", call="scroll_up"),
        *bindings("half_down", call="half(1)"),
        *bindings("half_up", call="half(-1)"),
        *bindings("page_down", call="page(1)"),
        *bindings("page_up", call="page(-1)"),
        *bindings("cursor_top", call="scroll_home"),
        *bindings("cursor_bottom", call="scroll_end"),
    ]

    class Resized(Message):
        """The pane has another size."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[tuple[Part, ...], ...] = ()

    @property
    def plain(self) -> str:
        """What is written in it, without styles."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: Sequence[Line], *, top: bool = False) -> None:
        """Replace the lines; of those in sight only the changed ones are drawn again."""
        old, new = self._lines, tuple(tuple(line) for line in lines)
        if top and self.scroll_offset.y:
            self.scroll_to(y=0, animate=False, force=True)
        if old == new:
            return
        self._lines = new
        # Another height lays the whole screen out anew: what fits has that of the pane.
        height = max(len(new), self.size.height)
        if height != self.virtual_size.height:
            self.virtual_size = Size(self.size.width, height)
        first, size = self.scroll_offset.y, self.size
        for y in range(first, first + size.height):
            before, after = (one[y] if y < len(one) else () for one in (old, new))
            if before != after:
                self.refresh(Region(0, y - first, size.width, 1))

    def on_resize(self, event: events.Resize) -> None:
        """Tell the owner."""
        self.post_message(self.Resized())

    def action_scroll_down(self) -> None:
        """One line down."""
        self._scroll(1)

    def action_scroll_up(self) -> None:
        """One line up."""
        self._scroll(-1)

    def action_half(self, direction: int) -> None:
        """Half a page."""
        self._scroll(direction * max(1, self.size.height // 2))

    def action_page(self, direction: int) -> None:
        """A page."""
        self._scroll(direction * self.size.height)

    def action_scroll_home(self) -> None:
        """To the first line."""
        self.scroll_to(y=0, animate=False, force=True)

    def action_scroll_end(self) -> None:
        """To the last line."""
        self._scroll(len(self._lines))

    def _scroll(self, lines: int) -> None:
        last = max(0, len(self._lines) - self.size.height)
        self.scroll_to(y=max(0, min(last, self.scroll_offset.y + lines)), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        at = y + self.scroll_offset.y
        line = self._lines[at] if at < len(self._lines) else ()
        segments = [Segment(text, self._style(part) if part else None) for text, part in line]
        strip = Strip(joined_blanks(segments)).crop_extend(0, self.size.width, None)
        return strip.apply_style(self._style("base"))
