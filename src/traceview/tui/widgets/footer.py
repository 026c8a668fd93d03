"""The footer: the most useful keys of what has the focus, as many as fit, and how many did not."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.text.cells import width
from traceview.tui.widgets.lines import Lines, Part, line_width

Hint = tuple[str, str]
GAP = 2


class KeyFooter(Lines):
    """Shows `(key, title)` hints in order of use on one line; `more` is the key that shows the others."""

    DEFAULT_CSS = """
    KeyFooter { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self, hints: Sequence[Hint], *, more: str = "?", id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints = tuple(hints)
        self._more = more

    def set_hints(self, hints: Sequence[Hint]) -> None:
        """Show other hints."""
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            self._fit()

    def on_resize(self) -> None:
        """Show as many hints as fit now."""
        self._fit()

    def _fit(self) -> None:
        self.show([footer_line(self._hints, self._more, self.size.width)])


def footer_line(hints: Sequence[Hint], more: str, cells: int) -> list[Part]:
    """The hints that fit into the cells, then how many more there are: `Enter open  f filter      +7 ?`."""
    sizes = [width(key) + 1 + width(title) for key, title in hints]
    rest: list[Part] = [(more, "key"), (" help", "dim")]
    count = len(hints)
    while sum(sizes[:count]) + GAP * count + line_width(rest) > cells and count:
        count -= 1
        rest = [(f"+{len(hints) - count} ", "dim"), (more, "key")]
    line: list[Part] = []
    for key, title in hints[:count]:
        line += [(key, "key"), (f" {title}" + " " * GAP, "dim")]
    blank = cells - line_width(line) - line_width(rest)
    return [*line, (" " * max(0, blank), None), *rest] if blank >= 0 else []
