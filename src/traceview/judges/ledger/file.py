"""Where a ledger is, and connections to it: created, recognised, brought up to date."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

from traceview.judges.ledger import schema
from traceview.model.errors import BadInput
from traceview.store.labels import connect
from traceview.store.labels.errors import explain
from traceview.store.labels.location import SUFFIX as LABELS_SUFFIX

SUFFIX = ".calls.db"
_AGAIN = "then run the same command again: what was answered and written down is not asked again"
_DAMAGED = (
    "put a copy of it in its place, or move it away, with -wal and -shm beside it: without it, what was judged may be "
    "paid again"
)
_OTHERWISE = "move it away, or name another label file with --labels PATH: the ledger lies beside it"
_HINTS = {
    sqlite3.SQLITE_NOTADB: _OTHERWISE,
    sqlite3.SQLITE_FULL: f"make room, {_AGAIN}",
    sqlite3.SQLITE_IOERR: f"check the disk, {_AGAIN}",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}
_LEVEL = 3
LEDGER = connect.FileKind(schema, "a ledger of model calls", "ledger", _OTHERWISE)


def ledger_path(labels: Path) -> Path:
    """The ledger beside a label file: `NAME.calls.db` for `NAME.labels.db`."""
    name = labels.name
    stem = name.removesuffix(LABELS_SUFFIX) if name.endswith(LABELS_SUFFIX) else labels.stem
    return labels.with_name(stem + SUFFIX)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The writing connection, the file made or brought up to date. The caller holds the write lock.

    Raises sqlite3.Error, OSError, BadInput.
    """
    return connect.open_writer(path, LEDGER)


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """A reading connection; None if there is no ledger. Raises BadInput."""
    if not path.exists():
        return None
    try:
        connection = connect.connect(path, mode="ro")
        try:
            version = connect.version_of(connection, path, LEDGER)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise unusable(error, path) from error
    if not version:
        connection.close()
        return None
    connection.row_factory = sqlite3.Row
    return connection


def unusable(error: Exception, path: Path) -> BadInput:
    """The error for a ledger that cannot be read or written."""
    message, hint = explain(error, path)
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        message = f"{path}: the file is no ledger of model calls"
    return BadInput(f"the ledger of model calls cannot be used: {message}", hint=_HINTS.get(code, hint))


def packed(text: str | bytes) -> bytes:
    """A body as the ledger keeps it."""
    return zlib.compress(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"), _LEVEL)


def unpacked(body: bytes | None) -> str:
    """The text of a body. Raises BadInput for a damaged one."""
    try:
        return "" if body is None else zlib.decompress(body).decode("utf-8", "surrogatepass")
    except (zlib.error, UnicodeDecodeError, TypeError):
        raise damaged("the text of a call cannot be unpacked") from None


def json_in(text: str | None, default: Any) -> Any:
    """The JSON in a column, of the type of `default`, which stands for nothing. Raises BadInput for a damaged one."""
    try:
        found = json.loads(text) if text else default
    except (ValueError, TypeError, RecursionError):
        raise damaged("what came of a call cannot be read") from None
    if not isinstance(found, type(default)):
        raise damaged("what came of a call cannot be read")
    return found


def damaged(said: str) -> BadInput:
    """The error for a ledger with a row that cannot be what was written."""
    return BadInput(
        f"the ledger of model calls (*{SUFFIX} beside the labels) is damaged: {said}", hint=_DAMAGED
    )
