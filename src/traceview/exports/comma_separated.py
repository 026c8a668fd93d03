"""CSV: a column per field and per score; texts that a spreadsheet would run as formulas are neutralised."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from traceview.exports.content import CONTENT_COLUMNS, ExportItem, Labels, ScoreColumn, key_of

GUARD = "'"
GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", GUARD)
"""What a text may not begin with: the starts of formulas, and the guard itself, so that it can be taken off again."""


def neutralise(text: str) -> str:
    """The text with one apostrophe before it if a spreadsheet could run it; `restore` takes it off."""
    return GUARD + text if text.startswith(GUARDED) else text


def restore(cell: str) -> str:
    """The text that `neutralise` was given."""
    return cell.removeprefix(GUARD)


class Writer:
    """UTF-8, comma, quotes doubled, CRLF between rows, line breaks of texts as they are."""

    notes: Sequence[str] = (
        "a text that begins with = + - @ (also full-width), a tab, a line break or an apostrophe has one apostrophe "
        "before it; take the first apostrophe of a cell off to get the text",
        "a column with values of several types holds them as JSON (its field is value_json)",
        "lists are JSON arrays; true and false; does not apply is the text n/a; an empty cell is null or empty",
    )

    def __init__(self, path: Path, labels: Labels) -> None:
        self.columns: Sequence[ScoreColumn] = labels.columns(typed=False)
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow([*CONTENT_COLUMNS, *(column.name for column in self.columns)])

    def write(self, batch: Sequence[ExportItem]) -> None:
        """Append a batch."""
        for item in batch:
            by_key = {key_of(row): row for row in item.labels}
            cells = [_cell(value) for value in item.content.values()]
            for column in self.columns:
                row = by_key.get(column.key)
                cells.append("" if row is None else _cell(column.of(row)))
            self._writer.writerow(cells)

    def finish(self, metadata: Mapping[str, Any]) -> None:
        """The metadata is in the file beside."""
        self._stream.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return neutralise(value) if isinstance(value, str) else repr(value)
