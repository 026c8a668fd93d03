"""The footer: the most useful keys of the screen, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.text.cells import width
from traceview.tui.widgets.lines import Lines, Part


class KeyFooter(Lines):
    """Shows `(key, title)` hints in order of use; what does not fit stays in the help."""

    DEFAULT_CSS = """
    KeyFooter { height: 1; background: $panel; padding: 0 1; }
    """

    def __init__(self, hints: Sequence[tuple[str, str]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hints = tuple(hints)

    def set_hints(self, hints: Sequence[tuple[str, str]]) -> None:
        """Show other hints."""
        self._hints = tuple(hints)
        self._fit()

    def on_resize(self) -> None:
        """Show as many hints as fit now."""
        self._fit()

    def _fit(self) -> None:
        room = self.size.width
        line: list[Part] = []
        for key, title in self._hints:
            size = width(key) + 1 + width(title) + (2 if line else 0)
            if size > room:
                break
            if line:
                line.append(("  ", None))
            line += [(key, "key"), (f" {title}", "dim")]
            room -= size
        self.show([line])
