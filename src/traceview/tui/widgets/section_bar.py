"""The names of the sections of what is shown below, the current one marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.message import Message

from traceview.text.cells import width
from traceview.tui.widgets.lines import Lines, Part


class SectionBar(Lines):
    """One line of section names; those left of the current one give way when there is no room."""

    DEFAULT_CSS = """
    SectionBar { height: 1; background: $surface; }
    """

    class Chosen(Message):
        """A section was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: tuple[str, ...] = ()
        self._current: str | None = None
        self._counts: dict[str, int | None] = {}
        self._spots: list[tuple[int, int, str]] = []

    def set_sections(
        self, names: Sequence[str], current: str | None, counts: Mapping[str, int | None] | None = None
    ) -> None:
        """Show these names, with how much is in each where that is known."""
        self._names, self._current = tuple(names), current
        self._counts = dict(counts or {})
        self._fit()

    def on_resize(self) -> None:
        """Fit the names into the new width."""
        self._fit()

    def on_click(self, event: events.Click) -> None:
        """Choose the section under the pointer."""
        for start, end, name in self._spots:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

    def _fit(self) -> None:
        room = self.size.width
        names = list(self._names)
        while (
            len(names) > 1
            and sum(width(name) + width(self._count(name)) + 2 for name in names) + 2 > room
            and names[0] != self._current
        ):
            names.pop(0)
        parts: list[Part] = [(" ‹" if len(names) < len(self._names) else "  ", "faint")]
        position = 2
        self._spots = []
        for name in names:
            count = self._count(name)
            cells = width(name) + width(count)
            self._spots.append((position, position + cells, name))
            parts += [(name, "on" if name == self._current else "dim"), (count, "faint"), ("  ", None)]
            position += cells + 2
        self.show([parts])

    def _count(self, name: str) -> str:
        count = self._counts.get(name)
        return "" if count is None else f" {count:,}"
