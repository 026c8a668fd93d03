"""What a file is, by its content, and the words for what it is not."""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from traceview.model.errors import BadInput
from traceview.sources.bytes import open_bytes
from traceview.sources.duckdb_file import explain
from traceview.sources.open import open_sources
from traceview.sources.probe import Unreadable, probe


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return packed


LINE = b'{"resourceSpans": []}\n'


@pytest.mark.parametrize(
    ("content", "container", "compression", "first"),
    [
        (LINE * 3, "json", None, {"resourceSpans": []}),
        (b"\xef\xbb\xbf\n" + LINE, "json", None, {"resourceSpans": []}),
        (gzip.compress(LINE, mtime=0), "json", "gzip", {"resourceSpans": []}),
        (zstd(LINE), "json", "zstd", {"resourceSpans": []}),
        (b'{\n "resourceSpans": []\n}', "json", None, {"resourceSpans": []}),
        (b'[{"a": 1}]', "json", None, [{"a": 1}]),
        (b'{"torn": \n{"whole": 1}\n', "json", None, {"whole": 1}),
        (b"trace_id,name\n1,2\n", "csv", None, None),
        (b"  \n\n", "empty", None, None),
        (b"hello world", "unknown", None, None),
        (bytes(range(256)), "unknown", None, None),
    ],
    ids=[
        *("lines", "byte-order-mark", "gzip", "zstd", "pretty", "array", "torn-first-line"),
        *("csv", "blank", "words", "binary"),
    ],
)
def test_by_content(
    tmp_path: Path, content: bytes, container: str, compression: str | None, first: Any
) -> None:
    path = tmp_path / "misnamed.parquet"
    path.write_bytes(content)
    seen = probe(path)
    assert (seen.container, seen.compression, seen.first) == (container, compression, first)


def test_keys_of_an_object_larger_than_the_head(tmp_path: Path) -> None:
    path = tmp_path / "big.json"
    path.write_text('{"resourceSpans": [' + ",".join(['{"x": "' + "y" * 1000 + '"}'] * 1000) + "]}")
    seen = probe(path)
    assert seen.container == "json"
    assert seen.first is None
    assert "resourceSpans" in seen.top_keys


def test_parquet_and_duckdb_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"trace_id": ["t"], "n": [1]}), tmp_path / "no-suffix")
    assert probe(tmp_path / "no-suffix").columns == {"trace_id": "VARCHAR", "n": "BIGINT"}
    with duckdb.connect(str(tmp_path / "x.bin")) as connection:
        connection.execute("CREATE TABLE runs AS SELECT 't' AS trace_id, 'q' AS input")
    seen = probe(tmp_path / "x.bin")
    assert (seen.container, seen.table, list(seen.columns)) == ("duckdb", "runs", ["trace_id", "input"])


def test_a_torn_gzip_still_shows_its_head(tmp_path: Path) -> None:
    lines = b"".join(b'{"resourceSpans": [], "n": %d}\n' % number for number in range(50_000))
    path = tmp_path / "torn.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:20_000])
    assert probe(path).first == {"resourceSpans": [], "n": 0}


def test_decompressed_bytes(tmp_path: Path) -> None:
    for name, content in (("a", LINE), ("b", gzip.compress(LINE) + gzip.compress(LINE)), ("c", zstd(LINE))):
        (tmp_path / name).write_bytes(content)
        with open_bytes(tmp_path / name, probe(tmp_path / name).compression) as stream:
            assert stream.read() == LINE * (2 if name == "b" else 1)


def test_refusals_say_what_was_seen(tmp_path: Path) -> None:
    database = tmp_path / "phoenix.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE spans (id)")
    cases = [
        (database, "is an SQLite database"),
        (tmp_path / "notes", r"(?m)is no trace file: it starts with '# hello you there'$"),
        (tmp_path / "binary", r"(?m)is no trace file: it starts with the bytes 00 01 02 03 04 05 06 07$"),
        (tmp_path / "other.json", r"its first keys are alpha, beta"),
        (tmp_path / "x.csv", r"(?s)its columns do not tell.*they are one, two\n.*--map input=COLUMN"),
        (tmp_path / "blank", "is empty"),
    ]
    (tmp_path / "notes").write_text("# hello you there\n\nmore")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "other.json").write_text('{"beta": 1, "alpha": 2}')
    (tmp_path / "x.csv").write_text("one,two\n1,2\n")
    (tmp_path / "blank").write_text("\n\n")
    for path, message in cases:
        with pytest.raises(BadInput, match=message):
            open_sources([str(path)])


def test_keys_in_a_refusal_cannot_reach_the_terminal_raw(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"a\x1b[31m": 1}))
    with pytest.raises(BadInput) as caught:
        open_sources([str(path)])
    assert "\x1b" not in str(caught.value)


def torn(path: Path) -> Path:
    whole = path.with_suffix(".whole")
    pq.write_table(pa.table({"trace_id": ["t"] * 100, "input": ["i"] * 100}), whole)
    path.write_bytes(whole.read_bytes()[:-20])
    whole.unlink()
    return path


def test_a_torn_parquet_file_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    torn(tmp_path / "a.parquet")
    pq.write_table(pa.table({"trace_id": ["t"], "input": ["i"]}), tmp_path / "b.parquet")
    with pytest.raises(Unreadable):
        probe(tmp_path / "a.parquet")
    opened = open_sources([str(tmp_path)])
    assert opened.paths == (tmp_path / "b.parquet",)
    [skipped] = opened.skipped
    assert skipped.where == str(tmp_path / "a.parquet")
    assert skipped.reason.startswith("cannot be read: torn or still being written")
    with pytest.raises(BadInput, match="torn or still being written"):
        open_sources([str(tmp_path / "a.parquet")])


def test_files_of_one_layout_are_one_relation_others_apart(tmp_path: Path) -> None:
    pq.write_table(pa.table({"trace_id": ["1"], "input": ["i"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"trace_id": ["2"], "input": ["i"]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"trace_id": [3], "input": ["i"], "output": ["o"]}), tmp_path / "c.parquet")
    opened = open_sources([str(tmp_path)])
    assert sorted(len(relation.files) for relation in opened.relations) == [1, 2]
    with duckdb.connect() as connection:
        rows = [connection.execute(r.select(["trace_id", "output"])).fetchall() for r in opened.relations]
    assert sorted((row for found in rows for row in found), key=lambda row: row[0]) == [
        ("1", None),
        ("2", None),
        ("3", "o"),
    ]


def test_the_identity_changes_with_file_and_mapping_only(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"trace_id": ["1"], "input": ["i"], "release": ["r"]}), path)
    first = open_sources([str(path)]).identity
    assert open_sources([str(tmp_path)]).identity == first
    assert open_sources([str(path)], {"prompt_version": "release"}).identity != first
    pq.write_table(pa.table({"trace_id": ["2"], "input": ["i"], "release": ["r"]}), path)
    assert open_sources([str(path)]).identity != first


class TestDuckDB:
    """Which table of a DuckDB file, and who holds it."""

    def make(self, path: Path, *statements: str) -> Path:
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        return path

    SPANS = "CREATE TABLE {} AS SELECT 't' AS trace_id, 's' AS span_id, 'i' AS input, 'm' AS model"

    def test_the_table_with_spans_is_found(self, tmp_path: Path) -> None:
        path = self.make(tmp_path / "x.duckdb", "CREATE TABLE users (name TEXT)", self.SPANS.format("calls"))
        [relation] = open_sources([str(path)]).relations
        assert (relation.kind, relation.table) == ("duckdb", "calls")
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{path}' AS source (READ_ONLY)")
            assert connection.execute(relation.select(["trace_id", "model"])).fetchall() == [("t", "m")]

    def test_several_are_the_users_to_choose(self, tmp_path: Path) -> None:
        path = self.make(
            tmp_path / "x.duckdb",
            self.SPANS.format("one"),
            "CREATE SCHEMA old",
            self.SPANS.format("old.two").replace("'t'", "'u'"),
        )
        with pytest.raises(BadInput, match=r"several tables that look like spans: one, old\.two") as caught:
            open_sources([str(path)])
        assert caught.value.hint == "choose one: --map table=one"
        [relation] = open_sources([str(path)], {"table": "OLD.two"}).relations
        assert relation.table == "old.two"
        with pytest.raises(BadInput, match="has no table 'three'"):
            open_sources([str(path)], {"table": "three"})

    def test_the_one_called_spans_wins(self, tmp_path: Path) -> None:
        path = self.make(tmp_path / "x.duckdb", self.SPANS.format("spans"), self.SPANS.format("backup"))
        assert open_sources([str(path)]).relations[0].table == "spans"

    def test_rows_without_ids_in_tables_and_views(self, tmp_path: Path) -> None:
        path = self.make(
            tmp_path / "x.duckdb",
            "CREATE TABLE chat AS SELECT unnest(['a', 'b']) AS input, 'o' AS output",
            "CREATE VIEW seen AS FROM chat",
        )
        for table in ("chat", "seen"):
            [relation] = open_sources([str(path)], {"table": table}).relations
            with duckdb.connect() as connection:
                connection.execute(f"ATTACH '{path}' AS source (READ_ONLY)")
                ids = [row[0] for row in connection.execute(relation.select(["span_id"])).fetchall()]
            assert len(set(ids)) == 2

    def test_no_tables_and_no_spans(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="has no tables"):
            open_sources([str(self.make(tmp_path / "a.duckdb", "SELECT 1"))])
        path = self.make(tmp_path / "b.duckdb", "CREATE TABLE x (a INT)", "CREATE TABLE y (b INT)")
        with pytest.raises(BadInput, match="no table whose columns look like spans; its tables are x, y"):
            open_sources([str(path)])

    def test_a_locked_file_names_the_process(self, tmp_path: Path) -> None:
        path = self.make(tmp_path / "x.duckdb", self.SPANS.format("spans"))
        code = (
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE z (a INT)');"
            "print('open', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            with pytest.raises(BadInput, match=rf"open for writing in process {writer.pid}") as caught:
                open_sources([str(path)])
            writer.communicate()
        assert "close that process" in (caught.value.hint or "")
        assert open_sources([str(path)]).format == "table"

    def test_a_damaged_file_is_not_called_locked(self, tmp_path: Path) -> None:
        path = self.make(tmp_path / "x.duckdb", self.SPANS.format("spans"))
        content = bytearray(path.read_bytes())
        content[12:20] = (9999).to_bytes(8, "little")
        path.write_bytes(bytes(content))
        with pytest.raises(BadInput, match=r"x\.duckdb cannot be opened as a DuckDB file"):
            open_sources([str(path)])

    @pytest.mark.parametrize(
        "error",
        [
            "IO Error: Trying to read a database file with version number 99, but we can only read versions "
            "between 64 and 67.",
            "Invalid Input Error: Failed to open the file: it was created with a newer version of DuckDB",
        ],
    )
    def test_a_newer_file_is_said(self, error: str) -> None:
        told = explain(Path("x.duckdb"), error)
        assert told.message.startswith("x.duckdb was written by a DuckDB that this one")
        assert "COPY" in (told.hint or "")


@pytest.mark.parametrize("format", ["jsonl", "csv", "parquet"])
def test_exports_are_not_read_back_as_traces(tmp_path: Path, format: str) -> None:
    from traceview.exports.base import ExportOrigin, export

    table = pa.table({"trace_id": ["a" * 32], "span_id": ["b" * 16], "name": ["x"], "input": ["hello"]})
    pq.write_table(table, tmp_path / "traces.parquet")
    made = tmp_path / f"out.{format}"
    row = {"target_kind": "trace", "target_id": "a" * 32, "trace_id": "a" * 32, "name": "x", "input": "hello"}
    export(format, [row], made, labels=(), origin=ExportOrigin("", ()), all_targets=True)
    with pytest.raises(BadInput, match="an export of traceview, not traces"):
        open_sources([str(made)])
    opened = open_sources([str(tmp_path)])
    assert opened.paths == (tmp_path / "traces.parquet",)
    assert ("an export of traceview, not traces", str(made)) in [
        (one.reason, one.where) for one in opened.skipped
    ]
    by_glob = open_sources([str(tmp_path / "*")])
    assert by_glob.paths == opened.paths


def test_to_know_a_format_no_reader_is_imported() -> None:
    code = "import traceview.sources.registry, sys; print('\\n'.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    readers = re.compile(r"^(traceview\.sources\.(dialects|records|attributes|.*\.reading)|pyarrow|duckdb)\b")
    assert [name for name in found.stdout.split() if readers.match(name)] == []


def test_what_is_kept_of_a_probe_is_small_and_still_tells_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({"data": [{"id": 1, "text": "x" * 90_000}] * 2, "meta": {"deep": {"er": {"est": 1}}}})
    )
    kept = probe(path).kept()
    assert len(kept.head) == 4096
    assert kept.first == {"data": [{"id": 1, "text": "x" * 64}], "meta": {"deep": {"er": {}}}}
    assert kept.top_keys == {"data", "meta"}
