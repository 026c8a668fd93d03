"""Large files read by several processes give the rows, the order and the report of one."""

from __future__ import annotations

import json
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_reading import read
from test_otlp_variants import lines, one_span, request

from traceview.sources.base import ReadReport
from traceview.sources.otlp import parallel
from traceview.sources.probe import probe

GOOD = lines()
BAD = [b"{oops", b"", b"  ", b'{"hello": 1}', b'"text"', b"\xff\xfe", b'{"resourceSpans": [{"scopeSpans"']


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def read_in_pieces(monkeypatch: pytest.MonkeyPatch, path: Path, size: int) -> tuple[list[Any], ReadReport]:
    with monkeypatch.context() as patched:
        patched.setattr(parallel, "SMALLEST", 1)
        patched.setattr(parallel, "PIECE", size)
        return read(path)


def test_rows_order_and_report_are_those_of_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.jsonl"
    again = json.dumps(request(one_span("again"))).encode()
    path.write_bytes(b"\n".join([again, *GOOD[:40], *BAD, again, *GOOD[40:], b'{"torn":']))
    alone, together = read(path), read_in_pieces(monkeypatch, path, 20_000)
    assert together == alone
    assert together[1].bytes_read == path.stat().st_size
    assert together[1].places["span delivered more than once, the last one is kept"] == ["large.jsonl:49"]


class _Broken:
    """A pool whose processes are killed."""

    def __init__(self, *_: object) -> None:
        self.tasks = 0

    def submit(self, *_: object) -> Future[Any]:
        self.tasks += 1
        if self.tasks > 2:
            raise BrokenProcessPool
        future: Future[Any] = Future()
        future.set_exception(BrokenProcessPool())
        return future

    def shutdown(self, **_: object) -> None:
        pass


def test_pieces_of_killed_processes_are_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.jsonl"
    path.write_bytes(b"\n".join(GOOD))
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", _Broken)
    assert read_in_pieces(monkeypatch, path, 10_000) == read(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    chosen=st.lists(st.sampled_from([*GOOD[:6], *BAD]), max_size=12),
    size=st.integers(1, 4_000),
    end=st.sampled_from([b"", b"\n", b"\r\n"]),
    joined=st.sampled_from([b"\n", b"\r\n"]),
)
def test_any_pieces_hold_every_line_once(
    tmp_path: Path, chosen: list[bytes], size: int, end: bytes, joined: bytes
) -> None:
    path = tmp_path / "any.jsonl"
    path.write_bytes(joined.join(chosen) + end)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(parallel, "PIECE", size)
        found = list(parallel.pieces(path))
    data = path.read_bytes()
    assert b"".join(data[piece.start : piece.end] for piece in found) == data
    for piece in found:
        assert piece.line == data[: piece.start].count(b"\n") + 1
        assert piece.start == 0 or data[piece.start - 1 : piece.start] == b"\n"


def test_which_files_are_worth_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, pretty = tmp_path / "lines.jsonl", tmp_path / "pretty.json"
    whole.write_bytes(b"\n".join(GOOD))
    pretty.write_text(json.dumps(json.loads(GOOD[0]), indent=1))
    assert parallel.processes_for(probe(whole)) == 0
    monkeypatch.setattr(parallel, "SMALLEST", 1)
    assert parallel.processes_for(probe(whole)) == 2
    assert parallel.processes_for(probe(pretty)) == 0
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert parallel.processes_for(probe(whole)) == 0
