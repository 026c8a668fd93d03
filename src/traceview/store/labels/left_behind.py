"""Rows that stand in a label file of earlier and not in the one in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from traceview.store.labels import connect
from traceview.store.labels.store import LabelStore

AT_ONCE = 500
"""Ids that one question holds."""


def count_left_behind(store: LabelStore, earlier: Path) -> int:
    """How many rows of labels another file has that this one lacks; 0 where it cannot be read."""
    try:
        with closing(connect.connect(earlier, mode="ro")) as connection:
            ids = [id for (id,) in connection.execute("SELECT id FROM labels")]
    except sqlite3.Error:
        return 0
    known = 0
    with store.reading() as connection:
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            marks = ", ".join("?" * len(some))
            (found,) = connection.execute(
                f"SELECT count(*) FROM labels WHERE id IN ({marks})", some
            ).fetchone()
            known += found
    return len(ids) - known
