"""What SQLite's errors mean to the person whose label it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from traceview.model.errors import BadInput


class Unsaved(BadInput):
    """A label that is not on disk. The message says why; nothing of the action was kept."""


_REASONS: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room, then label again"),
    sqlite3.SQLITE_READONLY: (
        "the file or its folder is read-only",
        "name a writable file with --labels PATH",
    ),
    sqlite3.SQLITE_BUSY: (
        "another program keeps the file locked",
        "close that program (a database browser?) and try again",
    ),
    sqlite3.SQLITE_LOCKED: ("another program keeps the file locked", "close that program and try again"),
    sqlite3.SQLITE_CORRUPT: (
        "the file is damaged",
        "move it away, with -wal and -shm beside it, before you put a copy made by `traceview labels backup` there",
    ),
    sqlite3.SQLITE_NOTADB: ("the file is not a label file", "name another one with --labels PATH"),
    sqlite3.SQLITE_CANTOPEN: ("the file cannot be opened", "does its folder exist, and may you write there?"),
    sqlite3.SQLITE_IOERR: ("the disk failed to read or write", "check the disk, then label again"),
    sqlite3.SQLITE_PERM: ("you may not write there", "name a writable file with --labels PATH"),
}


def explain(error: Exception, path: Path) -> tuple[str, str | None]:
    """A sentence and a next step for an error on a label file."""
    if isinstance(error, UnicodeDecodeError):
        # The sqlite3 module cannot even say what is wrong when SQLite quotes a torn schema.
        damaged = _REASONS[sqlite3.SQLITE_CORRUPT]
        return f"{path}: {damaged[0]}", damaged[1]
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}", None
    code = getattr(error, "sqlite_errorcode", None)
    known = _REASONS.get(code & 0xFF) if code is not None else None
    if known is None:
        return f"{path}: {error}", None
    return f"{path}: {known[0]}", known[1]


def unreadable(error: Exception, path: Path) -> BadInput:
    """The error for a file that cannot be read."""
    message, hint = explain(error, path)
    return BadInput(f"cannot read the labels: {message}", hint=hint)


def unsaved(error: Exception, path: Path) -> Unsaved:
    """The error for rows that could not be written."""
    message, hint = explain(error, path)
    return Unsaved(f"not saved: {message}", hint=hint)
