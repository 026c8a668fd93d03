"""A part that cannot be taken up while a source is converted is told in the status and tried again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop_data import span, write

from traceview.model.errors import TraceviewError
from traceview.sources.open import open_sources
from traceview.store.duck import delta, growing
from traceview.store.duck.connection import Database
from traceview.store.duck.growing import Growing
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Reader

_SECONDS = 20.0


class _Watched:
    """A growing index over parts of one span each, what it told and what it published."""

    def __init__(self, directory: Path, parts: int) -> None:
        for number in range(parts):
            write(directory, f"part{number}.parquet", [span(f"t{number}", "a", None, "llm", number)])
        self.parts = sorted(directory.iterdir())
        self.told: list[str | None] = []
        self.spans: list[int] = []
        self.changed = threading.Condition()
        self.database = Database()
        like = open_sources([str(directory)]).relations[0]
        self.growing = Growing(self.database, Reader(self.database, ()), like, self.publish, self.tell)

    def publish(self, index: Index, arrived: Reader) -> None:
        with self.changed:
            self.spans.append(self.database.fetch(f"SELECT count(*) FROM {index.spans}")[0][0])
            self.changed.notify_all()

    def tell(self, notice: str | None) -> None:
        with self.changed:
            self.told.append(notice)
            self.changed.notify_all()

    def close(self) -> None:
        self.growing.stop()
        self.database.close()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[_Watched]:
    made = _Watched(tmp_path / "parts", 3)
    yield made
    made.close()


def _failing(monkeypatch: pytest.MonkeyPatch, times: int, error: Exception) -> list[int]:
    """Have the first builds fail; how many files each build was of."""
    real, tried = delta.extend, list[int]()

    def extend(*given: Any, **named: Any) -> Any:
        tried.append(sum(len(placed.files()) for placed in given[3].placed))
        if len(tried) <= times:
            raise error
        return real(*given, **named)

    monkeypatch.setattr(delta, "extend", extend)
    return tried


@pytest.mark.parametrize("error", [TraceviewError("no room for it"), OSError("no room for it")])
def test_what_failed_is_named_tried_again_and_forgotten_once_it_is_there(
    watched: _Watched, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(growing, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(growing, "_REST", 0)
    tried = _failing(monkeypatch, 2, error)
    watched.growing.add(watched.parts[0])
    with watched.changed:
        assert watched.changed.wait_for(lambda: None in watched.told, _SECONDS)
    for part in watched.parts[1:]:
        watched.growing.add(part)
    with watched.changed:
        assert watched.changed.wait_for(lambda: 3 in watched.spans, _SECONDS)
    first, second, *rest = watched.told
    assert first is not None and watched.parts[0].name in first and "no room for it" in first
    assert second == first and rest == [None]
    assert tried[:3] == [1, 1, 1]


def test_nothing_is_tried_again_once_the_whole_index_comes(
    watched: _Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = _failing(monkeypatch, 1_000, TraceviewError("no room for it"))
    watched.growing.add(watched.parts[0])
    with watched.changed:
        assert watched.changed.wait_for(lambda: bool(watched.told), _SECONDS)
    watched.growing.stop()
    assert tried == [1] and None not in watched.told and not watched.spans


def test_the_status_tells_it_while_the_source_is_converted_and_no_longer_when_it_is_ready(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from traceview.sources.convert import Conversion

    source = Path(__file__).parents[2] / "fixtures"
    files = sorted(source.rglob("*.jsonl"))
    chosen = next(one for one in files if open_sources([str(one)]).conversion is not None)
    _failing(monkeypatch, 1_000, TraceviewError("no room for it"))
    told, go_on = threading.Event(), threading.Event()
    real = Conversion.run

    def run(self: Conversion, *given: Any, **named: Any) -> Any:
        found = real(self, *given, **named)
        told.set()
        assert go_on.wait(_SECONDS)
        return found

    monkeypatch.setattr(Conversion, "run", run)
    engine = opening(chosen, wait=False)
    assert told.wait(_SECONDS)
    with engine._lifecycle._changed:
        assert engine._lifecycle._changed.wait_for(lambda: engine.status().message is not None, _SECONDS)
    assert engine.status().phase == "converting" and "no room for it" in engine.status().message
    go_on.set()
    engine.wait_ready()
    assert engine.status().message is None and engine.info().spans > 0
