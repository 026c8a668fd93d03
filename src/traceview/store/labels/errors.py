"""What SQLite's errors mean to the person whose label it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from traceview.files.room import is_full
from traceview.model.errors import BadInput


class Unsaved(BadInput):
    """A label that is not on disk. The message says why; nothing of the action was kept.

    `brief` is the sentence for one line: the reason first, what to do, and the end of the path last.
    """

    def __init__(self, message: str, *, hint: str | None = None, brief: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.brief = brief or (f"{message} · {hint}" if hint else message)


_REASONS: dict[int, tuple[str, str | None]] = {
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


def reason_of(error: Exception, path: Path) -> tuple[str, str | None]:
    """Why an operation on a label file failed, and a next step; without its name."""
    if isinstance(error, UnicodeDecodeError):
        # The sqlite3 module cannot even say what is wrong when SQLite quotes a torn schema.
        return _REASONS[sqlite3.SQLITE_CORRUPT]
    if isinstance(error, OSError):
        return error.strerror or str(error), None
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return str(error), None
    if code & 0xFF in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and is_full(path.parent):
        return _REASONS[sqlite3.SQLITE_FULL]
    return _REASONS.get(code & 0xFF, (str(error), None))


def explain(error: Exception, path: Path) -> tuple[str, str | None]:
    """A sentence and a next step for an error on a label file."""
    reason, hint = reason_of(error, path)
    return f"{path}: {reason}", hint


def unreadable(error: Exception, path: Path) -> BadInput:
    """The error for a file that cannot be read."""
    message, hint = explain(error, path)
    return BadInput(f"cannot read the labels: {message}", hint=hint)


def unsaved(error: Exception, path: Path) -> Unsaved:
    """The error for rows that could not be written."""
    reason, hint = reason_of(error, path)
    shown = Path(*path.parts[-2:])
    brief = f"not saved: {reason}{f', {hint}' if hint else ''} · {'…/' if shown != path else ''}{shown}"
    return Unsaved(f"not saved: {path}: {reason}", hint=hint, brief=brief)
