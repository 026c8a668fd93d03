"""Sources that go away, caches that are full, builders that are killed: said in words, and taken up again."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from shop_data import shop, write

from traceview.files.owned import OwnedDirectory, remove_orphans
from traceview.model.errors import BadInput, TraceviewError
from traceview.sources.parts import StoreWriter
from traceview.store.duck import lifecycle
from traceview.store.duck.connection import friendly
from traceview.store.duck.index_file import BuilderDied, IndexFile
from traceview.store.interface import Engine, EngineStatus, ListQuery
from traceview.store.open import open_engine

SECONDS = 30.0


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


def status_of(engine: Engine, phase: str) -> EngineStatus:
    wait_for(lambda: engine.status().phase == phase)
    return engine.status()


def spoil_nothing(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def spoil_content(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    path.write_bytes(b"no trace of anything\n")


def spoil_columns(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    duckdb.sql("SELECT 1 AS a, 2 AS b").write_parquet(str(path))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_nothing, "shop.parquet is gone"),
        (spoil_content, "no longer readable"),
        (spoil_columns, "no longer readable"),
    ],
)
def test_a_source_that_went_away_is_said_until_it_is_back(
    spoil: Callable[[Path], None], words: str, tmp_path: Path, opening: Any
) -> None:
    path = write(tmp_path / "data", "shop.parquet", shop())
    engine = opening(path)
    count = engine.totals(ListQuery("traces")).count
    assert engine.look_at_source() is None
    spoil(path)
    assert not engine.refresh_source()
    for told in (engine.status().message, engine.look_at_source()):
        assert told is not None
        assert words in told
        assert "showing what was indexed at" in told
    assert engine.totals(ListQuery("traces")).count == count
    path.with_suffix(".away").replace(path)
    engine.refresh_source()
    assert engine.status().message is None
    assert engine.look_at_source() is None


def test_a_part_that_cannot_be_read_is_named(tmp_path: Path, opening: Any) -> None:
    path = write(tmp_path / "data", "shop.parquet", shop())
    engine = opening(path.parent)
    (path.parent / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    engine.refresh_source()
    told = engine.status().message
    assert told is not None
    assert told.startswith("1 skipped: torn.parquet: ")


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(spoil_nothing, "is gone"), (spoil_content, "was replaced"), (spoil_columns, "was replaced")],
)
def test_texts_of_a_replaced_file_are_refused_in_words(
    spoil: Callable[[Path], None], word: str, tmp_path: Path, opening: Any
) -> None:
    path = write(tmp_path / "data", "shop.parquet", shop())
    engine = opening(path)
    row = engine.first_page(ListQuery("traces"), 1).rows[0]
    spans = engine.trace(row["trace_id"]).spans
    spoil(path)
    with pytest.raises(BadInput) as refused:
        engine.payloads(spans)
    assert f"{word} since it was indexed" in str(refused.value)
    assert "Error" not in str(refused.value)


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index is built by a child process, and retries come at once."""
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 0)
    monkeypatch.setattr(lifecycle, "_GRACE_SECONDS", 0.0)
    monkeypatch.setattr(lifecycle, "_AGAIN_SECONDS", (0.01, 0.01))


def killing(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Have the first child processes die."""
    real, tried = IndexFile.build, list[int]()

    def build(self: IndexFile, *given: Any) -> None:
        tried.append(1)
        if len(tried) <= times:
            raise BuilderDied("the index could not be built: its process was ended by signal 9")
        real(self, *given)

    monkeypatch.setattr(IndexFile, "build", build)
    return tried


@pytest.mark.usefixtures("in_files")
def test_a_killed_builder_is_followed_by_another(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = killing(monkeypatch, 2)
    engine = opening(write(tmp_path / "data", "shop.parquet", shop()))
    assert engine.status().phase == "ready"
    assert len(tried) == 3


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("by_hand", [True, False])
def test_an_index_that_failed_comes_by_hand_and_when_another_app_has_built_it(
    by_hand: bool, tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killing(monkeypatch, 3)
    path = write(tmp_path / "data", "shop.parquet", shop())
    engine = opening(path, wait=False)
    assert "signal 9" in str(status_of(engine, "failed").message)
    assert not engine.refresh_source()
    if not by_hand:
        opening(path)  # the fourth process lives
    wait_for(lambda: engine.refresh_source(by_hand))
    assert status_of(engine, "ready").message is None


def _otlp(path: Path, traces: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lines:
        for number in range(1, traces + 1):
            one = {
                "traceId": f"{number:032x}",
                "spanId": f"{number:016x}",
                "name": "call",
                "startTimeUnixNano": str(1_700_000_000_000_000_000 + number),
                "endTimeUnixNano": str(1_700_000_000_000_000_500 + number),
            }
            lines.write(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}) + "\n")
    return path


def test_a_conversion_that_fails_shows_a_part_as_a_part_and_can_be_begun_again(
    tmp_path: Path, opening: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StoreWriter.flush
    full = [True]

    def flush(self: StoreWriter) -> None:
        if self.parts and full:
            wait_for(lambda: engine.generation > 0)  # the first part is shown
            raise OSError(28, "No space left on device")
        real(self)

    monkeypatch.setattr(StoreWriter, "flush", flush)
    path = _otlp(tmp_path / "data" / "big.jsonl", 5_000)
    engine: Engine = opening(path, wait=False)
    told = str(status_of(engine, "failed").message)
    assert told.startswith("only the first ")
    assert "traces of an unknown number; conversion failed: the disk is full: cannot write to" in told
    totals = engine.totals(ListQuery("traces"))
    assert 0 < totals.count < 5_000
    assert not totals.whole
    assert not engine.refresh_source()
    assert engine.status().message == told
    full.clear()
    assert engine.refresh_source(again=True)
    status_of(engine, "ready")
    totals = engine.totals(ListQuery("traces"))
    assert (totals.count, totals.whole) == (5_000, True)


def test_what_a_failed_conversion_made_is_removed(
    tmp_path: Path, opening: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StoreWriter.flush

    def flush(self: StoreWriter) -> None:
        if self.parts:
            raise OSError(28, "No space left on device")
        real(self)

    monkeypatch.setattr(StoreWriter, "flush", flush)
    engine = opening(_otlp(tmp_path / "data" / "big.jsonl", 5_000), wait=False)
    status_of(engine, "failed")
    engine.close()
    assert not list(cache.glob("converted-*/*/*.parquet"))


@pytest.fixture
def living(tmp_path: Path) -> Iterator[OwnedDirectory]:
    owned = OwnedDirectory(tmp_path, ".building-")
    yield owned
    owned.close()


def test_only_directories_of_the_dead_are_removed(tmp_path: Path, living: OwnedDirectory) -> None:
    dead = tmp_path / ".building-dead"
    dead.mkdir()
    (dead / "owner.lock").touch()
    (dead / "work").write_bytes(b"x" * 100)
    young = tmp_path / ".building-young"
    young.mkdir()
    assert remove_orphans(tmp_path, ".building-") == 1
    assert not dead.exists()
    assert living.path.exists()
    assert young.exists()
    with (living.path / "owner.lock").open("rb") as lock, pytest.raises(OSError, match="unavailable"):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_full_cache_is_not_blamed_on_the_source(cache: Path) -> None:
    with pytest.raises(BadInput) as refused, friendly():
        raise duckdb.IOException('IO Error: Could not write file "x": No space left on device')
    assert refused.value.message == f"the disk is full: cannot write to {cache}"
    assert "cache clear" in str(refused.value.hint)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a column")

    monkeypatch.setattr(lifecycle.whole, "in_memory", broken)
    engine = open_engine([str(write(tmp_path, "shop", shop()))])
    try:
        with pytest.raises(TraceviewError, match="could not be built: KeyError"):
            engine.wait_ready()
    finally:
        engine.close()
