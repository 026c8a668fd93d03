"""Odd tables: views, names with dots, columns without values, reserved names; each is read or refused in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.files.dirs import cache_dir
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_NAMES
from traceview.sources.duckdb_file import CATALOG, attach, split_name
from traceview.sources.locate import locate, shown
from traceview.sources.open import open_sources

ROWS = "SELECT 't' AS trace_id, 's' || i AS span_id, 'in' AS input FROM range(3) AS r(i)"


def database(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def read(path: Path, overrides: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    """rowid, span_id and input of a table of a DuckDB file, every column having been read."""
    relation = open_sources([str(path)], overrides).relations[0]
    with duckdb.connect() as connection:
        attach(connection, path, CATALOG)
        connection.execute(relation.select(COLUMN_NAMES)).fetchall()
        names = ", ".join(relation.mapping.expressions[name] for name in ("span_id", "input"))
        return sorted(connection.execute(f"SELECT rowid, {names} FROM {relation.scan()}").fetchall())


@pytest.mark.parametrize(
    "statements",
    [
        [f"CREATE TABLE spans AS {ROWS}"],
        [f"CREATE VIEW spans AS {ROWS}"],
        ["CREATE TABLE raw(a INT)", f"CREATE VIEW spans AS {ROWS}"],
        ["CREATE SCHEMA obs", f"CREATE TABLE obs.runs AS {ROWS}"],
        ["CREATE SCHEMA obs", f"CREATE VIEW obs.runs AS {ROWS}"],
        [f'CREATE TABLE "the.spans" AS {ROWS}'],
        ['CREATE SCHEMA "a.b"', f'CREATE TABLE "a.b"."c""d" AS {ROWS}'],
    ],
)
def test_tables_and_views_under_any_name(tmp_path: Path, statements: list[str]) -> None:
    path = database(tmp_path / "x.duckdb", *statements)
    assert read(path) == [(number, f"s{number}", "in") for number in range(3)]


def test_a_table_with_a_dot_is_chosen_with_and_without_quotes(tmp_path: Path) -> None:
    other = f"CREATE TABLE other AS {ROWS} LIMIT 1"
    path = database(tmp_path / "x.duckdb", f'CREATE TABLE "the.spans" AS {ROWS}', other)
    assert len(read(path, {"table": "the.spans"})) == len(read(path, {"table": '"The.Spans"'})) == 3
    assert len(read(path, {"table": "other"})) == 1


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("spans", ("main", "spans")),
        ("obs.spans", ("obs", "spans")),
        ('"the.spans"', ("main", "the.spans")),
        ('obs."a""b.c"', ("obs", 'a"b.c')),
    ],
)
def test_split_name(table: str, names: tuple[str, str]) -> None:
    assert split_name(table) == names


def test_a_view_over_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone.parquet"
    pq.write_table(pa.table({"trace_id": ["t"], "input": ["i"], "latency": [1.5]}), gone)
    path = database(tmp_path / "x.duckdb", f"CREATE VIEW spans AS FROM read_parquet('{gone}')")
    gone.unlink()
    with pytest.raises(BadInput, match=r"a table of .*x\.duckdb cannot be read: .*gone\.parquet"):
        open_sources([str(path)])


def test_columns_that_hold_only_nulls(tmp_path: Path) -> None:
    names = (
        "trace_id",
        "span_id",
        "kind",
        "input",
        "output",
        "start_time",
        "error",
        "tags",
        "feedback",
        "attributes",
    )
    pq.write_table(pa.table({name: pa.nulls(2) for name in names}), tmp_path / "t.parquet")
    relation = open_sources([str(tmp_path / "t.parquet")]).relations[0]
    with duckdb.connect() as connection:
        found = connection.execute(relation.select(["span_id", "input_text", "status", "scores"])).fetchall()
    assert [row[1:] for row in found] == [(None, "unset", None)] * 2
    assert len({row[0] for row in found}) == 2


@pytest.mark.parametrize("name", ["file_row_number", "File_Index"])
def test_a_column_that_hides_row_numbers_is_refused(tmp_path: Path, name: str) -> None:
    pq.write_table(pa.table({"trace_id": ["t"], "input": ["i"], name: [7]}), tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=f"has a column {name}") as caught:
        open_sources([str(tmp_path / "t.parquet")])
    assert "RENAME" in str(caught.value)


def test_a_filename_column_does_not_name_rows(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"filename": ["x/same.py"] * 2, "input": ["a", "b"], "output": ["c", "d"]}),
        tmp_path / "t.parquet",
    )
    relation = open_sources([str(tmp_path / "t.parquet")]).relations[0]
    with duckdb.connect() as connection:
        found = connection.execute(relation.select(["span_id"])).fetchall()
    assert sorted(found) == [("t:0",), ("t:1",)]


def test_standard_input_is_called_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))
    with (tmp_path / "in").open("wb") as out:
        out.write(b'{"a": 1}')
    with (tmp_path / "in").open("rb") as stream:
        path = locate(["-"], stream).files[0]
    assert path.is_relative_to(cache_dir())
    assert shown(path) == "-"
    assert shown(tmp_path / "in") == str(tmp_path / "in")
