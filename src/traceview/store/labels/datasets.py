"""Data sets in the label file: added, listed, read; no version of them is ever changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from traceview.model.datasets import DatasetItem, DatasetVersion
from traceview.model.labels import LabelRow, Target
from traceview.store.labels import rows as codec
from traceview.store.labels import schema
from traceview.store.labels.added import insertions, merge_added
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction

_INSERTS = insertions(schema.DATASET_TABLES)
_IDS_PER_QUERY = 500


def add_version(store: LabelStore, version: DatasetVersion, items: Sequence[DatasetItem]) -> DatasetVersion:
    """Write the next version of a data set in one transaction; as stored, with id, number and time. Raises Unsaved."""

    def job(transaction: WriteTransaction) -> DatasetVersion:
        # Asked for here, where nobody else can be at it.
        last = transaction.connection.execute(
            "SELECT coalesce(max(version), 0) FROM datasets WHERE name = ?", (version.name,)
        ).fetchone()[0]
        stored = replace(version, id=uuid7(), version=last + 1, created_at=codec.now(), size=len(items))
        transaction.connection.execute(_INSERTS["datasets"], _version_row(stored))
        transaction.connection.executemany(
            _INSERTS["dataset_items"],
            [_item_row(stored.id, position, item) for position, item in enumerate(items)],
        )
        return stored

    return store.transact(job).result()


def versions(store: LabelStore) -> tuple[DatasetVersion, ...]:
    """Every version of every data set, by name and number."""
    columns = schema.DATASET_TABLES["datasets"]
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM datasets ORDER BY name, version, created_at, id"
        ).fetchall()
    return tuple(DatasetVersion(*row) for row in rows)


def items(store: LabelStore, dataset: str) -> tuple[DatasetItem, ...]:
    """The items of a version (by its id) in order."""
    columns = schema.DATASET_TABLES["dataset_items"]
    with store.reading() as connection:
        rows = connection.execute(
            f"SELECT {columns} FROM dataset_items WHERE dataset = ? ORDER BY position", (dataset,)
        ).fetchall()
    return tuple(map(_item, rows))


def rows_by_id(store: LabelStore, ids: Collection[str]) -> dict[str, LabelRow]:
    """The label rows with these ids, whatever is current now."""
    wanted = sorted(set(ids))
    found: dict[str, LabelRow] = {}
    with store.reading() as connection:
        for start in range(0, len(wanted), _IDS_PER_QUERY):
            part = wanted[start : start + _IDS_PER_QUERY]
            among = ", ".join("?" * len(part))
            for row in connection.execute(f"SELECT {schema.COLUMNS} FROM labels WHERE id IN ({among})", part):
                label = codec.from_db(row)
                found[label.id] = label
    return found


def merge_datasets(store: LabelStore, other: Path) -> int:
    """Add the versions of another label file that are not there yet; how many. `other` is only read.

    Two versions of one name and number, made apart, both stay: they are told apart by their ids. Raises Unsaved.
    """
    return merge_added(store, other, schema.DATASET_TABLES, "datasets")


def _version_row(version: DatasetVersion) -> tuple[Any, ...]:
    return (
        version.id,
        version.name,
        version.version,
        version.annotator,
        version.created_at,
        version.note,
        version.filter,
        version.split,
        version.seed,
        version.source,
        version.size,
    )


def _item_row(dataset: str, position: int, item: DatasetItem) -> tuple[Any, ...]:
    target = codec.normal_target(item.target) if item.target is not None else None
    place = (target.kind, target.id, target.trace_id) if target is not None else (None, None, None)
    return (
        dataset,
        position,
        item.id,
        item.origin,
        *place,
        item.split,
        json.dumps(list(item.labels)),
        item.content_hash,
        item.input,
        item.expected,
        int(item.must_pass),
    )


def _item(row: tuple[Any, ...]) -> DatasetItem:
    _, _, item, origin, kind, target_id, trace_id, split, labels, content_hash, input_, expected, must = row
    target = Target(kind, target_id, trace_id) if kind is not None else None
    return DatasetItem(
        item, origin, target, split, tuple(json.loads(labels)), content_hash, input_, expected, bool(must)
    )
