"""Looks into Parquet files share one database in a process, and never tell of a file what it said before."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.sources.look import columns_with_nulls, typical_value
from traceview.sources.probe import Unreadable, probe


def _write(path: Path, **columns: list[object]) -> None:
    pq.write_table(pa.table(columns), path)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_a_file_that_was_rewritten_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    _write(path, id=[1, 2, 3], took=[1.5, 1.5, 1.5])
    found = probe(path)
    assert (found.columns, found.rows) == ({"id": "BIGINT", "took": "DOUBLE"}, 3)
    assert columns_with_nulls(found, ["id"]) == set() and typical_value(found, "took") == 1.5
    _write(path, id=[1, 2, None], took=[2.5, 2.5, 2.5])
    found = probe(path)
    assert columns_with_nulls(found, ["id"]) == {"id"} and typical_value(found, "took") == 2.5
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Unreadable):
        probe(path)


def test_many_threads_look_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.parquet" for number in range(12)]
    for number, path in enumerate(paths):
        _write(path, id=list(range(number + 1)))
    with ThreadPoolExecutor(6) as pool:
        assert [found.rows for found in pool.map(probe, paths * 3)] == [*range(1, 13)] * 3
