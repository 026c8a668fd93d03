"""What labels and traces may hold at worst, written and read back by others; no two things look the same."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from traceview.exports.base import ExportOrigin, export
from traceview.files.atomic import LEFTOVER_SECONDS, atomic_write
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target

FORMATS = ("csv", "jsonl", "parquet")
TIME = "2026-11-20T00:00:00.000000Z"


def label(target: str, name: str, value: LabelValue, annotator: str = "ann") -> LabelRow:
    return LabelRow("i", Target("trace", target, target), name, value, "human", annotator, TIME)


def write(path: Path, rows: Sequence[Mapping[str, Any]], labels: Sequence[LabelRow]) -> dict[str, Any]:
    """Write the format that the path's suffix says; the metadata."""
    full = [{"target_kind": "trace", "trace_id": row["target_id"]} | dict(row) for row in rows]
    origin = ExportOrigin("", ())
    report = export(path.suffix[1:], full, path, labels=labels, origin=origin, all_targets=True)
    if report.metadata_path is not None:
        return json.loads(report.metadata_path.read_text())["traceview_export"]  # type: ignore[no-any-return]
    return json.loads(pq.read_metadata(path).metadata[b"traceview_export"])  # type: ignore[no-any-return]


CLASHING = [
    label("t", "a.human.b", "1", "c"),
    label("t", "a", "2", "b.human.c"),
    label("t", "a", "3", "x"),
    label("t", "a", "4", "x.reason"),
    label("t", "A", "5", "X"),
    label("t", "n", "6", 'a\x1bb\n,"c'),
]


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_every_column_says_whose_it_is(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    columns = write(path, [{"target_id": "t"}], CLASHING)["columns"]
    read = f"read_csv('{path}', all_varchar = true)" if format == "csv" else f"'{path}'"
    relation = duckdb.sql(f"SELECT * FROM {read}")
    (values,) = relation.fetchall()
    # DuckDB compares names without their case: it renamed none.
    by_name = dict(zip(relation.columns, values, strict=True))
    found = {
        (what["name"], what["annotator"]): by_name[column]
        for column, what in columns.items()
        if what["field"] == "value"
    }
    assert found == {(row.name, row.annotator): row.value for row in CLASHING}
    assert all(column.isprintable() for column in by_name)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_values_of_several_types_stay_apart(tmp_path: Path, format: str) -> None:
    values: list[LabelValue] = [True, "true", 1, "1", ("a", "b"), '["a","b"]', "n/a", "x", 1.5]
    path = tmp_path / f"a.{format}"
    labels = [label(f"t{place}", "m", value) for place, value in enumerate(values)]
    columns = write(path, [{"target_id": row.target.id} for row in labels], labels)["columns"]
    assert columns["score.m.human.ann"]["field"] == "value_json"
    if format == "csv":
        with path.open(newline="", encoding="utf-8") as stream:
            cells = [row["score.m.human.ann"] for row in csv.DictReader(stream)]
    else:
        cells = pq.read_table(path)["score.m.human.ann"].to_pylist()
    read = [json.loads(cell) for cell in cells]
    expected = [list(value) if isinstance(value, tuple) else value for value in values]
    assert read == expected and [type(value) for value in read] == [type(value) for value in expected]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_no_number_is_null(tmp_path: Path, format: str) -> None:
    row = {"target_id": "t", "duration_ms": float("nan"), "cost_usd": float("inf"), "input_tokens": 2**70}
    path = tmp_path / f"a.{format}"
    write(path, [row], [label("t", "e", 10**30), label("u", "e", 1.5), label("t", "f", 10**400)])
    if format == "parquet":
        (back,) = pq.read_table(path).to_pylist()
        assert back["score.e.human.ann"] == 1e30 and back["score.f.human.ann"] == "1" + "0" * 400
    elif format == "csv":
        with path.open(newline="", encoding="utf-8") as stream:
            (back,) = csv.DictReader(stream)
    else:
        back = json.loads(path.read_text())
    assert not any((back["duration_ms"], back["cost_usd"], back["input_tokens"]))


def test_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(BadInput, match="not a regular file"):
        export("csv", [], tmp_path / "a.csv", labels=[], origin=ExportOrigin("", ()), force=True)
    assert (tmp_path / "a.csv").is_fifo()


def test_what_a_killed_process_left_goes_after_a_day(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".traceview-a.csv.aa.tmp", tmp_path / ".traceview-a.csv.bb.tmp"
    other = tmp_path / ".traceview-b.csv.cc.tmp"
    for path in (old, fresh, other):
        path.write_text("x")
    past = time.time() - LEFTOVER_SECONDS - 60
    for path in (old, other):
        os.utime(path, (past, past))
    atomic_write(tmp_path / "a.csv", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((fresh.name, other.name, "a.csv"))
