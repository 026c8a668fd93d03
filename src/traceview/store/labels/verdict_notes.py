"""Notes on verdicts of judges in the label file: added and read, never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from traceview.model.labels import Target
from traceview.model.verdict_notes import VerdictNote
from traceview.store.labels import rows as codec
from traceview.store.labels import schema
from traceview.store.labels.added import insertions, merge_added
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

_INSERT = insertions(schema.NOTE_TABLES)["verdict_notes"]
_COLUMNS = schema.NOTE_TABLES["verdict_notes"]


def add_note(store: LabelStore, note: VerdictNote) -> None:
    """Write a note. Raises Unsaved, and BadInput for a target or a text that cannot be stored."""
    target = codec.normal_target(note.target)
    codec.check_text(note.text)

    def job(transaction: WriteTransaction) -> None:
        transaction.connection.execute(
            _INSERT,
            (
                uuid7(),
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
    """Every note (on one judge), the oldest first."""
    condition, given = ("WHERE judge = ?", (judge,)) if judge is not None else ("", ())
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM verdict_notes {condition} ORDER BY created_at, id", given
        ).fetchall()
    return tuple(map(_note, rows))


def merge_notes(store: LabelStore, other: Path) -> int:
    """Add the notes of another label file that are not there yet; how many. Raises Unsaved."""
    return merge_added(store, other, schema.NOTE_TABLES, "verdict_notes")


def _note(row: tuple[Any, ...]) -> VerdictNote:
    id, judge, judge_hash, metric, definition_hash, kind, target_id, trace_id, what, text, who, time = row
    target = Target(kind, target_id, trace_id)
    return VerdictNote(judge, judge_hash, metric, target, what, text, who, definition_hash, id, time)
