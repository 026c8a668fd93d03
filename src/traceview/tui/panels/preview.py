"""The preview of a list: what the row under the cursor says, its whole texts as soon as they are read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import on

from traceview.tui.asking import Asking
from traceview.tui.rows import ListLevel, Row, preview_lines, row_id
from traceview.tui.widgets.scroll_lines import ScrollLines

if TYPE_CHECKING:
    from traceview.model.errors import TraceviewError
    from traceview.model.labels import TargetKind
    from traceview.store.interface import CancelToken, Engine

PREVIEW_PAUSE = 0.08
"""Seconds that the cursor rests on a row before the preview shows it: keys in a row paint only their rows."""
READ_PAUSE = 0.15
"""Seconds that reading may take before the beginnings stand in for the texts."""
TEXTS_KEPT = 32
LONGEST = 8_000
"""Characters of a text that are kept for the preview."""

READ_BYTES = 100_000
"""Bytes of a text above which only its beginning is read."""

Texts = tuple[str | None, str | None]
"""The beginnings of input and output."""


class RowPreview(ScrollLines, Asking):
    """Follows the cursor once it rests; texts are read in a worker, those of the neighbours ahead.

    Until they are there it shows the beginnings that the row has. With the focus it shows everything and scrolls.
    """

    def __init__(self, engine: Engine, level: ListLevel, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._engine = engine
        self._level: ListLevel = level
        self._row: Row | None = None
        self._ahead: Sequence[Row] = ()
        self._blind = False
        self._texts: OrderedDict[str, Texts] = OrderedDict()
        self._stale: set[str] = set()
        """Rows whose texts are read again when they are shown; until then the earlier ones stand for them."""
        self._asked_for = 0

    def forget(self) -> None:
        """Read texts again: the source has changed."""
        self._stale = set(self._texts)

    def follow(self, row: Row | None, ahead: Sequence[Row], *, blind: bool) -> None:
        """Show a row once the cursor has rested on it; `ahead` are rows that may come next."""
        self._asked_for += 1
        self.set_timer(PREVIEW_PAUSE, partial(self._rested, self._asked_for, row, ahead, blind))

    def _rested(self, asked_for: int, row: Row | None, ahead: Sequence[Row], blind: bool) -> None:
        if asked_for == self._asked_for:
            self.cursor_rests()
            self.show_row(row, ahead, blind=blind)

    def show_row(self, row: Row | None, ahead: Sequence[Row] = (), *, blind: bool) -> None:
        """Show a row now, and read its texts."""
        other = row is None or self._row is None or self._key(row) != self._key(self._row)
        self._row, self._ahead, self._blind = row, ahead, blind
        if row is None or not self.display or self._is_known(row):
            self._draw(top=other)
            self._read_ahead()
            return
        if not other:
            self._draw()
        self._read([row], self._take)
        # One picture, not two: the beginnings are shown only where the whole texts take their time.
        self.set_timer(READ_PAUSE, partial(self._show_beginnings, row))

    def _show_beginnings(self, row: Row) -> None:
        if row is self._row and self._key(row) not in self._texts:
            self._draw(top=True)

    def _read(self, rows: Sequence[Row], then: Callable[[dict[str, Texts]], object]) -> None:
        engine, level = self._engine, self._level

        def read(token: CancelToken) -> dict[str, Texts]:
            from traceview.store.whole_texts import whole_texts

            kind: TargetKind = "trace" if level == "traces" else "thread"
            found = whole_texts(engine, kind, rows, token, limit=READ_BYTES)
            return {
                row_id(level, row): (_cut(said), _cut(answered))
                for row, (said, answered) in zip(rows, found, strict=True)
            }

        self.ask("texts", read, then, failed=self._not_read)

    def _take(self, found: dict[str, Texts]) -> None:
        again = found.keys() <= self._texts.keys()
        self._keep(found)
        self._draw(top=not again)
        self._read_ahead()

    def _read_ahead(self) -> None:
        missing = [row for row in self._ahead if not self._is_known(row)]
        if missing and self.display:
            self._read(missing, self._keep)

    def _keep(self, found: dict[str, Texts]) -> None:
        self._texts.update(found)
        self._stale.difference_update(found)
        while len(self._texts) > TEXTS_KEPT:
            self._texts.popitem(last=False)

    def _not_read(self, error: TraceviewError) -> None:
        """Only the beginnings that the row has are shown: the list itself says what is wrong with the source."""
        self._draw()

    def _is_known(self, row: Row) -> bool:
        key = self._key(row)
        return key in self._texts and key not in self._stale

    def _key(self, row: Row) -> str:
        return row_id(self._level, row)

    def _draw(self, *, top: bool = False) -> None:
        size = self.content_size
        row = self._row
        if not size.width or row is None:
            self.show([], top=top)
            return
        texts = self._texts.get(self._key(row))
        if self._blind:
            row = {**row, "scores": {}, "models": (), "prompt_versions": ()}
        height = None if self.has_focus else size.height
        self.show(preview_lines(self._level, row, size.width, height, texts), top=top)

    def on_focus(self) -> None:
        """Show everything."""
        self._draw()

    def on_blur(self) -> None:
        """Show what fits."""
        self._draw(top=True)

    @on(ScrollLines.Resized)
    def wrap_anew(self, message: ScrollLines.Resized) -> None:
        """Wrap to the new width."""
        message.stop()
        self.show_row(self._row, self._ahead, blind=self._blind)


def _cut(text: str | None) -> str | None:
    """The beginning of a text, and how much more there is."""
    if text is None or len(text) <= LONGEST:
        return text
    least = "at least " if len(text) >= READ_BYTES else ""
    return f"{text[:LONGEST]}\n… {least}{len(text) - LONGEST:,} characters more"
