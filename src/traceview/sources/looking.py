"""The DuckDB that is asked what stands in a Parquet file: one in a process, to make one takes longer than any look."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_lock = threading.Lock()


@contextmanager
def looking() -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor for a few small queries; several threads may have one each."""
    with _lock:
        cursor = _database().cursor()
    with cursor:
        yield cursor


@cache
def _database() -> duckdb.DuckDBPyConnection:
    import duckdb

    made = duckdb.connect()
    # a file that was rewritten is another one, whatever its time says
    made.execute("SET enable_external_file_cache = false")
    return made
