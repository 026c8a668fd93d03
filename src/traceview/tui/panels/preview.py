"""The preview beside a list: what the row under the cursor says."""

from __future__ import annotations

from traceview.tui.rows import ListLevel, Row, preview_lines
from traceview.tui.widgets.lines import Pane


class RowPreview(Pane):
    """Wraps the lines of one row to its size; `blind` leaves out what others said, models and versions."""

    def __init__(self, level: ListLevel, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._level: ListLevel = level

    def show_row(self, row: Row | None, *, blind: bool) -> None:
        """Show a row, or that it is on its way."""
        size = self.content_size
        if not size.width:
            self.show([])
            return
        if row is not None and blind:
            row = {**row, "scores": {}, "models": (), "prompt_versions": ()}
        self.show(preview_lines(self._level, row, size.width, size.height))
