"""`store check`: a good store is good, and what is wrong is named with what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.ingest.stores import otlp, span

from traceview.cli.main import _run
from traceview.ingest.checking import check_store
from traceview.ingest.importer import import_sources
from traceview.ingest.listen.inbox import open_inbox
from traceview.ingest.memory import MANIFEST
from traceview.model.errors import BadInput
from traceview.sources.part_names import name_of
from traceview.sources.parts import parts_in, table_of


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    for number in (0, 8):
        import_sources([str(otlp(tmp_path / "in.jsonl", (span(number + one) for one in range(8))))], path)
    return path


def test_a_good_store(store: Path) -> None:
    report = check_store(store, whole=True)
    assert (report.parts, report.spans, report.findings, report.exit_code) == (2, 16, [], 0)


def torn(store: Path) -> None:
    part = parts_in(store)[0]
    part.write_bytes(part.read_bytes()[:-20])


def damaged(store: Path) -> None:
    part = parts_in(store)[0]
    content = bytearray(part.read_bytes())
    content[4:400] = b"\xff" * 396
    part.write_bytes(content)


def foreign(store: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), store / "x.parquet")


def stray(store: Path) -> None:
    (store / "notes.txt").write_text("hello")


def unsorted(store: Path) -> None:
    rows = [
        {
            "source": "x",
            "trace_id": "t",
            "span_id": str(start),
            "kind": "llm",
            "status": "ok",
            "start_ns": start,
        }
        for start in (3, 1, 2)
    ]
    pq.write_table(table_of(rows), store / name_of("part", 9))


def manifest(store: Path) -> None:
    (store / MANIFEST).write_text("{torn")


def scores(store: Path) -> None:
    (store / name_of("scores", 1)).write_text('{"traceview_score": 1}\n{torn\n')


def versions(store: Path) -> None:
    import_sources([str(otlp(store.parent / "in.jsonl", [span(0, name="new")]))], store)


def leftover(store: Path) -> None:
    left = store / ".traceview-part.0.tmp"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))


def merged(store: Path) -> None:
    pq.write_table(pq.read_table(list(parts_in(store))), store / name_of("part", 1, 2))


def waiting(store: Path) -> None:
    inbox = open_inbox(store)
    inbox.execute(
        "INSERT INTO requests (signal, encoding, compression, size, items, received_ns, body) "
        "VALUES ('traces', 'json', '', 2, 0, 1, x'7b7d')"
    )
    inbox.commit()
    inbox.close()


@pytest.mark.parametrize(
    ("change", "wrong", "said"),
    [
        (torn, True, "is torn"),
        (damaged, True, "is damaged"),
        (foreign, True, "is another kind of Parquet file"),
        (stray, True, "is no file of a store"),
        (unsorted, True, "is not sorted"),
        (manifest, True, "is damaged"),
        (scores, True, "1 lines are no JSON, the first is line 2"),
        (versions, False, "1 spans are earlier versions"),
        (leftover, False, "was left by a writer"),
        (merged, False, "2 files"),
        (waiting, False, "1 received requests wait"),
    ],
)
def test_what_is_found(store: Path, change: Callable[[Path], None], wrong: bool, said: str) -> None:
    change(store)
    report = check_store(store, whole=True)
    assert [finding.what for finding in report.findings if said in finding.what], report.findings
    assert report.exit_code == int(wrong)
    assert all(finding.advice for finding in report.findings if finding.wrong)


def test_the_commands(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    versions(store)
    assert _run(["store", "check", str(store), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["parts"], told["spans"]) == (True, 3, 17)
    assert _run(["store", "compact", str(store), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["files_before"], told["files_after"], told["dropped"]) == (3, 1, 1)
    torn(store)
    assert _run(["store", "check", str(store)]) == 1
    out, err = capsys.readouterr()
    assert "wrong: part-000000000001-000000000003.parquet is torn" in out
    assert "something is wrong" in err


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is no directory"):
        check_store(tmp_path / "missing")
