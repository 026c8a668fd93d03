"""Reading connections: a pool, so that threads read at the same time and never wait for the writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traceview.files.room import is_full
from traceview.model.errors import BadInput
from traceview.store.labels import connect, schema
from traceview.store.labels.errors import unreadable

POOL = 4

_NO_SHARED_MEMORY = (
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
)
"""What SQLite says where it cannot make the file that readers of a log share: the disk is full."""

_UNWRITABLE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What SQLite says of a file that it could only open if it might write beside it."""

_UNION = f"""
CREATE TEMP VIEW labels AS
SELECT seq{{shift}} AS seq, {schema.COLUMNS.removeprefix("seq, ")} FROM main.labels
UNION ALL
SELECT {schema.COLUMNS} FROM base.labels WHERE id NOT IN (SELECT id FROM main.labels)
"""


class Readers:
    """Gives reading connections to a label file, with the read-only one beneath it merged in."""

    def __init__(self, path: Path, *, readonly: bool, base: Path | None) -> None:
        self.path = path
        self.readonly = readonly
        self._base = connect.Snapshot(base) if base is not None and base.exists() else None
        self._base_last = self._count_base()
        self._fallback: connect.Snapshot | None = None
        self._snapshots = 0
        """How many snapshots are out of date."""
        self.notice: str | None = None
        """Why nothing can be written now, where reading goes on all the same."""
        self._lock = threading.Lock()
        self._idle: list[tuple[tuple[int, int] | None, sqlite3.Connection]] = []
        self._poll: tuple[tuple[int, int] | None, sqlite3.Connection] | None = None
        self._version: tuple[object, ...] = ()
        self._version_number = 0

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection with the names `labels` and `current`, in one read transaction. Raises BadInput."""
        try:
            with self._borrowed() as connection:
                connection.execute("BEGIN")
                try:
                    yield connection
                finally:
                    connection.execute("COMMIT")
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise unreadable(error, self.path) from error

    def merge_base(self, connection: sqlite3.Connection) -> None:
        """Let `labels` and `current` of a connection show the read-only file's rows too."""
        if self._base is None:
            return
        connection.execute("ATTACH ? AS base", (self._base.uri,))
        connection.execute(_UNION.format(shift=f" + {self._base_last}"))
        connection.execute(f"CREATE TEMP VIEW current AS {schema.CURRENT_SELECT}")
        for table, columns in schema.ADDED_TABLES.items():
            # The same session or data set in both files has the same places: what is in either is in the union once.
            both = " UNION ".join(f"SELECT {columns} FROM {file}.{table}" for file in ("main", "base"))
            connection.execute(f"CREATE TEMP VIEW {table} AS {both}")

    def data_version(self) -> int:
        """A number that grows whenever the file has changed since the last call."""
        with self._lock:
            identity = self._identity()
            if self._poll is None or self._poll[0] != identity:
                if self._poll is not None:
                    self._poll[1].close()
                self._poll = self._open(identity)
            try:
                version = self._poll[1].execute("PRAGMA data_version").fetchone()[0]
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise unreadable(error, self.path) from error
            if self._version != (identity, version):
                self._version = (identity, version)
                self._version_number += 1
            return self._version_number

    def copy_to(self, path: Path) -> None:
        """Write the file, with the rows of the read-only one beneath it, into an empty file. Raises sqlite3.Error."""
        copy = connect.connect(path, mode="rwc", writing=True)
        try:
            with self._borrowed() as connection:
                connection.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            if self._base is not None:
                columns = schema.COLUMNS.removeprefix("seq, ") + ", imported"
                copy.execute("ATTACH ? AS base", (self._base.uri,))
                copy.execute(
                    f"""
                    INSERT INTO main.labels ({columns})
                    SELECT {columns} FROM base.labels WHERE id NOT IN (SELECT id FROM main.labels) ORDER BY seq
                    """
                )
                for table, names in schema.ADDED_TABLES.items():
                    copy.execute(
                        f"INSERT OR IGNORE INTO main.{table} ({names}) SELECT {names} FROM base.{table}"
                    )
        finally:
            copy.close()

    def close(self) -> None:
        """Close idle connections and remove private copies."""
        with self._lock:
            for _, connection in self._idle:
                connection.close()
            self._idle.clear()
            if self._poll is not None:
                self._poll[1].close()
                self._poll = None
            for snapshot in (self._base, self._fallback):
                if snapshot is not None:
                    snapshot.close()

    @contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        connection = None
        with self._lock:
            identity = self._identity()
            while self._idle and connection is None:
                opened, candidate = self._idle.pop()
                if opened == identity:
                    connection = candidate
                else:
                    candidate.close()
        if connection is None:
            identity, connection = self._open(identity)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._idle) < POOL:
                self._idle.append((identity, connection))
                return
        connection.close()

    def _open(self, identity: tuple[int, int] | None) -> tuple[tuple[int, int] | None, sqlite3.Connection]:
        """A new connection, and the file it is on: None while there is no file with tables."""
        try:
            connection = self._connect() if identity is not None else None
            if connection is None:
                identity, connection = None, _empty()
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise unreadable(error, self.path) from error
        try:
            connection.execute("PRAGMA query_only=OFF")
            self.merge_base(connection)
            connection.execute("PRAGMA query_only=ON")
        except BaseException:
            connection.close()
            raise
        return identity, connection

    def _identity(self) -> tuple[int, int] | None:
        """Which file there is now; another one than before once somebody wrote what a snapshot does not show."""
        if self._fallback is not None and self._fallback.stale:
            self._fallback.close()
            self._fallback = self.notice = None
            self._snapshots += 1
        found = connect.identity(self.path)
        return (
            found if found is None or not self._snapshots else (found[0], hash((found[1], self._snapshots)))
        )

    def _connect(self) -> sqlite3.Connection | None:
        """A connection to the file; None while it has no tables yet."""
        if self._fallback is not None:
            return self._fallback.connect()
        connection = None
        try:
            connection = connect.connect(self.path, mode="ro" if self.readonly else "rw")
            version = connect.version_of(connection, self.path)
        except sqlite3.OperationalError as error:
            if connection is not None:
                connection.close()
            if not _cannot_write(error, self.path):
                raise
            self._fallback = connect.Snapshot(self.path)
            if is_full(self.path.parent):
                self.notice = f"labels are read-only: the disk is full · {self.path}"
            return self._fallback.connect()
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        newest = connect.LABELS.newest
        if version == newest:
            return connection
        connection.close()
        if version == 0:
            return None
        if self.readonly:
            self._fallback = connect.Snapshot(self.path)
            return self._fallback.connect()
        raise BadInput(f"{self.path} is of labels version {version} and was not brought to {newest}")

    def _count_base(self) -> int:
        if self._base is None:
            return 0
        connection = self._base.connect()
        try:
            return int(connection.execute("SELECT coalesce(max(seq), 0) FROM labels").fetchone()[0])
        finally:
            connection.close()


def _cannot_write(error: sqlite3.OperationalError, path: Path) -> bool:
    """Whether a file cannot be opened because nothing can be written beside it."""
    code = error.sqlite_errorcode
    if code & 0xFF in _UNWRITABLE or code in _NO_SHARED_MEMORY:
        return True
    return code & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL) and is_full(path.parent)


def _empty() -> sqlite3.Connection:
    """A database in memory with the newest schema and no row."""
    connection = sqlite3.connect(":memory:", uri=True, isolation_level=None, check_same_thread=False)
    connect.migrate(connection)
    return connection
