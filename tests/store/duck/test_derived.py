"""The figure `unsourced` of every trace: filtered, sorted, kept, found again, and cancelled."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sample_files import SAMPLE, with_index
from traceview.files.dirs import cache_dir
from traceview.filters import parse
from traceview.model.errors import Cancelled
from traceview.store.duck import derived
from traceview.store.duck.engine import DuckEngine
from traceview.store.duck.trace_pass import pass_over_traces
from traceview.store.interface import CancelToken, ListQuery, SortKey
from traceview.store.open import open_engine
from traceview.store.provenance import unsourced


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(SAMPLE / "traces.parquet", tmp_path_factory.mktemp("sample")))


@pytest.fixture
def engine(sample: Path) -> Iterator[DuckEngine]:
    opened = open_engine([str(with_index(sample))])
    assert isinstance(opened, DuckEngine)
    opened.wait_ready()
    yield opened
    opened.close()


def test_filter_sort_and_column_agree_with_the_traces_themselves(engine: DuckEngine) -> None:
    query = ListQuery("traces", parse("unsourced>0"), (SortKey("unsourced", descending=True),))
    selection = engine.select(query)
    rows = engine.rows(selection, 0, len(selection)).rows
    assert len(rows) == engine.totals(query).count > 0
    assert [row["unsourced"] for row in rows] == sorted((row["unsourced"] for row in rows), reverse=True)
    none = engine.select(ListQuery("traces", parse("unsourced:0")))
    assert len(none) + len(rows) == 1800
    for row in (*rows[:6], *rows[-3:], *engine.rows(none, 0, 3).rows):
        detail = engine.trace(row["trace_id"])
        assert row["unsourced"] == len(unsourced(detail.spans, engine.payloads(detail.spans)))


def test_made_up_links_are_found_and_no_others(engine: DuckEngine) -> None:
    """Every planted link is found; what else is flagged are numbers, in few traces."""
    truth = [json.loads(line) for line in (SAMPLE / "truth.jsonl").read_text().splitlines()]
    planted = {one["trace_id"] for one in truth if one["problem"] == "made_up_link"}
    selection = engine.select(ListQuery("traces", parse("unsourced>0")))
    flagged = {row["trace_id"] for row in engine.rows(selection, 0, len(selection)).rows}
    assert planted <= flagged
    assert len(flagged - planted) < 0.06 * 1800
    with_links = set()
    for trace_id in sorted(flagged):
        detail = engine.trace(trace_id)
        facts = unsourced(detail.spans, engine.payloads(detail.spans))
        if any(fact.kind == "url" for fact in facts):
            with_links.add(trace_id)
    assert with_links == planted


def test_the_figure_is_kept_in_the_cache(
    engine: DuckEngine, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.derive("unsourced")
    assert [path.suffix for path in (cache_dir() / derived.DIRECTORY).iterdir()] == [".parquet"]
    count = engine.totals(ListQuery("traces", parse("unsourced>0"))).count

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the traces were read again")

    monkeypatch.setattr(derived, "pass_over_traces", never)
    again = open_engine([str(sample)])
    try:
        again.wait_ready()
        assert again.totals(ListQuery("traces", parse("unsourced>0"))).count == count
    finally:
        again.close()


def test_a_cancelled_query_stops_waiting_and_the_pass_goes_on(engine: DuckEngine) -> None:
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(Cancelled):
        engine.select(ListQuery("traces", parse("unsourced>0")), token)
    assert "checking sources" in (engine.status().message or "")
    engine.derive("unsourced")
    assert engine.status().message is None


def test_a_cancelled_pass_ends_its_children_and_leaves_nothing(engine: DuckEngine) -> None:
    token = CancelToken()
    function = "traceview.store.duck.trace_checks:count_unsourced"
    found = pass_over_traces(
        engine._database, engine._queries().index, function, derived._COLUMNS, token, lambda _: None, 1
    )
    threading.Timer(0.2, token.cancel).start()
    with pytest.raises(Cancelled):
        for _ in found:
            pass
    assert list((cache_dir() / derived.DIRECTORY).iterdir()) == []


def test_closing_while_a_pass_runs(sample: Path) -> None:
    opened = open_engine([str(with_index(sample))])
    opened.wait_ready()
    token = CancelToken()
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(Cancelled):
        opened.derive("unsourced", token)
    opened.close()
    assert list((cache_dir() / derived.DIRECTORY).iterdir()) == []
