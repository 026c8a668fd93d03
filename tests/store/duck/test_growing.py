"""Parts that arrive later give the same answers as an index of everything from scratch."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from shop_data import shop, span, write

from traceview.sources.open import Relation
from traceview.sources.tables import canonical_mapping
from traceview.store.duck import delta
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.queries import Queries
from traceview.store.duck.reading import Reader
from traceview.store.interface import ListQuery

_PLACES = ("trace_no", "span_no", "thread_no", "first_span", "file_no", "row_no")
_LEVELS = ("traces", "threads", "spans")


def _told(database: Database, index: Index, level: Any) -> list[dict[str, Any]]:
    rows = Queries(database, index).first(ListQuery(level), 10_000)
    bare = [{name: value for name, value in row.items() if name not in _PLACES} for row in rows]
    return sorted(bare, key=repr)


_NAMES = st.sampled_from(["a", "b", "c"])
_SPANS = st.builds(
    lambda trace, one, parent, kind, start, thread, tokens, error, **more: span(
        f"t{trace}", f"s{one}", parent and f"s{parent}", kind, start, thread_id=thread, input_tokens=tokens,
        status="error" if error else "ok", input_text=f"in {one}", output_text=f"out {tokens}", **more,
    ),
    st.integers(0, 4), st.integers(0, 5), st.none() | st.integers(0, 5), st.sampled_from(["llm", "tool", "agent"]),
    st.none() | st.integers(0, 9), st.none() | _NAMES, st.none() | st.integers(1, 9), st.booleans(),
    seconds=st.none() | st.integers(0, 3), user_id=st.none() | _NAMES, prompt_name=st.none() | _NAMES,
    prompt_version=st.none() | _NAMES, cost_usd=st.none() | st.just(0.25), model=st.none() | _NAMES,
)  # fmt: skip
_PARTS = st.lists(st.lists(_SPANS, min_size=1, max_size=12), min_size=2, max_size=4)
_LIKE = Relation("parquet", (), canonical_mapping())


# a case takes a third of a second: two to five indexes, some three hundred statements of a millisecond each,
# however few the spans; on one thread, since more only wait for each other here
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=_PARTS, in_memory=st.sampled_from([3, 20_000]), merged=st.sampled_from([0, 8, 500_000]))
def test_growing_equals_building_anew(
    parts: list[list[dict[str, Any]]], in_memory: int, merged: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delta, "_IN_MEMORY_SPANS", in_memory)
    monkeypatch.setattr(delta, "_MERGED_SPANS", merged)
    database = Database()
    database.execute("SET threads = 1")
    with tempfile.TemporaryDirectory() as directory, contextlib.closing(database):
        files = tuple(write(Path(directory), f"p{number}.parquet", rows) for number, rows in enumerate(parts))
        reader, index, grown = Reader(database, ()), None, []
        for file in files:
            one = replace(_LIKE, files=(file,))
            reader, alone = reader.extended(database, one, joins=index is not None)
            index, _ = delta.extend(database, index, reader, alone, complete=True)
            grown.append((index, [_told(database, index, level) for level in _LEVELS]))
        assert index is not None
        whole = Reader(database, (replace(_LIKE, files=files),))
        anew, _ = delta.extend(database, None, whole, whole, complete=True)
        for level in _LEVELS:
            assert _told(database, index, level) == _told(database, anew, level)
        # what was there before stays as it was
        for older, told in grown:
            assert [_told(database, older, level) for level in _LEVELS] == told


def test_a_span_that_comes_again_counts_once_and_last(tmp_path: Path, opening: Any) -> None:
    data = tmp_path / "data"
    write(data, "one", shop())
    engine = opening(data)
    old = engine.select(ListQuery("traces"))
    for number, tokens in enumerate((7, 8)):
        write(data, f"two{number}", [span("t3", "a", None, "llm", 200, thread_id="th1", input_tokens=tokens)])
        assert engine.refresh_source()
        engine.wait_ready()
        detail = engine.trace("t3")
        assert [one["input_tokens"] for one in detail.spans] == [tokens]
        assert engine.payloads(detail.spans)[0].input_text is None
        assert engine.thread("th1").thread["traces"] == 3
        assert engine.info().threads == 1
        assert [one.count for one in engine.info().skipped] == [number + 1]
    assert [row["input_tokens"] for row in engine.rows(old, 0, 9).rows if row["trace_id"] == "t3"] == [5]
