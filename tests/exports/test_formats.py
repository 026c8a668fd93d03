"""Exports: what is read back by pandas and DuckDB is what was there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview import __version__
from traceview.exports.base import ExportOrigin, export, metadata_path
from traceview.exports.comma_separated import neutralise, restore
from traceview.exports.content import CONTENT_COLUMNS, Labels, value_type
from traceview.exports.registry import FORMATS
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target

ORIGIN = ExportOrigin("score.verdict:fail", ("/data/week.parquet",), "identity", "/data/week.labels.db")
TEXTS = [
    "=1+1",
    "+49 30",
    "-rm",
    "@SUM(A1)",
    "'quoted",
    "''=x",
    "\tindented",
    "\r\nfirst",
    "＝full",
    'a "quote", a comma; and\nlines\r\nof both\rkinds',
    "é ü 你好 👩‍👩‍👧 \u202e",
    "\x1b[31mred\x07\x08",
    "",
    "NULL",
    "12",
    "x" * 100_000,
]


def label(
    target: str, value: LabelValue, name: str = "verdict", source: str = "human", who: str = "ann"
) -> LabelRow:
    return LabelRow(
        f"{target}{name}{source}{who}",
        Target("trace", target, target),
        name,
        value,
        source,  # type: ignore[arg-type]
        who,
        "2026-11-20T00:00:00.000000Z",
        reason="=why",
        blind=True,
        session="s",
        definition_hash="abcd",
    )


ROWS: list[dict[str, Any]] = [
    {
        "target_kind": "trace",
        "target_id": f"t{number}",
        "trace_id": f"t{number}",
        "thread_id": "h",
        "name": "agent",
        "start_ns": 1_763_596_800_123_456_789 + number,
        "end_ns": None,
        "duration_ms": 12.5,
        "models": ["m1", "m2"],
        "prompt_versions": [{"name": "support", "version": "v7"}, {"name": "plain", "version": None}],
        "input_tokens": 3,
        "output_tokens": None,
        "cost_usd": 0.25,
        "tags": [],
        "input": text,
        "output": text[::-1],
        "input_preview": "left out",
    }
    for number, text in enumerate(TEXTS)
]
LABELS = [
    label("t0", True),
    label("t1", False),
    label("t2", "n/a"),
    label("t0", False, source="judge", who="url_from_search"),
    label("t0", ("a", "b"), name="mode"),
    label("t3", "=note", name="note"),
    label("t4", 3, name="effort"),
    label("t5", 2.5, name="effort"),
    label("t6", 1, name="mixed"),
    label("t7", "one", name="mixed"),
    label("t0", True, who="a.b@example.com"),
    label("not exported", True, name="elsewhere"),
]
LABELLED = 8


def written(format: str, folder: Path, **options: Any) -> Path:
    path = folder / f"out.{format}"
    report = export(format, iter(ROWS), path, labels=LABELS, origin=ORIGIN, **options)
    assert (report.rows, report.of) == (len(ROWS) if options.get("all_targets") else LABELLED, len(ROWS))
    assert report.path == path
    return path


def metadata(format: str, path: Path) -> dict[str, Any]:
    if FORMATS[format].carries_metadata:
        assert not metadata_path(path).exists()
        return json.loads(pq.read_metadata(path).metadata[b"traceview_export"])
    return json.loads(metadata_path(path).read_text())["traceview_export"]


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, format: str) -> None:
    first = written(format, tmp_path).read_bytes()
    assert written(format, tmp_path, force=True).read_bytes() == first


@pytest.mark.parametrize("format", FORMATS)
def test_where_the_rows_came_from_is_said(tmp_path: Path, format: str) -> None:
    said = metadata(format, written(format, tmp_path))
    assert said["filter"] == "score.verdict:fail" and said["source"] == ["/data/week.parquet"]
    assert said["source_identity"] == "identity" and said["labels"] == "/data/week.labels.db"
    assert said["traceview_version"] == __version__
    assert FORMATS[format].carries_metadata or said["exported_at"].endswith("Z")
    assert (said["rows"], said["targets"], said["labelled_rows"]) == (LABELLED, len(ROWS), LABELLED)
    assert said["labelled_targets_in_label_file"] == LABELLED + 1 and said["notes"]


def test_json_lines_hold_everything(tmp_path: Path) -> None:
    path = written("jsonl", tmp_path, all_targets=True)
    lines = [json.loads(text) for text in path.read_bytes().split(b"\n")[:-1]]
    assert [line["input"] for line in lines] == TEXTS
    assert list(lines[0]) == [*CONTENT_COLUMNS, "scores"]
    first = lines[0]
    assert first["start_time"] == "2025-11-20T00:00:00.123456789Z" and first["end_time"] is None
    assert first["prompt_versions"] == ["support@v7", "plain"]
    assert first["scores"]["verdict"]["human"]["ann"] == {
        "value": True,
        "reason": "=why",
        "definition_hash": "abcd",
        "blind": True,
        "session": "s",
        "created_at": "2026-11-20T00:00:00.000000Z",
    }
    assert first["scores"]["verdict"]["judge"]["url_from_search"]["value"] is False
    assert first["scores"]["mode"]["human"]["ann"]["value"] == ["a", "b"]
    assert lines[2]["scores"]["verdict"]["human"]["ann"]["value"] == "n/a"
    assert lines[10]["scores"] == {}
    frame = pd.read_json(path, lines=True, dtype=False)
    assert list(frame["input"]) == TEXTS and list(frame["output"]) == [text[::-1] for text in TEXTS]
    rows = duckdb.sql(
        f"SELECT input, output FROM read_json('{path}', maximum_object_size=10000000)"
    ).fetchall()
    assert rows == [(text, text[::-1]) for text in TEXTS]


def test_csv_is_read_back_by_pandas_and_duckdb(tmp_path: Path) -> None:
    path = written("csv", tmp_path, all_targets=True)
    frame = pd.read_csv(path, keep_default_na=False, dtype=str, lineterminator=None)
    assert [restore(cell) for cell in frame["input"]] == TEXTS
    assert [restore(cell) for cell in frame["output"]] == [text[::-1] for text in TEXTS]
    assert list(frame["score.verdict.human.ann"][:4]) == ["true", "false", "n/a", ""]
    assert frame["score.verdict.human.ann.reason"][0] == "'=why"
    assert frame["score.verdict.human.ann.definition_hash"][0] == "abcd"
    assert frame["score.verdict.judge.url_from_search"][0] == "false"
    assert json.loads(frame["score.mode.human.ann"][0]) == ["a", "b"]
    assert frame["score.note.human.ann"][3] == "'=note"
    assert list(frame["score.effort.human.ann"][4:6]) == ["3", "2.5"]
    assert json.loads(frame["models"][0]) == ["m1", "m2"]
    read = f"read_csv('{path}', all_varchar=true, header=true, quote='\"', escape='\"', delim=',')"
    cells = duckdb.sql(f"SELECT coalesce(input, '') FROM {read}").fetchall()
    assert [restore(cell) for (cell,) in cells] == TEXTS


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    frame = pd.read_csv(written("csv", tmp_path, all_targets=True), keep_default_na=False, dtype=str)
    for column in frame.columns:
        assert not column.startswith(("=", "+", "-", "@"))
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in frame[column])


@given(st.text())
def test_neutralising_is_reversible_and_safe(text: str) -> None:
    assert restore(neutralise(text)) == text
    assert not neutralise(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_parquet_is_typed_and_read_back(tmp_path: Path) -> None:
    path = written("parquet", tmp_path, all_targets=True)
    frame = pd.read_parquet(path)
    assert list(frame["input"]) == TEXTS and list(frame["output"]) == [text[::-1] for text in TEXTS]
    assert frame["start_time"][0].value == 1_763_596_800_123_456_789 and frame["start_time"].dt.tz is not None
    assert list(frame["models"][0]) == ["m1", "m2"]
    row = duckdb.sql(
        f"""
        SELECT "score.verdict.human.ann", "score.verdict.human.ann.na", "score.mode.human.ann",
               "score.verdict.human.ann.reason", "score.verdict.human.a.b@example.com"
        FROM '{path}' WHERE target_id IN ('t0', 't1', 't2', 't10') ORDER BY start_time
        """
    ).fetchall()
    assert row == [
        (True, False, ["a", "b"], "=why", True),
        (False, False, None, "=why", None),
        (None, True, None, "=why", None),
        (None, None, None, None, None),
    ]
    effort = duckdb.sql(
        f"""SELECT "score.effort.human.ann" FROM '{path}' WHERE target_id IN ('t4', 't5')"""
    ).fetchall()
    assert sorted(effort) == [(2.5,), (3.0,)]
    assert list(frame["score.mixed.human.ann"][6:8]) == ["1", '"one"']
    assert frame["score.elsewhere.human.ann"].isna().all()


@pytest.mark.parametrize(
    ("values", "type"),
    [
        ((True, False, "n/a"), "bool"),
        ((1, 2), "int"),
        ((1, 2.5, "n/a"), "float"),
        ((1, 1 << 70), "float"),
        ((True, 1), "text"),
        ((("a",), ()), "texts"),
        (("a", ("b",)), "text"),
        (("n/a",), "text"),
        ((), "text"),
    ],
)
def test_types_of_score_columns(values: tuple[LabelValue, ...], type: str) -> None:
    assert value_type(values) == type


def test_names_whose_dots_look_alike_stay_apart() -> None:
    labels = Labels([label("t0", True, name="a", who="human.x"), label("t0", False, name="a.human", who="x")])
    names = [column.name for column in labels.columns(typed=True)]
    assert len(set(names)) == len(names) == 6


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_overwritten_without_being_told(tmp_path: Path, format: str) -> None:
    path = written(format, tmp_path)
    before = path.read_bytes()
    with pytest.raises(BadInput, match="exists"):
        export(format, ROWS, path, labels=LABELS, origin=ORIGIN)
    assert path.read_bytes() == before
    written(format, tmp_path, force=True)
    source = tmp_path / f"source.{format}"
    source.write_bytes(b"traces")
    with pytest.raises(BadInput, match="never written"):
        export(format, ROWS, source, labels=[], origin=ExportOrigin("", (str(source),)), force=True)
    assert source.read_bytes() == b"traces"


@pytest.mark.parametrize("format", FORMATS)
def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, format: str) -> None:
    def failing() -> Any:
        yield from ROWS
        raise BadInput("the source vanished")

    with pytest.raises(BadInput, match="vanished"):
        export(format, failing(), tmp_path / "out", labels=LABELS, origin=ORIGIN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_export_is_a_valid_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"out.{format}"
    report = export(format, [], path, labels=[], origin=ORIGIN)
    assert (report.rows, report.of) == (0, 0)
    if format == "jsonl":
        assert path.read_bytes() == b""
    else:
        frame = pd.read_csv(path) if format == "csv" else pd.read_parquet(path)
        assert list(frame.columns) == list(CONTENT_COLUMNS) and len(frame) == 0


def test_rows_are_streamed_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from traceview.exports import base

    monkeypatch.setattr(base, "BATCH_ROWS", 3)
    path = written("parquet", tmp_path, all_targets=True)
    assert pq.ParquetFile(path).metadata.num_row_groups == (len(ROWS) + 2) // 3
    assert list(pd.read_parquet(path)["input"]) == TEXTS


def test_an_unknown_format_and_place_are_named(tmp_path: Path) -> None:
    for format, path, words in (
        ("parqet", tmp_path / "a", "did you mean parquet"),
        ("csv", tmp_path, "is a directory"),
        ("csv", tmp_path / "no" / "a.csv", "does not exist"),
    ):
        with pytest.raises(BadInput) as refused:
            export(format, [], path, labels=[], origin=ORIGIN)
        assert words in str(refused.value)


def test_half_characters_do_not_stop_an_export(tmp_path: Path) -> None:
    row = ROWS[0] | {"input": "a\ud800b"}
    for format in FORMATS:
        export(format, [row], tmp_path / f"o.{format}", labels=[], origin=ORIGIN, all_targets=True)
    assert pd.read_parquet(tmp_path / "o.parquet")["input"][0] == "a?b"
