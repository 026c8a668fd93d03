"""The build of an index file: the same from any layout of the same spans, killed at any time, one at a time."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shop_data import shop, span, write

from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.sources.open import OpenedSources, open_sources
from traceview.store.duck import build, build_file, in_place
from traceview.store.duck.index_file import IndexFile

TABLES = {
    "spans": "* EXCLUDE (file_no, row_no) FROM spans ORDER BY span_no",
    "traces": "* FROM traces ORDER BY trace_no",
    "threads": "* FROM threads ORDER BY thread_no",
}


def many() -> list[dict[str, Any]]:
    """The shop's traces, and some that overlap for long, without a time, with a wrapped call, with long texts."""
    rows = shop()
    for number in range(20):
        trace = f"x{number:02}"
        rows += [
            span(
                trace,
                "a",
                None,
                "agent",
                400 + number,
                200,
                thread_id=f"th{number % 7}",
                input_text=" \n\t long " * 90,
            ),
            span(
                trace,
                "b",
                "a",
                "llm",
                401 + number,
                3,
                input_tokens=number,
                output_tokens=1,
                call_id=f"c{number}",
            ),
            span(
                trace,
                "c",
                "b",
                "llm",
                401.5 + number,
                2,
                input_tokens=number,
                output_tokens=2,
                call_id=f"c{number}",
            ),
            span(
                trace,
                "d",
                "a",
                "tool",
                580 + number,
                1,
                status="error" if number % 3 else "ok",
                release="late" if number == 19 else None,
            ),
        ]
    return [*rows, span("untimed", "a", None, "chain", None), span("untimed", "b", "a", "llm", 7, 1)]


def opened(path: Path) -> tuple[OpenedSources, IndexFile]:
    sources = open_sources([str(path)])
    return sources, IndexFile.of(sources.identity, PriceTable(), PromptFiles())


def content(file: IndexFile) -> dict[str, list[str]]:
    with duckdb.connect(str(file.path), read_only=True) as database:
        return {
            name: [json.dumps(row, default=str) for row in database.execute(f"SELECT {select}").fetchall()]
            for name, select in TABLES.items()
        }


def built(path: Path) -> dict[str, list[str]]:
    sources, file = opened(path)
    build_file.build_file(file, sources.relations)
    return content(file)


def test_an_index_is_the_same_from_any_layout_of_the_spans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = many()
    whole = built(write(tmp_path / "whole", "part", rows))
    assert len(whole["spans"]) == len(rows)
    monkeypatch.setattr(build, "SLICE_SPANS", 30)
    monkeypatch.setattr(build, "_BLOCK_ROWS", 5)
    monkeypatch.setattr(build, "_SCATTERED", 1)
    # slices that lie together are read from where they stand, from one file and from several
    monkeypatch.setattr(in_place, "_BLOCK_ROWS", 5)
    assert built(write(tmp_path / "together", "part", rows)) == whole
    for number in range(0, len(rows), 7):
        write(tmp_path / "parts", f"part{number:04}", rows[number : number + 7])
    assert built(tmp_path / "parts") == whole
    shuffled = random.Random(3).sample(rows, len(rows))
    assert built(write(tmp_path / "shuffled", "part", shuffled)) == whole
    # as with more slices than passes over all spans are worth
    monkeypatch.setattr(build, "FEW_SLICES", 0)
    for number in range(5):
        write(tmp_path / "split", f"part{number}", shuffled[number::5])
    assert built(tmp_path / "split") == whole


def test_the_next_build_after_a_kill_is_right(tmp_path: Path) -> None:
    path = write(tmp_path / "whole", "part", many())
    right = built(path)
    sources, file = opened(path)
    steps = 0
    while True:
        file.path.unlink()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "traceview.store.duck.build_file"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(pickle.dumps((file, sources.relations, False)))
        process.stdin.close()
        for _ in range(2 + 4 * steps):
            process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        finished = file.ready()
        build_file.build_file(file, sources.relations)
        assert content(file) == right
        names = {one.name for one in file.path.parent.iterdir()}
        assert names == {file.path.name, f"{file.path.name}.lock"}
        steps += 1
        if finished or steps == 2:
            break


def test_who_waits_for_a_build_follows_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources, file = opened(write(tmp_path / "whole", "part", shop()))
    monkeypatch.setattr(build_file, "_LOOK_SECONDS", 0.001)
    seen: list[float] = []
    looked = threading.Event()

    def first(done: float) -> None:
        if done > 0:
            assert looked.wait(20)

    def second(done: float) -> None:
        seen.append(done)
        if done > 0:
            looked.set()

    one = threading.Thread(target=build_file.build_file, args=(file, sources.relations, first))
    one.start()
    while not file.path.with_name(f"{file.path.name}.lock").exists():
        pass
    other = threading.Thread(target=build_file.build_file, args=(file, sources.relations, second))
    other.start()
    other.join(30)
    one.join(30)
    assert looked.is_set() and file.ready()
    assert any(0 < done < 1 for done in seen)
