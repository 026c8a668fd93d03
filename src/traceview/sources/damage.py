"""Parquet files whose footer is whole but whose pages are not: told from other failures, found, put in words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from traceview.files.dirs import cache_dir
from traceview.model.errors import BadInput
from traceview.sources.sql import literal

_SEARCH_SECONDS = 10.0
"""How long the damaged one of several files is looked for."""


def damage(error: duckdb.Error, files: Sequence[Path]) -> BadInput | None:
    """The sentence for a query over these Parquet files that met a damaged page; None if it failed otherwise."""
    told = str(error)
    # what the Parquet reader throws itself comes as the bare class, and often without the name of the file
    if type(error) is not duckdb.Error and not (
        (
            isinstance(error, duckdb.InvalidInputException)
            and ("Failed to read file" in told or "arquet" in told)
        )
        or "Could not read enough bytes from file" in told
    ):
        return None
    # the longest: one name may begin another
    named = max((path for path in files if str(path) in told), key=lambda path: len(str(path)), default=None)
    found = named or _search(files)
    if found is None:
        return None
    reason = told.strip().partition("\n")[0].partition(': value "')[0].removeprefix("Invalid Input Error: ")
    reason = reason.replace(f'Failed to read file "{found}": ', "").replace(str(found), "it")
    return BadInput(
        f"{found} is damaged: a page of it cannot be read ({reason})",
        hint=_next_step(found),
    )


def _next_step(path: Path) -> str:
    if path.is_relative_to(cache_dir()):
        return "it is a copy that traceview made: run `traceview cache clear`, then open the source again"
    return "write it or copy it again; in a directory, move it away to read the other files"


def _search(files: Sequence[Path]) -> Path | None:
    """The first file with a page that cannot be read; None if it was not found."""
    if len(files) == 1:
        return files[0]
    end = time.monotonic() + _SEARCH_SECONDS
    for path in files:
        try:
            with duckdb.connect() as connection:
                connection.execute(
                    f"SELECT max(hash(COLUMNS(*))) FROM read_parquet({literal(str(path))})"
                ).fetchall()
        except duckdb.Error:
            return path
        if time.monotonic() > end:
            break
    return None
