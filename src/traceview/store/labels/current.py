"""The rule of what is current, in Python: the twin of the SQL view, for rows that are in memory."""

from __future__ import annotations

from collections.abc import Iterable

from traceview.model.labels import LabelRow, ScoreSource, Target

LabelKey = tuple[Target, str, ScoreSource, str]
"""What has one current value: target, definition name, source, annotator."""


def key_of(row: LabelRow) -> LabelKey:
    """The key whose value the row says."""
    return row.target, row.name, row.source, row.annotator


def current_rows(rows: Iterable[LabelRow]) -> list[LabelRow]:
    """Per key the last row by (created_at, id) that is not undone, unless it clears the value; oldest first.

    A row is undone if the last undo or redo that refers to it is an undo.
    """
    ordered = sorted(rows, key=_place)
    undone = {row.ref: row.op == "undo" for row in ordered if row.op in ("undo", "redo")}
    last = {key_of(row): row for row in ordered if row.op in ("set", "clear") and not undone.get(row.id)}
    return sorted((row for row in last.values() if row.op == "set"), key=_place)


def _place(row: LabelRow) -> tuple[str, str]:
    return row.created_at, row.id
