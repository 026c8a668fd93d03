"""What the footers of Parquet files tell: which rows are the newest."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.sources.open import open_sources
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Reader
from traceview.store.duck.row_groups import in_order, newest_first

BASE_NS = 1_790_000_000_000_000_000


@pytest.mark.parametrize(("step", "ordered"), [(1, True), (7, False)], ids=["sorted", "in no order"])
def test_the_footer_tells_the_times_of_row_groups(tmp_path: Path, step: int, ordered: bool) -> None:
    rows = 100
    starts = [BASE_NS + (number * step % rows) * 1_000_000_000 for number in range(rows)]
    table = pa.table(
        {
            "trace_id": [f"t{number}" for number in range(rows)],
            "span_id": [f"s{number}" for number in range(rows)],
            "name": ["chat"] * rows,
            "start_time": pa.array(starts, pa.timestamp("ns")),
        }
    )
    path = tmp_path / "spans.parquet"
    pq.write_table(table, path, row_group_size=10)
    database = Database()
    try:
        groups = newest_first(database, Reader(database, open_sources([str(path)]).relations))
        assert in_order(groups) is ordered
        assert {(one.low, one.high) for one in groups} == {
            (min(starts[at : at + 10]), max(starts[at : at + 10])) for at in range(0, rows, 10)
        }
        if ordered:
            assert [one.first for one in groups] == list(range(90, -1, -10))
    finally:
        database.close()
