"""Where a fact comes from depends on who says it: a model has to have it from somewhere, a tool brings it in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from traceview.sources.payload import payload_of
from traceview.store.interface import CancelToken
from traceview.text.facts import find_facts
from traceview.tui.trace_reading import TraceReading


@pytest.mark.parametrize(("kind", "doubtful"), [("tool", False), ("retriever", False), ("llm", True)])
def test_only_what_a_model_says_first_is_doubtful(kind: str, doubtful: bool) -> None:
    text = "The total is 4,252."
    rows: list[dict[str, Any]] = [
        {"trace_id": "t", "span_id": "root", "parent_id": None, "kind": "agent", "start_ns": 1, "end_ns": 9},
        {"trace_id": "t", "span_id": "one", "parent_id": "root", "kind": kind, "start_ns": 2, "end_ns": 3},
    ]  # fmt: skip
    payloads = {
        "root": payload_of({"span_id": "root", "kind": "agent", "input_text": "how much?"}),
        "one": payload_of({"span_id": "one", "kind": kind, "output": text, "output_text": text}),
    }
    engine = SimpleNamespace(
        beginnings=lambda spans, limit, token: [(payloads[row["span_id"]], False) for row in spans]
    )
    reading = TraceReading(cast(Any, engine), rows)
    (found,) = reading.sources("one", find_facts(text), CancelToken()).values()
    assert found.origin is None and found.doubtful is doubtful
