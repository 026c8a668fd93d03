"""The index of random traces says what `sources.rules` says of each of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shop_data import BASE_NS, SECOND, span, write

from traceview.sources.rules import SpanFacts, resolve
from traceview.store.interface import ListQuery
from traceview.store.open import open_engine

some = st.sampled_from


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to six traces of up to seven spans: nested calls, shared ids, vendor scopes, roll-ups, rings, orphans."""
    rows = []
    for number in range(draw(st.integers(1, 6))):
        size = draw(st.integers(1, 7))
        # most traces are plain, so that both ways are taken
        wild = draw(st.booleans())
        for at in range(size):
            kind = draw(some(["llm", "llm", "tool", "agent", "chain", "embedding"]))
            parents = [None, *(f"s{other}" for other in range(size if wild else at))] + (
                ["gone"] if wild else []
            )
            usage = kind in ("llm", "embedding") or wild
            rows.append(
                span(
                    f"t{number}", f"s{at}", draw(some(parents)), kind, at, draw(st.integers(0, 4)),
                    status=draw(some(["ok", "error"])),
                    call_id=draw(some([None, "c1", "c2"])) if wild else None,
                    scope_name=draw(some([None, "mine", "com.anthropic.sdk.python"])) if wild else None,
                    input_tokens=draw(some([None, 1, 10, 100])) if usage else None,
                    output_tokens=draw(some([None, 2])) if usage else None,
                    cost_usd=draw(some([None, 0.5])) if usage else None,
                    thread_id=draw(some([None, "a", "b"] if wild else [None, "a"])),
                    user_id=draw(some([None, "u", "v"] if wild else [None, "u"])),
                    prompt_name=draw(some([None, "p"])),
                    prompt_version=draw(some([None, "1", "2"] if wild else [None])),
                )
            )  # fmt: skip
    return rows


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=traces())
def test_sql_and_rules_agree(rows: list[dict[str, Any]]) -> None:
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_trace.setdefault(row["trace_id"], []).append(row)
    with tempfile.TemporaryDirectory() as directory:
        engine = open_engine([str(write(Path(directory), "spans", rows))])
        try:
            engine.wait_ready()
            threads = {row["trace_id"]: row for row in engine.first_page(ListQuery("traces"), 99).rows}
            for trace_id, spans in by_trace.items():
                expected = resolve([_facts(row) for row in spans])
                found = {row["span_id"]: row for row in engine.trace(trace_id).spans}
                assert len(found) == len(spans)
                for row, one in zip(spans, expected.spans, strict=True):
                    mine = found[row["span_id"]]
                    assert {name: mine[name] for name in one._fields} == one._asdict(), (
                        trace_id,
                        row["span_id"],
                    )
                assert threads[trace_id]["thread_id"] == expected.thread_id
                counted = [
                    one.input_tokens
                    for row, one in zip(spans, expected.spans, strict=True)
                    if one.counted and row["kind"] != "embedding" and one.input_tokens is not None
                ]
                assert (threads[trace_id]["input_tokens"] or 0) == sum(counted)
        finally:
            engine.close()


def _facts(row: dict[str, Any]) -> SpanFacts:
    assert row["start_ns"] >= BASE_NS - SECOND
    return SpanFacts(**{name: row.get(name) for name in SpanFacts._fields if name != "has_content"})
