"""Import into a store: once, whole, and said."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.ingest.importer import import_sources
from traceview.ingest.memory import MANIFEST
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMNS
from traceview.sources.open import open_sources
from traceview.sources.parts import parts_in
from traceview.store.open import open_engine


def table(path: Path, first: int, last: int, **more: Any) -> Path:
    numbers = range(first, last)
    columns = {
        "traceId": [f"t{number // 4}" for number in numbers],
        "spanId": [f"s{number}" for number in numbers],
        "timestamp": pa.array([10**18 - number for number in numbers], pa.timestamp("ns", "UTC")),
        "question": [f"question {number}" for number in numbers],
        **more,
    }
    pq.write_table(pa.table(columns), path)
    return path


def rows(store: Path, query: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(query.format(f"read_parquet('{store}/*.parquet')")).fetchall()


def test_a_table_becomes_canonical_parts(tmp_path: Path) -> None:
    report = import_sources([str(table(tmp_path / "a.parquet", 0, 100))], tmp_path / "store")
    assert (report.spans, report.already, len(report.files)) == (100, 0, 1)
    store = tmp_path / "store"
    described = rows(store, "DESCRIBE FROM {}")
    assert [(row[0], row[1]) for row in described] == [(column.name, column.type) for column in COLUMNS]
    times = [row[0] for row in rows(store, "SELECT epoch_ns(start_time) FROM {}")]
    assert times == sorted(10**18 - number for number in range(100))
    assert rows(store, "SELECT input_text FROM {} WHERE span_id = 's7'") == [("question 7",)]
    assert open_sources([str(store)]).format == "traceview"


def test_importing_again_adds_nothing(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 0, 50)
    store = tmp_path / "store"
    import_sources([str(path)], store)
    again = import_sources([str(path)], store)
    assert (again.spans, again.files, again.unchanged) == (0, [], [str(path)])
    # the same spans in another file, half of them new
    more = import_sources([str(table(tmp_path / "b.parquet", 25, 75))], store)
    assert (more.spans, more.already) == (25, 25)
    assert rows(store, "SELECT count(*), count(DISTINCT span_id) FROM {}") == [(75, 75)]
    assert "25 spans were in the store already" in more.sentences()


def test_overlapping_files_of_one_import(tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", 0, 50)
    table(tmp_path / "b.parquet", 40, 60, model=["m"] * 20)
    report = import_sources([str(tmp_path / "*.parquet")], tmp_path / "store")
    assert (report.spans, report.repeated) == (60, 10)
    # the later file counts
    assert rows(tmp_path / "store", "SELECT count(*) FROM {} WHERE model = 'm'") == [(20,)]


def test_killed_before_the_manifest_was_written(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 0, 50)
    store = tmp_path / "store"
    import_sources([str(path)], store)
    (store / MANIFEST).unlink()
    report = import_sources([str(path)], store)
    assert (report.spans, report.already) == (0, 50)
    assert len(parts_in(store)) == 1


def test_a_changed_mapping_reads_the_file_again_and_the_newest_reading_counts(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 0, 5, release=["r"] * 5)
    import_sources([str(path)], tmp_path / "store")
    report = import_sources([str(path)], tmp_path / "store", overrides={"prompt_version": "release"})
    assert (report.spans, report.changed, report.already) == (5, 5, 0)
    engine = open_engine([str(tmp_path / "store")])
    try:
        engine.wait_ready()
        info = engine.info()
    finally:
        engine.close()
    assert (info.spans, [one[1] for one in info.prompt_versions]) == (5, ["r"])


def test_a_duckdb_table(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE runs AS SELECT 't' AS trace_id, 's' || i AS span_id, 'q' AS input FROM range(9) r(i)"
        )
    report = import_sources([str(tmp_path / "x.duckdb")], tmp_path / "store")
    assert report.spans == 9


def test_what_was_skipped_is_said(tmp_path: Path) -> None:
    table(tmp_path / "a.parquet", 0, 5)
    (tmp_path / "b.parquet").write_bytes(b"PAR1 torn")
    report = import_sources([str(tmp_path)], tmp_path / "store")
    assert report.spans == 5
    told = json.loads(json.dumps(report.as_json()))
    assert told["skipped"][0]["where"] == str(tmp_path / "b.parquet")
    assert any(sentence.startswith("skipped: 1 x cannot be read: torn") for sentence in report.sentences())


def test_a_source_that_is_missing_is_told_and_the_others_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "a.parquet", 0, 5)
    (tmp_path / "empty").mkdir()
    report = import_sources(["a.parquet", "gone.jsonl", "../*.none", "empty"], tmp_path / "store")
    assert (report.spans, report.exit_code) == (5, 2)
    assert report.failed == [
        str(tmp_path / "gone.jsonl"),
        str(tmp_path.parent / "*.none"),
        str(tmp_path / "empty"),
    ]
    told = list(report.sentences())
    assert f"skipped: 1 x does not exist ({tmp_path / 'gone.jsonl'})" in told
    with pytest.raises(BadInput, match="does not exist"):
        import_sources(["gone.jsonl"], tmp_path / "store")
    with pytest.raises(BadInput, match="none of 2 sources can be opened"):
        import_sources(["gone.jsonl", "gone.parquet"], tmp_path / "store")


def test_a_store_that_cannot_be_made_is_not_taken_for_a_directory_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"/proc/foo") as refused:
        import_sources([str(table(tmp_path / "a.parquet", 0, 5))], Path("/proc/foo"))
    assert refused.value.hint is not None and "store" in refused.value.hint
    assert "TRACEVIEW_" not in refused.value.hint


@pytest.mark.parametrize("what", ["foreign", "itself", "newer", "damaged"])
def test_stores_that_are_refused(tmp_path: Path, what: str) -> None:
    path = table(tmp_path / "a.parquet", 0, 5)
    store = tmp_path / "store"
    store.mkdir()
    message = {
        "foreign": "is not a store of traceview",
        "itself": "lies in the store",
        "newer": "written by a newer traceview",
        "damaged": "is damaged",
    }[what]
    if what == "foreign":
        pq.write_table(pa.table({"x": [1]}), store / "x.parquet")
    elif what == "itself":
        path = path.rename(store / "a.parquet")
    else:
        (store / MANIFEST).write_text('{"schema": 99, "imports": {}}' if what == "newer" else "{torn")
    with pytest.raises(BadInput, match=message):
        import_sources([str(path)], store)
    assert len(list(store.glob("part-*"))) == 0


def test_a_torn_part_of_the_store_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    import_sources([str(table(tmp_path / "a.parquet", 0, 5))], store)
    (store / "part-torn.parquet").write_bytes(b"PAR1 torn")
    report = import_sources([str(table(tmp_path / "b.parquet", 5, 9))], store)
    assert report.spans == 4
    assert [skipped.where for skipped in report.skipped] == [str(store / "part-torn.parquet")]


def test_what_a_killed_writer_left_goes_after_a_while(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", 0, 5)
    store = tmp_path / "store"
    import_sources([str(path)], store)
    old, fresh = store / ".traceview-part.1.tmp", store / ".traceview-part.2.tmp"
    for left in (old, fresh):
        left.write_bytes(b"half")
    os.utime(old, (1, 1))
    import_sources([str(path)], store)
    assert not old.exists()
    assert fresh.exists()
    assert open_sources([str(store)]).skipped == ()


def test_a_line_break_in_the_name_of_a_file_breaks_no_line_of_the_report(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines.jsonl"
    path.write_text('{"trace_id": "a", "span_id": "b", "model": "m", "input": "hi"}\n{torn\n')
    report = import_sources([str(path)], tmp_path / "store")
    assert report.skipped
    assert not any("\n" in sentence for sentence in report.sentences())
