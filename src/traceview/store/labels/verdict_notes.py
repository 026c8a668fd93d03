"""Notes on verdicts of judges in the label file: added and read, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from traceview.model.labels import LabelRow, Target
from traceview.model.verdict_notes import VerdictNote
from traceview.store.labels import rows as codec
from traceview.store.labels import schema
from traceview.store.labels.added import insertions, merge_added
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

_INSERT = insertions(schema.NOTE_TABLES)["verdict_notes"]
_COLUMNS = schema.NOTE_TABLES["verdict_notes"]
_STANDS = """
NOT (kind = 'human_wrong' AND EXISTS (
  SELECT 1 FROM labels AS done
  WHERE done.target_id = verdict_notes.target_id AND done.action_id = verdict_notes.id AND (
    SELECT later.op FROM labels AS later WHERE later.ref = done.id
    ORDER BY later.created_at DESC, later.id DESC LIMIT 1
  ) = 'undo'
))
"""
"""Whether the label that was given with a note was not undone."""


def add_note(store: LabelStore, note: VerdictNote, labels: Sequence[LabelRow] = ()) -> None:
    """Write a note, and the labels that it is about with it: all of them or nothing.

    A note whose id is the action of such labels holds as long as they are not undone. Raises Unsaved, and BadInput for
    what cannot be stored.
    """
    target = codec.normal_target(note.target)
    codec.check_text(note.text)

    def job(transaction: WriteTransaction) -> None:
        if labels:
            transaction.append(labels)
        transaction.connection.execute(
            _INSERT,
            (
                note.id or uuid7(),
                note.judge,
                note.judge_hash,
                note.metric,
                note.definition_hash,
                target.kind,
                target.id,
                target.trace_id,
                note.kind,
                note.text,
                note.annotator,
                codec.now(),
            ),
        )

    store.transact(job).result()


def notes(store: LabelStore, judge: str | None = None) -> tuple[VerdictNote, ...]:
    """Every note (on one judge) that was not taken back, the oldest first."""
    condition, given = ("judge = ?", (judge,)) if judge is not None else ("true", ())
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM verdict_notes WHERE {condition} AND {_STANDS} ORDER BY created_at, id",
            given,
        ).fetchall()
    return tuple(map(_note, rows))


def merge_notes(store: LabelStore, other: Path) -> int:
    """Add the notes of another label file that are not there yet; how many. Raises Unsaved."""
    return merge_added(store, other, schema.NOTE_TABLES, "verdict_notes")


def _note(row: tuple[Any, ...]) -> VerdictNote:
    id, judge, judge_hash, metric, definition_hash, kind, target_id, trace_id, what, text, who, time = row
    target = Target(kind, target_id, trace_id)
    return VerdictNote(judge, judge_hash, metric, target, what, text, who, definition_hash, id, time)
