"""Parts: canonical, sorted, synced, never torn."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.model.schema import COLUMN_NAMES, COLUMNS
from traceview.sources import parts
from traceview.sources.open import open_sources
from traceview.sources.parts import StoreWriter, check_part, parts_in, write_part


def row(number: int, **more: Any) -> dict[str, Any]:
    """A small canonical row."""
    return {
        "trace_id": "t",
        "span_id": f"s{number}",
        "kind": "llm",
        "status": "ok",
        "start_ns": number,
        **more,
    }


def test_a_part_has_the_canonical_schema_and_is_recognised(tmp_path: Path) -> None:
    full = row(
        1_767_225_600_123_456_789,
        end_ns=1_767_225_600_123_456_790,
        tags=["a", "ü"],
        cost_usd=0.5,
        input_tokens=3,
    )
    path = write_part([full], tmp_path, "part-0.parquet")
    with duckdb.connect() as connection:
        described = connection.execute(f"DESCRIBE FROM '{path}'").fetchall()
        assert [(name, kind) for name, kind, *_ in described] == [(c.name, c.type) for c in COLUMNS]
        query = f"SELECT epoch_ns(start_time), epoch_ns(end_time), tags, cost_usd, input_tokens, input FROM '{path}'"
        assert connection.execute(query).fetchone() == (
            1_767_225_600_123_456_789,
            1_767_225_600_123_456_790,
            ["a", "ü"],
            0.5,
            3,
            None,
        )
    opened = open_sources([str(tmp_path)])
    assert opened.format == "traceview"
    assert opened.relations[0].mapping.expressions == {name: f'"{name}"' for name in COLUMN_NAMES}
    assert check_part(path) is None


def test_sorted_zstd_row_groups_with_statistics(tmp_path: Path) -> None:
    numbers = [*range(40_000, 0, -1), None]
    rows = [row(number or 0, start_ns=number, input="x" * 50) for number in numbers]
    metadata = pq.ParquetFile(write_part(rows, tmp_path, "part-0.parquet")).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [30_720, 9_281]
    by_name = {metadata.row_group(0).column(i).path_in_schema: i for i in range(metadata.num_columns)}
    bounds = [metadata.row_group(i).column(by_name["start_time"]).statistics for i in range(2)]
    assert bounds[0].max_raw < bounds[1].min_raw
    assert bounds[1].null_count == 1
    assert metadata.row_group(0).column(by_name["trace_id"]).compression == "ZSTD"
    assert metadata.row_group(0).column(by_name["input"]).statistics is None


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"trace_id": st.text(), "span_id": st.text(), "start_ns": st.none() | st.integers(0, 2**62)},
            optional={
                "input": st.text(st.characters(codec=None)),
                "input_tokens": st.integers(),
                "tags": st.lists(st.text(), max_size=2),
                "cost_usd": st.floats(),
            },
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_value_costs_the_batch(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    """Half surrogate pairs, integers beyond 64 bits, NaN, NUL: every row is written."""
    table = pq.read_table(write_part(rows, tmp_path_factory.mktemp("parts"), "part-0.parquet"))
    assert table.num_rows == len(rows)
    ids = sorted(row["trace_id"].encode("utf-8", "replace").decode() for row in rows)
    assert sorted(table["trace_id"].to_pylist()) == ids


def test_synced_then_renamed_then_the_directory_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor: int) -> None:
        calls.append(("fsync", Path(f"/dev/fd/{descriptor}").resolve().name))
        fsync(descriptor)

    def recording_replace(source: Any, target: Any) -> None:
        assert check_part(Path(source)) is None, "what is renamed is whole"
        calls.append(("rename", Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    write_part([row(1)], tmp_path, "part-0.parquet")
    assert [what for what, _ in calls] == ["fsync", "rename", "fsync"]
    assert calls[1][1] == "part-0.parquet"
    assert calls[2][1] == tmp_path.name


def test_a_full_disk_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(table: pa.Table, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"PAR1 half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        write_part([row(1)], tmp_path, "part-0.parquet")
    assert list(tmp_path.iterdir()) == []


WRITER = """
import sys, pathlib
from traceview.sources.parts import write_part
directory = pathlib.Path(sys.argv[1])
rows = [{"trace_id": f"t{n}", "span_id": "s", "start_ns": n, "input": "text %d " % n * 40} for n in range(3000)]
for number in range(10_000):
    write_part(rows, directory, f"part-{number:06d}.parquet")
    print(number, flush=True)
"""


def test_killed_writers_leave_no_torn_part(tmp_path: Path) -> None:
    """kill -9 at different moments of writing: every part that can be seen is whole, each reported one is there."""
    for attempt in range(6):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            reported = int(writer.stdout.readline())
            # then a little further into the next ones, differently far each time
            for _ in range(attempt):
                reported = int(writer.stdout.readline())
            if attempt % 2:
                while not any(path.name.startswith(".") for path in directory.iterdir()):
                    pass
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
        if rest and rest[-1].isdigit():
            reported = max(reported, int(rest[-1]))
        seen = parts_in(directory)
        assert len(seen) >= reported + 1
        for part in seen:
            assert check_part(part) is None
            assert pq.read_table(part, columns=["span_id"]).num_rows == 3000


def test_torn_and_foreign_parts_are_told(tmp_path: Path) -> None:
    whole = write_part([row(1)], tmp_path, "part-0.parquet")
    torn = tmp_path / "part-1.parquet"
    torn.write_bytes(whole.read_bytes()[:-9])
    assert check_part(torn) is not None
    pq.write_table(pa.table({"trace_id": ["t"]}), tmp_path / "part-2.parquet")
    assert (check_part(tmp_path / "part-2.parquet") or "").startswith("columns are missing: source, span_id")


def test_the_first_part_comes_early_and_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    with StoreWriter(tmp_path, on_part=lambda part: seen.append(pq.read_metadata(part).num_rows)) as writer:
        for start in range(0, 35_000, 500):
            writer.add([row(number) for number in range(start, start + 500)])
        assert seen == [2_000, 30_720]
    assert seen == [2_000, 30_720, 2_280]
    assert writer.spans == 35_000
    monkeypatch.setattr(parts, "PART_BYTES", 10_000)
    with StoreWriter(tmp_path, prefix="big") as writer:
        writer.add([row(number, input="x" * 6_000) for number in range(10)])
    assert [pq.read_metadata(part).num_rows for part in writer.parts] == [2] * 5


def test_slow_sources_show_their_first_rows_after_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(parts.time, "monotonic", lambda: now[0])
    writer = StoreWriter(tmp_path)
    writer.add([row(1)])
    assert writer.parts == []
    now[0] = 0.31
    writer.add([row(2)])
    assert len(writer.parts) == 1
    now[0] = 9.0
    writer.add([row(3)])
    assert len(writer.parts) == 1


def test_an_exception_writes_nothing_more(tmp_path: Path) -> None:
    with pytest.raises(KeyError), StoreWriter(tmp_path) as writer:
        writer.add([row(1)])
        raise KeyError
    assert parts_in(tmp_path) == ()


def test_the_collector_is_as_before_when_the_last_writer_is_left(tmp_path: Path) -> None:
    before = gc.get_threshold()
    with StoreWriter(tmp_path):
        with StoreWriter(tmp_path):
            assert gc.get_threshold()[0] > before[0]
        assert gc.get_threshold()[0] > before[0]
    assert gc.get_threshold() == before


def test_parts_are_made_without_pandas_which_others_may_import_afterwards() -> None:
    code = (
        "import sys; from traceview.sources.parts import record_batch; record_batch([{'trace_id': 'a'}]); "
        "assert 'pandas' not in sys.modules; import pandas; import pyarrow as pa; "
        "assert pa.array(pandas.Series([1])).type == pa.int64() and len(pa.table({'a': [1]}).to_pandas()) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
