"""A large file read by several processes: the same spans and the same places as by one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from benchmarks.fixtures import FIXTURES
from tests.ingest.stores import otlp, span

from traceview.ingest.importer import import_sources
from traceview.ingest.report import ImportReport
from traceview.model.errors import Cancelled
from traceview.sources import parallel, ranges
from traceview.sources.base import ReadReport
from traceview.sources.open import open_sources
from traceview.sources.parts import parts_in
from traceview.sources.probe import probe
from traceview.sources.registry import detect


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are large from a few thousand bytes on, and there are two processors."""
    monkeypatch.setattr(parallel, "LARGE_BYTES", 10_000)
    monkeypatch.setattr(ranges, "RANGE_BYTES", 50_000)
    monkeypatch.setattr(ranges, "_BLOCK", 1_000)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def rows(store: Path) -> list[dict[str, object]]:
    table = pq.read_table(list(parts_in(store)))
    return sorted(table.to_pylist(), key=lambda row: (row["trace_id"], row["span_id"]))


def both(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ImportReport]:
    """The reports of an import by two processes and by one, into the stores `2` and `1`."""
    together = import_sources([str(path)], tmp_path / "2")
    with monkeypatch.context() as patched:
        patched.setattr(parallel, "LARGE_BYTES", 1 << 40)
        return [together, import_sources([str(path)], tmp_path / "1")]


@pytest.mark.parametrize(
    "name",
    [
        "openinference/openai.otlp.jsonl",
        "langfuse/blob_export.documented_layout/observations_v2.jsonl",
        "langsmith/runs.jsonl",
        "mlflow/traces.jsonl",
        "braintrust/project_logs.jsonl",
    ],
)
def test_the_same_spans(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None) -> None:
    path = FIXTURES / name
    seen = probe(path)
    found: object = detect(seen)
    assert parallel.workers_for(found, seen) == 2  # type: ignore[arg-type]
    two, one = both(path, tmp_path, monkeypatch)
    assert (two.spans, two.skipped, two.files) == (one.spans, one.skipped, one.files)
    assert rows(tmp_path / "2") == rows(tmp_path / "1")


def test_torn_lines_are_told_with_their_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    path = otlp(tmp_path / "a.jsonl", (span(number) for number in range(1_000)))
    lines = path.read_text().splitlines()
    for number in (3, 400, 401, 999):
        lines[number] = lines[number][:50]
    path.write_text("\n".join(lines))
    two, one = both(path, tmp_path, monkeypatch)
    assert two.spans == 996
    assert two.skipped == one.skipped
    assert "a.jsonl:4, a.jsonl:401, a.jsonl:402" in {str(one.where) for one in two.skipped}


def test_lines_that_belong_together_are_read_by_one_process(small: None) -> None:
    for name in ("braintrust/logs3_ingest_rows.jsonl", "otel_genai/openai-legacy.logs.otlp.jsonl"):
        seen = probe(FIXTURES / name)
        found: object = detect(seen)
        assert parallel.workers_for(found, seen) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["\n", ""])
def test_ranges_are_whole_lines_and_all_of_them(tmp_path: Path, small: None, ending: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        "\n".join(f'{{"number": {number}, "x": "{"y" * (number * 37 % 3_000)}"}}' for number in range(200))
        + ending
    )
    whole = path.read_bytes()
    found = [one.range for one in ranges.ranges_of(probe(path))]
    assert len(found) > 2
    end = line = 0
    for one in found:
        assert one is not None
        assert (one.start, one.line) == (end, line)
        end, line = one.end, line + whole[one.start : one.end].count(b"\n")
        assert whole[one.end - 1 : one.end] == b"\n" or one.end == len(whole)
    assert end == len(whole)


def test_when_a_reading_process_is_killed_the_import_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    path = otlp(tmp_path / "a.jsonl", (span(number) for number in range(1_000)))
    real: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        process = real(*arguments, **more)
        process.kill()
        started.append(process)
        return process

    monkeypatch.setattr(subprocess, "Popen", start)
    report = import_sources([str(path)], tmp_path / "store")
    assert len(started) == 2
    assert report.spans == 1_000
    assert report.files[0].read == 1_000


def test_what_is_opened_is_converted_the_same_way(tmp_path: Path, small: None) -> None:
    path = FIXTURES / "langsmith" / "runs.jsonl"
    report = ReadReport()
    found: Any = detect(probe(path))
    expected = sorted(row["span_id"] for batch in found.read(probe(path), report) for row in batch)
    conversion = open_sources([str(path)]).conversion
    assert conversion is not None
    progress: list[float] = []
    conversion.run(on_progress=progress.append)
    rows = [one for part in conversion.parts() for one in pq.read_table(part)["span_id"].to_pylist()]
    assert sorted(rows) == expected
    assert conversion.report.spans == len(expected)
    assert progress == sorted(progress)
    assert progress[-1] == 1.0


def test_processes_end_with_a_conversion_that_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    real: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: object, **more: object) -> subprocess.Popen[bytes]:
        started.append(real(*arguments, **more))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    conversion = open_sources([str(FIXTURES / "langsmith" / "runs.jsonl")]).conversion
    assert conversion is not None
    with pytest.raises(Cancelled):
        conversion.run(cancel=lambda: True)
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)
