"""What is answered before the index is there: right answers about any item, out of the source itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop_data import shop, span, write

from traceview.model.errors import BadInput, Cancelled
from traceview.model.labels import Target
from traceview.store.duck import lifecycle
from traceview.store.duck.index_file import IndexFile
from traceview.store.interface import CancelToken, Engine, ListQuery

TRACES = ListQuery("traces")


@pytest.fixture
def unindexed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opening: Any
) -> Iterator[Engine]:
    """Three files whose newest trace alone is on the first page, with an index that is never finished."""
    release = threading.Event()
    built = IndexFile.build

    def held(self: IndexFile, *arguments: Any) -> None:
        release.wait(20)
        built(self, *arguments)

    monkeypatch.setattr(IndexFile, "build", held)
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 5)
    monkeypatch.setattr(lifecycle, "_DIRECT_SPANS", 5)
    monkeypatch.setattr(lifecycle, "_EARLY_TRACES", 1)
    for number in range(3):
        write(tmp_path / "parts", f"part{number}", shop()[number::3])
    early = opening(tmp_path / "parts", wait=False)
    assert [row["trace_id"] for row in early.first_page(TRACES, 1).rows] == ["t4"]
    yield early
    release.set()


def test_any_trace_is_whole(unindexed: Engine, engine: Engine) -> None:
    places = ("trace_no", "span_no", "first_span", "file_no", "row_no")

    def told(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in places}

    for name in ("t1", "t2", "t3", "t4"):
        detail, exact = unindexed.trace(name), engine.trace(name)
        assert not detail.maybe_incomplete
        assert told(detail.trace) == told(exact.trace)
        assert [told(one) for one in detail.spans] == [told(one) for one in exact.spans]
        texts = [one.input_text for one in unindexed.payloads(detail.spans)]
        assert texts == [one.input_text for one in engine.payloads(exact.spans)]
    several = unindexed.traces(["t4", "t2", "t1"])
    assert [[told(one) for one in detail.spans] for detail in several] == [
        [told(one) for one in engine.trace(name).spans] for name in ("t4", "t2", "t1")
    ]
    with pytest.raises(BadInput, match="no trace"):
        unindexed.trace("t9")


def test_any_thread_is_whole(unindexed: Engine) -> None:
    detail = unindexed.thread("th1")
    assert [row["trace_id"] for row in detail.traces] == ["t1", "t2"]
    assert (detail.thread["spans"], detail.thread["errors"]) == (6, 2)
    with pytest.raises(BadInput, match="no thread"):
        unindexed.thread("th9")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("t3", Target("trace", "t3", "t3")),
        ("th2", Target("thread", "th2", None)),
        ("th", None),
        ("zzz", None),
    ],
)
def test_ids_and_prefixes(unindexed: Engine, engine: Engine, wanted: str, found: Target | None) -> None:
    for one in (unindexed, engine):
        if found is None:
            with pytest.raises(BadInput):
                one.resolve(wanted)
        else:
            assert one.resolve(wanted) == found


def test_a_cancelled_look_ends(unindexed: Engine) -> None:
    token = CancelToken()
    token.cancel()
    for ask in (unindexed.trace, unindexed.thread, unindexed.resolve):
        with pytest.raises(Cancelled):
            ask("t1" if ask is not unindexed.thread else "th1", token)


def test_a_trace_without_its_root_is_looked_for_everywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, opening: Any
) -> None:
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 5)
    monkeypatch.setattr(lifecycle, "_DIRECT_SPANS", 5)
    monkeypatch.setattr(lifecycle, "_EARLY_TRACES", 2)
    monkeypatch.setattr(IndexFile, "build", lambda *arguments: (_ for _ in ()).throw(Cancelled()))
    old = [span("long", "root", None, "agent", 0, 900)]
    middle = [[span(f"m{n}-{k}", "a", None, start=100 * n + k) for k in range(9)] for n in range(1, 8)]
    new = [span("long", "late", "root", "tool", 890), span("new", "a", None, start=891)]
    for number, rows in enumerate([old, *middle, new]):
        write(tmp_path / "data", f"part{number}", rows)
    engine = opening(tmp_path / "data", wait=False)
    engine.first_page(TRACES, 2)
    assert [one["span_id"] for one in engine.trace("long").spans] == ["root", "late"]
