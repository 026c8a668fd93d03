"""How calls end beyond ok and error, and where another model answered than was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop_data import span, write

from traceview.filters import parse
from traceview.store.interface import Engine, ListQuery


def ids(engine: Engine, text: str) -> list[str]:
    selection = engine.select(ListQuery("spans", parse(text)))
    return sorted(row["span_id"] for row in engine.rows(selection, 0, 100).rows)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("stop", "ok"),
        ("end_turn", "ok"),
        (None, "ok"),
        ("length", "truncated"),
        ("MAX_TOKENS", "truncated"),
        ("max-output-tokens", "truncated"),
        ("model_context_window_exceeded", "truncated"),
        ("content_filter", "filtered"),
        ("CONTENT-FILTER", "filtered"),
        ("SAFETY", "filtered"),
        ("refusal", "filtered"),
        ("guardrail_intervened", "filtered"),
    ],
)
def test_an_answer_that_is_cut_off_or_held_back_is_no_error(
    tmp_path: Path, opening: Any, reason: str | None, outcome: str
) -> None:
    rows = [
        span("t", "a", None, "llm", finish_reason=reason),
        span("t", "b", None, "llm", finish_reason=reason, status="error"),
    ]
    engine = opening(write(tmp_path / "data", "one", rows))
    assert ids(engine, f"outcome:{outcome}") == ["a"]
    assert ids(engine, "outcome:error") == ["b"]
    assert engine.info().error_spans == 1


CALLS = [
    # the answer names a dated version of what was asked, or an alias of one's own: nobody switched
    span("t1", "same", None, "llm", model_requested="gpt-4o", model="gpt-4o-2024-08-06"),
    span("t1", "alias", None, "llm", model_requested="prod-large", model="gpt-4o-2024-08-06"),
    span("t1", "gateway", None, "llm", model_requested="openai/gpt-4o", model="claude-haiku-4-5-20251001"),
    span("t1", "smaller", None, "llm", model_requested="gpt-4o", model="gpt-4o-mini-2024-07-18"),
    # a chain that tries the next model after a failure, and one that tries the same again
    span("t2", "chain", None, "chain", 0, 9),
    span("t2", "failed", "chain", "llm", 1, status="error", model="claude-opus-4-5"),
    span("t2", "next", "chain", "llm", 2, model="our-llama"),
    span("t2", "after", "chain", "llm", 3, model="claude-opus-4-5"),
    span("t3", "again", None, "chain", 0, 9),
    span("t3", "first", "again", "llm", 1, status="error", model="gpt-5.1"),
    span("t3", "second", "again", "llm", 2, model="gpt-5.1-2025-11-13"),
    span("t3", "tool", "again", "tool", 3, model="gpt-4o"),
]


def test_another_model_than_was_asked_is_a_fallback(tmp_path: Path, opening: Any) -> None:
    engine = opening(write(tmp_path / "data", "calls", CALLS))
    assert ids(engine, "fallback:yes") == ["gateway", "next", "smaller"]
    assert ids(engine, "fallback:no") == ["after", "alias", "failed", "first", "same", "second"]
    selection = engine.select(ListQuery("traces", parse("fallback:yes")))
    assert sorted(row["trace_id"] for row in engine.rows(selection, 0, 9).rows) == ["t1", "t2"]
