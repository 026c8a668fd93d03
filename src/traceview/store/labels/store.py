"""The label store: rows that are only ever added, in one SQLite file that any number of processes write."""

from __future__ import annotations

import atexit
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from traceview.files.atomic import replacing
from traceview.files.dirs import expanded
from traceview.files.replaceable import is_database
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, ScoreSource, Target
from traceview.store.labels import connect, schema
from traceview.store.labels import rows as codec
from traceview.store.labels.current import LabelKey, key_of
from traceview.store.labels.errors import unreadable, unsaved
from traceview.store.labels.reading import Readers
from traceview.store.labels.writer import Writer, WriteTransaction

Result = TypeVar("Result")
_IDS_PER_QUERY = 500
_KEYS_PER_QUERY = 2_000
_OF_TARGET = "target_id = ? AND target_kind = ? AND trace_id IS ?"


class CurrentChanges(Struct, frozen=True):
    """What changed among the current rows: `rows` are current now, `gone` have no value any more."""

    last_seq: int
    rows: tuple[LabelRow, ...]
    gone: tuple[LabelKey, ...]


class LabelCounts(Struct, frozen=True):
    """Rows in all, current rows, and targets with a current row."""

    rows: int
    current: int
    targets: int


class LabelStore:
    """One label file, and a read-only one beneath it. Methods may be called from any thread."""

    def __init__(self, path: Path, readers: Readers, writer: Writer | None) -> None:
        self.path = path
        self._readers = readers
        self._writer = writer
        if writer is not None:
            atexit.register(writer.close)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        readonly: bool = False,
        base: Path | None = None,
        on_wait: Callable[[int], object] | None = None,
    ) -> LabelStore:
        """Open a label file; it is created by the first write, so a missing one is empty.

        `base` is another label file that is only read and merged in memory. An older file is brought up to date,
        with a backup first. `on_wait` is called from a thread, with the process that holds the write lock (0 if it
        is not known which), when a write waits for it longer than two seconds. Raises BadInput if a file is no label
        store, is damaged or comes from a newer version.
        """
        path = expanded(path).absolute()
        for file in (path, base):
            if file is not None and file.is_dir():
                raise BadInput(f"{file} is a directory, not a label file")
            if file is not None and file.exists() and not file.is_file():
                raise BadInput(f"{file} is a pipe or a device, not a label file")
        try:
            readers = Readers(path, readonly=readonly, base=base)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise unreadable(error, base or path) from error
        writer = None if readonly else Writer(path, readers.merge_base, on_wait)
        store = cls(path, readers, writer)
        try:
            if writer is not None and _is_outdated(path):
                writer.submit(lambda _: None).result()
            store.last_seq()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def readonly(self) -> bool:
        """True if nothing can be appended."""
        return self._writer is None

    @property
    def notice(self) -> str | None:
        """Why nothing can be written now although the rows can be read; None if that is not known."""
        return self._readers.notice

    def take_restored(self) -> str | None:
        """Once after it happened: that the label file was removed and was written again, in words."""
        return None if self._writer is None else self._writer.take_restored()

    def append(self, rows: Sequence[LabelRow]) -> Future[tuple[LabelRow, ...]]:
        """Queue rows for the writer thread, in order; the future is done after COMMIT, with the rows as stored.

        A row with an empty `id` or `created_at` gets one. The future raises Unsaved (a BadInput) if nothing was
        kept, and BadInput for a row that cannot be stored.
        """
        return self.transact(lambda transaction: transaction.append(rows))

    def append_now(self, rows: Sequence[LabelRow]) -> tuple[LabelRow, ...]:
        """`append`, waiting for the commit."""
        return self.append(rows).result()

    def transact(self, job: Callable[[WriteTransaction], Result]) -> Future[Result]:
        """Queue a job that reads and appends in one transaction, in the writer thread; done after COMMIT."""
        if self._writer is None:
            raise BadInput(f"{self.path} was opened for reading only")
        return self._writer.submit(job)

    def waiting_for(self, after: float = 2.0) -> int | None:
        """The process that holds the write lock while a write of ours waits longer than `after` seconds.

        0 if it is not known which; None if nothing waits that long.
        """
        return None if self._writer is None else self._writer.lock.waiting_for(after)

    def current(
        self,
        targets: Collection[Target] | None = None,
        *,
        name: str | None = None,
        source: ScoreSource | None = None,
        annotator: str | None = None,
    ) -> tuple[LabelRow, ...]:
        """Current rows (op is set), oldest first, all or of these targets."""
        conditions = {"name": name, "source": source, "annotator": annotator}
        given = {column: value for column, value in conditions.items() if value is not None}
        condition = " AND ".join(f"{column} = ?" for column in given) or "true"
        order = "ORDER BY created_at, id"
        with self._readers.connection() as connection:
            if targets is None:
                return _select(connection, "current", f"{condition} {order}", list(given.values()))
            wanted = {codec.normal_target(target) for target in targets}
            ids = sorted({target.id for target in wanted})
            found: list[LabelRow] = []
            for start in range(0, len(ids), _IDS_PER_QUERY):
                chunk = ids[start : start + _IDS_PER_QUERY]
                among = f"target_id IN ({', '.join('?' * len(chunk))}) AND {condition}"
                found += _select(connection, "current", among, [*chunk, *given.values()])
        return tuple(
            sorted((row for row in found if row.target in wanted), key=lambda row: (row.created_at, row.id))
        )

    def current_changes(self, seq: int) -> CurrentChanges:
        """The current state of every key that rows after `seq` touch: what a mirror applies. 0 gives all."""
        with self._readers.connection() as connection:
            last = _last_seq(connection)
            if seq <= 0:
                return CurrentChanges(
                    last, _select(connection, "current", "true ORDER BY created_at, id"), ()
                )
            keys = connection.execute(
                """
                SELECT DISTINCT target_kind, target_id, trace_id, name, source, annotator
                FROM labels WHERE seq > ? LIMIT ?
                """,
                (seq, _KEYS_PER_QUERY + 1),
            ).fetchall()
            if len(keys) > _KEYS_PER_QUERY:
                return self._many_changes(connection, seq, last)
            rows: list[LabelRow] = []
            gone: list[LabelKey] = []
            for kind, target_id, trace_id, name, source, annotator in keys:
                condition = f"{_OF_TARGET} AND name = ? AND source = ? AND annotator = ?"
                found = _select(
                    connection, "current", condition, [target_id, kind, trace_id, name, source, annotator]
                )
                rows += found
                if not found:
                    gone.append((Target(kind, target_id, trace_id), name, source, annotator))
        return CurrentChanges(last, tuple(rows), tuple(gone))

    def history(self, target: Target | None = None) -> tuple[LabelRow, ...]:
        """Every row (of one target), in order of time."""
        order = "ORDER BY created_at, id"
        with self._readers.connection() as connection:
            if target is None:
                return _select(connection, "labels", f"true {order}")
            target = codec.normal_target(target)
            condition = f"{_OF_TARGET} {order}"
            return _select(connection, "labels", condition, [target.id, target.kind, target.trace_id])

    def changes_since(self, seq: int, limit: int = 10_000) -> list[tuple[int, LabelRow]]:
        """At most `limit` rows after `seq` with their numbers, in order; 0 begins at the first.

        Numbers hold while the store is open.
        """
        statement = f"SELECT {schema.COLUMNS} FROM labels WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._readers.connection() as connection:
            return [(row[0], codec.from_db(row)) for row in connection.execute(statement, (seq, limit))]

    def last_seq(self) -> int:
        """The number of the newest row, 0 if there is none."""
        with self._readers.connection() as connection:
            return _last_seq(connection)

    def data_version(self) -> int:
        """A number that grows whenever anyone committed since the last call; a poll costs microseconds."""
        return self._readers.data_version()

    def counts(self) -> LabelCounts:
        """How many rows, current rows and labelled targets there are."""
        with self._readers.connection() as connection:
            rows = connection.execute("SELECT count(*) FROM labels").fetchone()[0]
            targets = connection.execute(
                "SELECT count(*) FROM current GROUP BY target_kind, target_id, trace_id"
            ).fetchall()
        return LabelCounts(rows, sum(count for (count,) in targets), len(targets))

    def backup(self, path: Path, *, force: bool = False) -> Path:
        """Copy the whole store while others write; the copy appears whole. Raises BadInput if `path` exists."""
        path = expanded(path).absolute()
        if path.exists() and not force:
            raise BadInput(f"{path} exists", hint="name another file, or overwrite it with --force")
        self.check_not_own(path)
        if path.is_file() and path.stat().st_size and not is_database(path):
            raise BadInput(
                f"{path} is no database: a copy of labels does not replace it", hint="name another file"
            )
        try:
            with replacing(path, mode=0o644) as temporary:
                self._readers.copy_to(temporary)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise unsaved(error, path) from error
        return path

    def check_not_own(self, path: Path) -> None:
        """Raise BadInput if this is the label file, or one that belongs to it: no copy may be written there."""
        # Unlike Path.resolve this does not fail where links go round in a circle.
        place, own = (Path(os.path.realpath(file)) for file in (path, self.path))
        if place in (own, *(own.with_name(own.name + end) for end in ("-wal", "-shm", ".lock"))):
            raise BadInput(f"{path} is the label file itself or belongs to it; it is never written over")

    def integrity_errors(self) -> list[str]:
        """What SQLite's own check of the file finds; empty if it is sound."""
        try:
            with self._readers.connection() as connection:
                found = [str(row[0]) for row in connection.execute("PRAGMA main.integrity_check")]
        except BadInput as error:
            return [error.message]
        return [] if found == ["ok"] else found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection in one read transaction, for tables other than the labels. Raises BadInput."""
        with self._readers.connection() as connection:
            yield connection

    def scan(self) -> Iterator[tuple[Any, ...]]:
        """Every row as stored (schema.COLUMNS), oldest number first, for checks and copies."""
        with self._readers.connection() as connection:
            yield from connection.execute(f"SELECT {schema.COLUMNS} FROM labels ORDER BY seq")

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Wait for the open transaction and hold the next ones back, while the process is being suspended."""
        if self._writer is None:
            yield
            return
        with self._writer.suspended():
            yield

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        if self._writer is not None:
            self._writer.close()
            atexit.unregister(self._writer.close)
        self._readers.close()

    @staticmethod
    def _many_changes(connection: sqlite3.Connection, seq: int, last: int) -> CurrentChanges:
        """Changes to so many keys that reading all current rows is cheaper than asking for each."""
        touched = {key_of(row) for row in _select(connection, "labels", "seq > ?", [seq])}
        rows = tuple(row for row in _select(connection, "current", "true") if key_of(row) in touched)
        return CurrentChanges(last, rows, tuple(touched - {key_of(row) for row in rows}))


def _select(
    connection: sqlite3.Connection, table: str, condition: str, parameters: Sequence[Any] = ()
) -> tuple[LabelRow, ...]:
    statement = f"SELECT {schema.COLUMNS} FROM {table} WHERE {condition}"
    return tuple(codec.from_db(row) for row in connection.execute(statement, parameters))


def _last_seq(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM labels").fetchone()[0])


def _is_outdated(path: Path) -> bool:
    """True for a label file of an older version, which opening brings up to date. Raises BadInput."""
    if connect.identity(path) is None:
        return False
    try:
        connection = connect.connect(path, mode="ro")
        try:
            return 0 < connect.version_of(connection, path) < connect.LABELS.newest
        finally:
            connection.close()
    except sqlite3.OperationalError:
        # Where nothing may be written SQLite cannot open the file this way; readers take a snapshot of it.
        return False
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise unreadable(error, path) from error
