"""A Parquet file whose footer is whole but whose pages are not: a sentence that names it, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from shop_data import shop, span, write

from conftest import Open
from traceview.cli.main import main
from traceview.model.errors import BadInput, TraceviewError
from traceview.store.duck import lifecycle
from traceview.store.interface import ListQuery

_ROWS = [
    *shop(),
    *(span(f"x{number}", "a", None, "llm", number, input_text=f"question {number}") for number in range(500)),
]


def _damage(path: Path, column: str, skipped: int) -> Path:
    """Overwrite some of the first page of a column, after so many of its bytes."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    page = next(one for one in columns if one.path_in_schema.partition(".")[0] == column)
    start = page.data_page_offset if page.dictionary_page_offset is None else page.dictionary_page_offset
    with path.open("rb+") as stream:
        stream.seek(start + skipped)
        stream.write(b"\xff" * min(40, page.total_compressed_size - skipped))
    return path


@pytest.mark.parametrize(
    ("column", "skipped"), [("trace_id", 0), ("trace_id", 40), ("name", 0), ("start_time", 2)]
)
@pytest.mark.parametrize(
    "command", [["traces"], ["spans", "--json"], ["show", "t1"], ["info"], ["sql", "SELECT 1"]]
)
def test_commands_name_the_damaged_file_and_what_to_do(
    tmp_path: Path, column: str, skipped: int, command: list[str]
) -> None:
    damaged = _damage(write(tmp_path / "data", "spans.parquet", _ROWS), column, skipped)
    name, *more = command
    result = CliRunner().invoke(main, [name, str(damaged), *more], standalone_mode=False)
    assert isinstance(result.exception, TraceviewError)
    assert result.exception.exit_code == 2
    assert result.exception.message.startswith(f"{damaged} is damaged: a page of it cannot be read (")
    assert (
        result.exception.hint
        == "write it or copy it again; in a directory, move it away to read the other files"
    )


@pytest.mark.parametrize("skipped", [0, 40])
def test_the_damaged_one_of_several_files_is_named(tmp_path: Path, opening: Open, skipped: int) -> None:
    data = tmp_path / "data"
    for number in range(3):
        write(data, f"part{number}", _ROWS)
    names = sorted(data.iterdir())
    _damage(names[1], "trace_id", skipped)
    engine = opening(data, wait=False)
    with pytest.raises(BadInput, match=f"{names[1].name} is damaged"):
        engine.wait_ready()
    assert engine.status().phase == "failed" and names[1].name in (engine.status().message or "")


def test_a_damaged_text_is_told_where_it_is_read(tmp_path: Path, opening: Open) -> None:
    engine = opening(_damage(write(tmp_path / "data", "spans.parquet", _ROWS), "attributes", 0))
    assert len(engine.select(ListQuery("traces"))) == 504
    with pytest.raises(BadInput, match=r"spans.*is damaged"):
        engine.payloads(engine.trace("t1").spans)


def test_the_child_process_hands_on_the_sentence(
    tmp_path: Path, opening: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 10)
    path = _damage(write(tmp_path / "data", "spans.parquet", _ROWS), "trace_id", 40)
    with pytest.raises(TraceviewError) as told:
        opening(path)
    assert told.value.message.startswith(f"{path} is damaged")
    assert told.value.hint is not None and "again" in told.value.hint


def test_a_copy_in_the_cache_is_to_be_made_again(tmp_path: Path, cache: Path, opening: Open) -> None:
    path = _damage(write(cache / "parts", "spans.parquet", _ROWS), "trace_id", 40)
    with pytest.raises(BadInput) as told:
        opening(path)
    assert told.value.hint is not None and "traceview cache clear" in told.value.hint


def test_a_look_at_the_values_of_a_damaged_column_is_told(tmp_path: Path, opening: Open) -> None:
    path = tmp_path / "table.parquet"
    table = pa.table(
        {
            "trace_id": [f"t{number}" for number in range(500)],
            "input": [f"in {number}" for number in range(500)],
            "latency": [number / 7 for number in range(500)],
        }
    )
    pq.write_table(table, path)
    _damage(path, "latency", 0)
    with pytest.raises(BadInput, match=r"table\.parquet is damaged"):
        opening(path)


def test_other_failures_are_not_called_damage(tmp_path: Path, opening: Open) -> None:
    engine = opening(write(tmp_path / "data", "spans.parquet", _ROWS))
    with pytest.raises(BadInput) as told:
        engine.sql("SELECT nothing_of_that_name FROM spans")
    assert "damaged" not in told.value.message
    assert len(engine.select(ListQuery("traces"))) == 504


def test_a_damaged_index_is_not_blamed_on_the_source(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 10)
    source = write(tmp_path / "data", "spans.parquet", _ROWS)
    assert CliRunner().invoke(main, ["index", str(source)]).exit_code == 0
    (index,) = cache.rglob("*.duckdb")
    with index.open("rb+") as stream:
        for start in range(20_000, index.stat().st_size, 5_000):
            stream.seek(start)
            stream.write(b"\xde\xad\xbe\xef" * 16)
    result = CliRunner().invoke(main, ["stats", str(source)], standalone_mode=False)
    assert isinstance(result.exception, BadInput)
    assert result.exception.message.startswith("the index of this source, which traceview made in ")
    assert "traceview index SOURCE --drop" in (result.exception.hint or "")
    assert CliRunner().invoke(main, ["index", str(source), "--drop"]).exit_code == 0
    assert CliRunner().invoke(main, ["stats", str(source)]).exit_code == 0
