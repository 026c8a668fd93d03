"""Filters against a tiny known dataset: what each finds on each list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shop_data import shop, span, write

from traceview.filters import parse
from traceview.model.errors import BadInput
from traceview.store.interface import Engine, Level, ListQuery, SortKey
from traceview.store.open import open_engine

Open = Callable[..., Engine]
ID = {"traces": "trace_id", "threads": "thread_id"}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The shop's traces, opened once: nothing here writes."""
    opened = open_engine((str(write(tmp_path_factory.mktemp("data"), "shop", shop())),))
    opened.wait_ready()
    yield opened
    opened.close()


def found(engine: Engine, level: Level, text: str) -> str:
    """The ids of the rows that match, sorted, joined by blanks."""
    query = ListQuery(level, parse(text) if text else None)
    selection = engine.select(query)
    rows = engine.rows(selection, 0, len(selection)).rows
    assert len(rows) == len(selection) == engine.totals(query).count
    if level == "spans":
        return " ".join(sorted(row["trace_id"] + row["span_id"] for row in rows))
    return " ".join(sorted(row[ID[level]] for row in rows))


@pytest.mark.parametrize(
    ("level", "text", "expected"),
    [
        ("traces", "", "t1 t2 t3 t4"),
        ("threads", "", "th1 th2"),
        ("traces", "status:error", "t2"),
        ("traces", "not status:error", "t1 t3 t4"),
        ("traces", "prompt:support@v2", "t2"),
        ("traces", "prompt:support", "t1 t2"),
        ("traces", "version:v1,v2", "t1 t2"),
        ("traces", "-version:v1", "t2 t3 t4"),
        ("spans", "version:v1", "t1a t1b t1c"),
        ("threads", "version:v2", "th1"),
        ("traces", "model:claude-*", "t1 t3"),
        ("traces", "-model:claude-x", "t2 t4"),
        ("spans", "-model:claude-x", "t1a t1c t2a t2b t2c t4a"),
        ("traces", "model:none", "t4"),
        ("traces", "kind:tool status:error", "t2"),
        ("traces", "tool:get_order", "t1 t2"),
        ("threads", "kind:tool", "th1"),
        ("traces", "any(span: kind:tool status:error)", "t2"),
        ("traces", "any(span: kind:llm status:error)", ""),
        ("traces", "all(span: status:ok)", "t1 t3 t4"),
        ("traces", "all(span: model:claude-*)", "t3"),
        ("traces", "none(span: tool:get_order)", "t3 t4"),
        ("traces", "user:u_1", "t1 t2"),
        ("traces", "env:prod", "t2"),
        ("traces", "latency>10s", "t2"),
        ("traces", "latency:4s..6s", "t1"),
        ("traces", "not latency>10s", "t1 t3 t4"),
        ("traces", "tokens>=110", "t1 t2"),
        ("traces", "cost>$0.005", "t1"),
        ("traces", "cost:none", "t2 t3 t4"),
        ("traces", "ttft<1s", "t1"),
        ("traces", "errors:2", "t2"),
        ("traces", "leaf_errors:1", "t2"),
        ("traces", "thread:none", "t4"),
        ("traces", "tag:vip", "t1"),
        ("traces", "tag:none", "t2 t3 t4"),
        ("traces", '"other order"', "t2"),
        ("traces", '"100% sure"', "t1"),
        ("traces", '"100_ sure"', ""),
        ("traces", "hello_w*d", "t3"),
        ("traces", '"[later]"', "t2"),
        ("traces", 'input:"no, I meant"', "t2"),
        ("traces", 'not input:"no, I meant"', "t1 t3 t4"),
        ("spans", "output~/ship+ed/", "t1c"),
        ("traces", "output:none", "t2 t4"),
        ("spans", "error~/50\\d/", "t2b"),
        ("traces", "attr.customer_tier:gold", "t1"),
        ("traces", "attr.n>2", "t1"),
        ("traces", "attr.a.b:x", "t1"),
        ("traces", "attr.customer_tier:none", "t2 t3 t4"),
        ("traces", "(tool:get_order or model:claude-x) -status:error", "t1 t3"),
        ("traces", "last:250s", "t2 t3 t4"),
        ("traces", "since:2026-01-01", "t1 t2 t3 t4"),
        ("traces", "until:2026-01-01", ""),
        ("traces", "trace:t3", "t3"),
        ("spans", "name:ag*", "t1a t2a"),
        ("traces", "label:none", "t1 t2 t3 t4"),
        ("traces", "note:any", ""),
        ("traces", "score.good:pass", ""),
        ("traces", "score:any", ""),
        ("traces", "score:none", "t1 t2 t3 t4"),
    ],
)
def test_filter_finds(engine: Engine, level: Level, text: str, expected: str) -> None:
    assert found(engine, level, text) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ((), "t4 t3 t2 t1"),
        ((SortKey("start_time"),), "t1 t2 t3 t4"),
        ((SortKey("duration_ms", True),), "t2 t1 t3 t4"),
        ((SortKey("tokens", True),), "t2 t1 t3 t4"),
        ((SortKey("cost_usd"),), "t1 t4 t3 t2"),
        ((SortKey("user_id", True),), "t2 t1 t4 t3"),
        ((SortKey("ttft_ms"),), "t1 t4 t3 t2"),
        ((SortKey("models", True),), "t2 t3 t1 t4"),
        ((SortKey("attr.customer_tier"),), "t1 t4 t3 t2"),
        ((SortKey("attr.n", True),), "t1 t4 t3 t2"),
    ],
)
def test_sorts_with_unknown_values_last(engine: Engine, sort: tuple[SortKey, ...], expected: str) -> None:
    query = ListQuery("traces", None, sort)
    selection = engine.select(query)
    assert " ".join(row["trace_id"] for row in engine.rows(selection, 0, 9).rows) == expected
    assert [row["trace_id"] for row in engine.first_page(query, 9).rows] == expected.split()
    assert [engine.position(selection, one) for one in expected.split()] == [0, 1, 2, 3]


def test_a_list_says_what_it_can_be_sorted_by(engine: Engine) -> None:
    with pytest.raises(BadInput, match="cannot be sorted by 'scores'") as error:
        engine.select(ListQuery("traces", None, (SortKey("scores"),)))
    assert "duration_ms" in str(error.value)


@pytest.mark.parametrize(
    ("level", "text", "expected"),
    [
        ("traces", "prompt:@v1", "t1"),
        ("spans", "prompt:@v1", "t1a"),
        ("threads", "prompt:@v1", "th1"),
        ("traces", "-prompt:@v1", "t2"),
        ("traces", "prompt:support@v1", "t2"),
    ],
)
def test_a_version_of_a_prompt_without_a_name_is_found_as_it_is_written(
    tmp_path: Path, opening: Open, level: Level, text: str, expected: str
) -> None:
    rows = [
        span("t1", "a", thread_id="th1", prompt_version="v1"),
        span("t2", "a", thread_id="th2", prompt_name="support", prompt_version="v1"),
    ]
    engine = opening(write(tmp_path, "nameless", rows))
    assert "@v1" in engine.complete("prompt_versions", "@", 5)
    assert found(engine, level, text) == expected
