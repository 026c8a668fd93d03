"""What no output may replace, whatever a person allowed: definitions and labels cannot be made again."""

from __future__ import annotations

from pathlib import Path

from traceview.model.errors import BadInput

DATABASE = b"SQLite format 3\x00"
"""How SQLite's files begin (https://sqlite.org/fileformat.html#the_database_header)."""
BESIDE = ("-wal", "-shm", "-journal", ".lock")
"""What the names of files end in that belong to a database."""


def is_database(path: Path) -> bool:
    """True if a file begins as SQLite's files do. Raises OSError."""
    with path.open("rb") as stream:
        return stream.read(len(DATABASE)) == DATABASE


def check_replaceable(path: Path) -> None:
    """Raise BadInput if definitions, judges, labels or calls of a judge are in this file; nothing if there is none."""
    base = next(
        (path.with_name(path.name.removesuffix(end)) for end in BESIDE if path.name.endswith(end)), path
    )
    try:
        if path.suffix.casefold() == ".toml" and path.is_file():
            raise BadInput(f"{path} holds definitions, and is never replaced", hint="name another file")
        if base.is_file() and is_database(base):
            raise BadInput(
                f"{path} is a database, as labels are kept in, or belongs to one, and is never replaced",
                hint="name another file",
            )
    except OSError as error:
        raise BadInput(f"{path} cannot be looked at: {error.strerror or error}") from error
