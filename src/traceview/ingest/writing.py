"""Spans into the parts of a store: held until a part is full, without what the store has already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from traceview.ingest.directory import StoreDirectory
from traceview.ingest.report import ImportReport
from traceview.sources.base import CanonicalRow
from traceview.sources.parts import (
    BATCH_ROWS,
    PART_BYTES,
    ROW_GROUP_ROWS,
    no_space,
    table_of,
    taken,
    weight,
    write_table,
)
from traceview.sources.stored import Stored

if TYPE_CHECKING:
    import pyarrow as pa


class SpanWriter:
    """Writes spans into a store, and counts them in a report.

    What is added is in the store once a part is full, or after `flush`; memory: what a part holds.
    """

    def __init__(self, store: StoreDirectory, stored: Stored, report: ImportReport) -> None:
        self._store = store
        self._stored = stored
        self._report = report
        self._rows: list[CanonicalRow] = []
        self._tables: list[pa.Table] = []
        self._held = 0
        self._bytes = 0
        self._waiting: list[Callable[[], object]] = []

    def add_rows(self, rows: Sequence[CanonicalRow]) -> None:
        """Take canonical rows. Raises BadInput if the disk is full."""
        for row in rows:
            self._rows.append(row)
            if len(self._rows) >= BATCH_ROWS:
                self._take_rows()
            self._grow(1, weight(row))

    def add_table(self, table: pa.Table) -> None:
        """Take rows of the canonical schema. Raises BadInput if the disk is full."""
        self._take_rows()
        self._tables.append(table)
        self._grow(table.num_rows, table.nbytes)

    def when_written(self, call: Callable[[], object]) -> None:
        """Call something as soon as everything that was added so far is in the store."""
        if self._held:
            self._waiting.append(call)
        else:
            call()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa

        if not self._held:
            return
        self._take_rows()
        table = pa.concat_tables(self._tables)
        self._tables, self._held, self._bytes = [], 0, 0
        sifted = self._stored.sift(table)
        columns = table.columns
        del table
        if len(sifted.rows):
            try:
                part = self._store.publish(lambda path: write_table(taken(columns, sifted.rows), path))
            except OSError as error:
                raise no_space(self._store.path, error, store=True) from error
            self._report.parts += 1
            self._stored.add(part)
        self._report.spans += len(sifted.rows)
        self._report.changed += sifted.changed
        self._report.already += sifted.already
        self._report.repeated += sifted.repeated
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def _grow(self, rows: int, size: int) -> None:
        self._held += rows
        self._bytes += size
        if self._held >= ROW_GROUP_ROWS or self._bytes >= PART_BYTES:
            self.flush()

    def _take_rows(self) -> None:
        if self._rows:
            self._tables.append(table_of(self._rows))
            self._rows = []
