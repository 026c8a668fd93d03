"""The inbox: an SQLite file in the store that holds what was received until it stands in a part.

The receiver appends requests (`append`), another process turns them into parts (`drain`); both write under one
fair lock. A part is planned before it is written and its requests go in the transaction that says it is done, so
that whatever is killed, nothing is lost and nothing is written under two names.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from traceview.files.lock import FileLock
from traceview.model.errors import BadInput

NAME = ".traceview-inbox.db"
_LOCK = ".traceview-inbox.lock"
_VERSION = 2
_BUSY_SECONDS = 30.0
_WAL_BYTES = 16 << 20

Signal = Literal["traces", "logs"]
Encoding = Literal["protobuf", "json"]

_SCHEMA = f"""
PRAGMA user_version = {_VERSION};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, signal TEXT NOT NULL, encoding TEXT NOT NULL, compression TEXT NOT NULL,
    size INTEGER NOT NULL, items INTEGER NOT NULL, received_ns INTEGER NOT NULL, failed TEXT, body BLOB NOT NULL
);
CREATE TABLE parts (
    no INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, spans INTEGER
);
CREATE TABLE written (
    key BLOB PRIMARY KEY, part INTEGER NOT NULL, ended INTEGER NOT NULL, digest BLOB,
    joined INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE waiting (
    key BLOB NOT NULL, time_ns INTEGER NOT NULL, request INTEGER NOT NULL, number INTEGER NOT NULL,
    event TEXT NOT NULL, received_ns INTEGER NOT NULL, PRIMARY KEY (key, time_ns, request, number)
) WITHOUT ROWID;
"""

_SINCE_1 = f"""
ALTER TABLE written ADD COLUMN digest BLOB;
ALTER TABLE written ADD COLUMN joined INTEGER NOT NULL DEFAULT 1;
PRAGMA user_version = {_VERSION};
"""


class Received(Struct, frozen=True):
    """A request as it was sent: `size` is its bytes after decompression, `items` its usable spans or messages."""

    signal: Signal
    encoding: Encoding
    compression: str
    size: int
    items: int
    body: bytes


class Backlog(Struct, frozen=True):
    """What waits in the inbox, and when the oldest of it came (nanoseconds since the epoch)."""

    requests: int
    spans: int
    bytes: int
    oldest_ns: int | None


def span_key(trace_id: str, span_id: str) -> bytes:
    """What stands for a span: 16 bytes, whatever its ids look like."""
    told = f"{trace_id}\0{span_id}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(told, digest_size=16).digest()


def open_inbox(store: Path) -> sqlite3.Connection:
    """A connection to the store's inbox, in autocommit, synced fully; the file is made if it is not there.

    Raises BadInput for an inbox of a newer version, sqlite3.Error where it cannot be opened or written.
    """
    path = store / NAME
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync=ON")
        with writing(store, connection):
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO facts VALUES ('inbox', ?)", (secrets.token_hex(6),))
            elif version == 1:
                for statement in _SINCE_1.split(";"):
                    connection.execute(statement)
        if version > _VERSION:
            raise BadInput(
                f"{path} was written by a newer traceview (inbox version {version}, this one knows {_VERSION})",
                hint="update traceview; the file was not touched",
            )
    except BaseException:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def place_of(store: Path) -> tuple[int, int] | None:
    """Device and inode of the store's inbox: another file there is another inbox. None without one.

    A connection goes on writing to the file that it opened, be it moved away or deleted.
    """
    try:
        status = (store / NAME).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def writing(store: Path, connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, under the lock that queues the receiver and the drain fairly. Raises sqlite3.Error."""
    with FileLock(store / _LOCK).hold():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def backlog(connection: sqlite3.Connection) -> Backlog:
    """What waits now; requests that could not be read stay and are not counted."""
    found = connection.execute(
        "SELECT count(*), coalesce(sum(items) FILTER (WHERE signal = 'traces'), 0), coalesce(sum(length(body)), 0), "
        "min(received_ns) FROM requests WHERE failed IS NULL"
    ).fetchone()
    return Backlog(*found)


def waiting_messages(connection: sqlite3.Connection) -> int:
    """How many messages of model calls wait for a span that has not come, or has not ended."""
    return int(connection.execute("SELECT count(*) FROM waiting").fetchone()[0])


def try_again(store: Path, connection: sqlite3.Connection) -> None:
    """Have requests that could not be read read once more: by a later version, perhaps. Raises sqlite3.Error."""
    with writing(store, connection):
        connection.execute("UPDATE requests SET failed = NULL WHERE failed IS NOT NULL")


def unread(connection: sqlite3.Connection) -> int:
    """How many requests are kept because they could not be read."""
    return int(connection.execute("SELECT count(*) FROM requests WHERE failed IS NOT NULL").fetchone()[0])
