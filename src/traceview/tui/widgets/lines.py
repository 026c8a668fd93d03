"""Lines of styled text that redraw only what changed: bars of one line, and panes of some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from traceview.text.cells import truncate, width
from traceview.text.wrap import wrap
from traceview.tui.widgets.segments import joined_blanks

Part = tuple[str, str | None]
"""A text that is safe to draw on one line, and the part of the style it is drawn in (None: plain)."""
Line = Sequence[Part]


class Lines(Widget):
    """A block of lines, cut at the width of the pane."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--title",
        "lines--dim",
        "lines--faint",
        "lines--key",
        "lines--accent",
        "lines--good",
        "lines--warning",
        "lines--error",
        "lines--on",
    }

    DEFAULT_CSS = """
    Lines {
        height: 1;
        & .lines--title { color: $foreground; text-style: bold; }
        & .lines--dim { color: $dim; }
        & .lines--faint { color: $faint; }
        & .lines--key { color: $text-primary; text-style: bold; }
        & .lines--accent { color: $text-primary; }
        & .lines--good { color: $text-success; }
        & .lines--warning { color: $text-warning; }
        & .lines--error { color: $text-error; }
        & .lines--on { color: $text-primary; text-style: bold underline; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._style_of: dict[str, Style] = {}

    @property
    def plain(self) -> str:
        """What is written on it, without styles."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines)

    def show(self, lines: Sequence[Line]) -> None:
        """Replace the lines; only those that differ are drawn again."""
        old, new = self._lines, tuple(tuple(line) for line in lines)
        if old == new:
            return
        self._lines = new
        changed = []
        for y in range(min(max(len(old), len(new)), self.size.height)):
            before, after = (lines[y] if y < len(lines) else () for lines in (old, new))
            if before != after:
                cells = min(self.size.width, max(line_width(before), line_width(after)))
                changed.append(Region(0, y, cells, 1))
        if changed:
            self.refresh(*changed)

    def notify_style_update(self) -> None:
        """Forget cached styles when the theme changes."""
        self._style_of.clear()
        super().notify_style_update()

    def _style(self, part: str) -> Style:
        style = self._style_of.get(part)
        if style is None:
            style = (
                self.rich_style
                if part == "base"
                else self.get_component_rich_style(f"lines--{part}", partial=True)
            )
            self._style_of[part] = style
        return style

    def render_line(self, y: int) -> Strip:
        """One line of the pane."""
        line = self._lines[y] if y < len(self._lines) else ()
        segments = [Segment(text, self._style(part) if part else None) for text, part in line]
        width_now = self.size.width
        blank = Segment(" " * max(0, width_now - line_width(line)))
        strip = Strip(joined_blanks([*segments, blank])).crop(0, width_now)
        return strip.apply_style(self._style("base"))


class Pane(Lines):
    """A block of lines whose owner wraps them: it is told when there is another size to wrap to."""

    class Resized(Message):
        """The pane has another size."""

    def on_resize(self) -> None:
        """Tell the owner."""
        self.post_message(self.Resized())


class Bar(Lines):
    """One line with something on the left and something on the right; the left gives way."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._left: Line = ()
        self._right: Line = ()
        self._facts: Sequence[Line] = ()

    def say(self, left: Line, right: Line = ()) -> None:
        """Show both sides."""
        self._left, self._right, self._facts = tuple(left), tuple(right), ()
        self._fit()

    def say_facts(self, facts: Sequence[Line], right: Line = ()) -> None:
        """Show facts side by side, as many as there is room for: none of them is cut, unless it is the only one."""
        self._left, self._right, self._facts = (), tuple(right), tuple(facts)
        self._fit()

    def on_resize(self) -> None:
        """Fit both sides into the new width."""
        self._fit()

    def _fit(self) -> None:
        room = self.size.width
        if room <= 0:
            return
        left, right = self._left, list(self._right)
        if self._facts:
            left = side_by_side(self._facts, max(room // 2, room - line_width(right) - 1))
        gap = 1 if right and left else 0
        if line_width(right) > room // 2 and line_width(left) + gap + line_width(right) > room:
            right = cut(right, max(room // 2, room - line_width(left) - gap))
        left = cut(left, room - line_width(right) - gap)
        blank = room - line_width(left) - line_width(right)
        self.show([[*left, (" " * blank, None), *right]])


def line_width(line: Line) -> int:
    """The cells of a line."""
    return sum(width(text) for text, _ in line)


def side_by_side(facts: Sequence[Line], cells: int) -> list[Part]:
    """The first facts that fit into so many cells, two blanks between them and one before; at least one."""
    line: list[Part] = []
    for fact in facts:
        parts: list[Part] = [("  " if line else " ", None), *fact]
        if line and line_width(line) + line_width(parts) > cells:
            break
        line += parts
    return line


def cut(line: Line, cells: int) -> list[Part]:
    """The line in at most so many cells, ended by an ellipsis where it was cut."""
    kept: list[Part] = []
    for text, part in line:
        size = width(text)
        if size > cells:
            if cells > 0:
                kept.append((truncate(text, cells), part))
            break
        kept.append((text, part))
        cells -= size
    return kept


def wrapped(text: str, cells: int, part: str | None = None, limit: int | None = None) -> list[list[Part]]:
    """A text that is safe to draw, wrapped to lines; with `limit`, the last of so many ends in an ellipsis."""
    lines: list[list[Part]] = []
    for start, end in wrap(text, max(1, cells)):
        if limit is not None and len(lines) == limit:
            last = lines[-1][0][0]
            lines[-1] = [(truncate(last, max(1, cells - 1)).rstrip("… ") + "…", part)]
            break
        lines.append([(text[start:end].rstrip("\n"), part)])
    return lines
