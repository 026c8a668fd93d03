"""Connections to a label file: set up, recognised, brought up to date, read where nobody may write."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from msgspec import Struct

from traceview.files.atomic import fsync_directory, replacing
from traceview.model.errors import BadInput
from traceview.store.labels import schema

_PLACES = (None, "/dev/shm")
"""Where private copies are made: the first that has room."""

BUSY_SECONDS = 10.0
COPY_ATTEMPTS = 20


def connect(path: Path, *, mode: str = "rw", writing: bool = False) -> sqlite3.Connection:
    """A connection in autocommit; every one syncs fully, and only a `writing` one may change anything.

    `mode` is SQLite's (ro, rw, rwc). Raises sqlite3.Error.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync=ON")
            connection.execute("PRAGMA checkpoint_fullfsync=ON")
        if writing:
            # A bulk action touches pages all over the index: kept in memory, moved into the file less often.
            connection.execute("PRAGMA cache_size=-16000")
            connection.execute("PRAGMA wal_autocheckpoint=4000")
        else:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


class FileKind(Struct, frozen=True):
    """A kind of file of ours: which tables it has, and what is said of one that is not usable."""

    tables: ModuleType
    """Has its APPLICATION_ID and its MIGRATIONS, the newest last."""
    word: str
    """What it is."""
    versioned: str
    """What its versions count."""
    otherwise: str
    """What to do where the file is of another kind."""

    @property
    def application_id(self) -> int:
        """What SQLite keeps at the head of such files."""
        return int(self.tables.APPLICATION_ID)

    @property
    def migrations(self) -> Sequence[schema.Migration]:
        """How an older file becomes a newer one."""
        return tuple(self.tables.MIGRATIONS)

    @property
    def newest(self) -> int:
        """The version that this traceview writes."""
        return int(self.migrations[-1].version)


LABELS = FileKind(schema, "a label file", "labels", "name another one with --labels PATH")


def version_of(connection: sqlite3.Connection, path: Path, kind: FileKind = LABELS) -> int:
    """The version of a file's tables, 0 for an empty one. Raises BadInput for other files and newer versions."""
    # One moment of the file: another process may be creating it.
    own = not connection.in_transaction
    if own:
        connection.execute("BEGIN")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        if own and connection.in_transaction:
            connection.execute("ROLLBACK")
    if application != kind.application_id:
        if tables or version or application:
            raise BadInput(
                f"{path} is a SQLite file of another program, not {kind.word}", hint=kind.otherwise
            )
        return 0
    if version > kind.newest:
        raise BadInput(
            f"{path} was written by a newer traceview ({kind.versioned} version {version}, this one knows "
            f"{kind.newest})",
            hint="update traceview; the file was not touched",
        )
    return version


def open_writer(path: Path, kind: FileKind = LABELS) -> sqlite3.Connection:
    """The writing connection, the file created or brought up to date. The caller holds the write lock.

    Raises sqlite3.Error, OSError, BadInput.
    """
    created = not path.exists()
    connection = connect(path, mode="rwc", writing=True)
    try:
        version = version_of(connection, path, kind)
        write_ahead(connection)
        if version < kind.newest:
            if version:
                backup_before(connection, path, version)
            migrate(connection, kind)
        if created:
            fsync_directory(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite's own waiting does not cover others who switch at the same moment."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def migrate(connection: sqlite3.Connection, kind: FileKind = LABELS) -> None:
    """Bring a file to the newest version, in one transaction: all or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked for here, where nobody else can be at it.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for migration in kind.migrations:
            if migration.version > version:
                for statement in migration.statements:
                    connection.execute(statement)
        connection.execute(f"PRAGMA application_id={kind.application_id}")
        connection.execute(f"PRAGMA user_version={kind.newest}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def backup_before(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the file as it is before a migration."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.v{version}-{stamp}.bak")
    copy_database(connection, copy)
    return copy


def copy_database(connection: sqlite3.Connection, path: Path) -> None:
    """Copy a database to a file that appears whole (SQLite's backup: others may write meanwhile)."""
    with replacing(path, mode=0o644) as temporary:
        target = connect(temporary, mode="rwc", writing=True)
        try:
            connection.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
        finally:
            target.close()


class Snapshot:
    """A label file as it is now, where nothing may be written: opened immutable, or through a private copy."""

    def __init__(self, path: Path) -> None:
        # SQLite keeps the log beside the file itself, not beside a link to it.
        self.origin = path.resolve()
        self._copied: tempfile.TemporaryDirectory[str] | None = None
        self.path = path
        self._seen = self._state()
        if self._needs_copy():
            self._copy_where_there_is_room()

    @property
    def stale(self) -> bool:
        """Whether somebody wrote since: an immutable file and a copy show nothing of that."""
        return self._state() != self._seen

    def _state(self) -> object:
        return _state(self.origin), _state(self._log)

    def _copy_where_there_is_room(self) -> None:
        """Copy into the first temporary place that takes it. Raises OSError, sqlite3.Error, BadInput."""
        for number, place in enumerate(_PLACES, start=1):
            try:
                self._copied = tempfile.TemporaryDirectory(prefix="traceview-labels-", dir=place)
                self.path = Path(self._copied.name, "labels.db")
                self._seen = self._state()
                self._copy()
                self._bring_up_to_date()
            except (OSError, sqlite3.OperationalError):
                self.close()
                if number == len(_PLACES):
                    raise
            else:
                return

    def _bring_up_to_date(self) -> None:
        connection = connect(self.path, writing=True)
        try:
            version_of(connection, self.origin)
            connection.execute("PRAGMA journal_mode=DELETE")
            migrate(connection)
        finally:
            connection.close()

    @property
    def uri(self) -> str:
        """The file as SQLite opens it, without locks or side files."""
        return f"{self.path.absolute().as_uri()}?immutable=1"

    def connect(self) -> sqlite3.Connection:
        """A reading connection."""
        connection = sqlite3.connect(self.uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        return connection

    def close(self) -> None:
        """Remove the private copy."""
        if self._copied is not None:
            self._copied.cleanup()

    @property
    def _log(self) -> Path:
        return self.origin.with_name(self.origin.name + "-wal")

    def _copy(self) -> None:
        """Copy the file and its log as they are at one moment, though their owner may be writing them."""
        for _ in range(COPY_ATTEMPTS):
            before = (_state(self.origin), _state(self._log))
            copied_log = self.path.with_name("labels.db-wal")
            copied_log.unlink(missing_ok=True)
            shutil.copyfile(self.origin, self.path)
            if before[1] is not None:
                with suppress(FileNotFoundError):
                    shutil.copyfile(self._log, copied_log)
            if (_state(self.origin), _state(self._log)) == before:
                return
        raise BadInput(
            f"{self.origin} is being written all the time and cannot be read from here", hint="try again"
        )

    def _needs_copy(self) -> bool:
        """True if a log was left beside the file (immutable ignores it) or the file's version is an older one."""
        if self._log.exists() and self._log.stat().st_size:
            return True
        connection = sqlite3.connect(self.uri, uri=True, isolation_level=None)
        try:
            return version_of(connection, self.origin) < LABELS.newest
        finally:
            connection.close()


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does, None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file, None if there is none: tells a replaced file from the one that is open."""
    try:
        status = os.stat(path)  # noqa: PTH116 (called before each query)
    except OSError:
        return None
    return status.st_dev, status.st_ino
