"""A copy of a label file as it was at one of its rows, or without what was overruled: for filters to be asked of."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from traceview.store.labels import connect
from traceview.store.labels.current import LabelKey
from traceview.store.labels.errors import unsaved
from traceview.store.labels.store import LabelStore


class LabelState(Struct, frozen=True):
    """How far a label file has come: its newest row's number, how many rows that are, a digest of all their ids."""

    last_row: int
    rows: int
    ids_sha256: str


def state_of(store: LabelStore) -> LabelState:
    """The state of a label file now."""
    with store.reading() as connection:
        last = int(connection.execute("SELECT coalesce(max(seq), 0) FROM labels").fetchone()[0])
        ids = [row[0] for row in connection.execute("SELECT id FROM labels ORDER BY id")]
    return LabelState(last, len(ids), sha256("\n".join(ids).encode()).hexdigest())


def frozen_copy(
    store: LabelStore, path: Path, *, through: int | None = None, without: Collection[LabelKey] = ()
) -> LabelStore:
    """Copy a label file to `path`, without rows after number `through` and without the keys that are given.

    The copy is opened; whoever asks for it closes and removes it. Raises BadInput.
    """
    store.backup(path)
    try:
        connection = connect.connect(path, writing=True)
        try:
            _cut(connection, through, without)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise unsaved(error, path) from error
    return LabelStore.open(path)


def _cut(connection: sqlite3.Connection, through: int | None, without: Collection[LabelKey]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DROP TRIGGER IF EXISTS labels_never_go")
    if through is not None:
        connection.execute("DELETE FROM labels WHERE seq > ?", (through,))
    connection.executemany(
        """
        DELETE FROM labels WHERE target_kind = ? AND target_id = ? AND trace_id IS ? AND name = ? AND source = ?
        AND annotator = ?
        """,
        [
            (target.kind, target.id, target.trace_id, name, source, annotator)
            for target, name, source, annotator in without
        ],
    )
    connection.execute("COMMIT")
