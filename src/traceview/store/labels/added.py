"""Tables beside the labels whose rows are only ever added: how they are written and merged."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from traceview.store.labels.store import LabelStore
from traceview.store.labels.writer import WriteTransaction


def insertions(tables: Mapping[str, str]) -> dict[str, str]:
    """The statement that adds a row to each of the tables, given as name and columns."""
    return {
        table: f"INSERT INTO main.{table} ({columns}) VALUES ({', '.join('?' * (columns.count(',') + 1))})"
        for table, columns in tables.items()
    }


def merge_added(store: LabelStore, other: Path, tables: Mapping[str, str], counted: str) -> int:
    """Add the rows of the tables of another label file that are not there yet; how many came into `counted`.

    `other` is only read. Raises Unsaved, BadInput.
    """
    other_store = LabelStore.open(other, readonly=True)
    try:
        found: dict[str, list[tuple[Any, ...]]] = {}
        with other_store.reading() as connection:
            for table, columns in tables.items():
                found[table] = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
    finally:
        other_store.close()

    def job(transaction: WriteTransaction) -> int:
        connection = transaction.connection
        before = _count(connection, counted)
        for table, statement in insertions(tables).items():
            connection.executemany(statement.replace("INSERT INTO", "INSERT OR IGNORE INTO"), found[table])
        return _count(connection, counted) - before

    return store.transact(job).result() if any(found.values()) else 0


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM main.{table}").fetchone()[0])
