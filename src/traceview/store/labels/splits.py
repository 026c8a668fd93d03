"""Splits of threads and looks at them in the label file: added and read, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from traceview.model.splits import Assignment, Look
from traceview.store.labels import rows as codec
from traceview.store.labels import schema
from traceview.store.labels.added import insertions, merge_added
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

_INSERTS = insertions(schema.SPLIT_TABLES)
_SELECT = f"SELECT {schema.SPLIT_TABLES['splits']} FROM splits ORDER BY created_at, id"

Group = tuple[str | None, str | None]
"""A thread's id, or None and the id of a trace that is in no thread."""


def assignments(store: LabelStore) -> dict[Group, Assignment]:
    """The split of every thread that has one: the earliest, where files that were merged had two."""
    with store.reading() as connection:
        return _first_of_each(connection.execute(_SELECT))


def assign(
    store: LabelStore, choose: Callable[[Mapping[Group, Assignment]], Iterable[Assignment]]
) -> dict[Group, Assignment]:
    """Write what `choose` gives, told all that there is, in one transaction; the splits of all threads after it.

    What it gives to a thread that has a split already is left out. Raises Unsaved.
    """

    def job(transaction: WriteTransaction) -> dict[Group, Assignment]:
        connection = transaction.connection
        known = _first_of_each(connection.execute(_SELECT))
        now = codec.now()
        for one in choose(known):
            group = one.thread_id, one.trace_id
            if group not in known:
                stored = Assignment(*group, one.split, one.name, one.value, uuid7(), now)
                connection.execute(
                    _INSERTS["splits"], (stored.id, *group, one.split, one.name, one.value, now)
                )
                known[group] = stored
        return known

    return store.transact(job).result()


def add_look(store: LabelStore, look: Look) -> None:
    """Note that somebody looked. Raises Unsaved."""

    def job(transaction: WriteTransaction) -> None:
        row = (uuid7(), look.judge, look.judge_hash, look.split, look.annotator, look.items, codec.now())
        transaction.connection.execute(_INSERTS["looks"], row)

    store.transact(job).result()


def looks(store: LabelStore, judge: str | None = None) -> tuple[Look, ...]:
    """Every look (at the figures of one judge, whichever version), the oldest first."""
    condition, given = ("WHERE judge = ?", (judge,)) if judge is not None else ("", ())
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {schema.SPLIT_TABLES['looks']} FROM looks {condition} ORDER BY created_at, id", given
        ).fetchall()
    return tuple(
        Look(name, judge_hash, split, annotator, items, id, created_at)
        for id, name, judge_hash, split, annotator, items, created_at in rows
    )


def merge_splits(store: LabelStore, other: Path) -> int:
    """Add the splits and looks of another label file that are not there yet; how many splits. Raises Unsaved.

    A thread that both files had put into a split is in the one where it was put first, whichever file is merged.
    """
    return merge_added(store, other, schema.SPLIT_TABLES, "splits")


def _first_of_each(rows: Iterable[tuple[Any, ...]]) -> dict[Group, Assignment]:
    found: dict[Group, Assignment] = {}
    for id, thread_id, trace_id, split, name, value, created_at in rows:
        one = Assignment(thread_id, trace_id, split, name, value, id, created_at)
        found.setdefault((thread_id, trace_id), one)
    return found
