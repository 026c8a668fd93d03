"""What the tests of formats share: reading a file, applying the rules, counting as fixtures are counted."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from traceview.sources.base import ReadReport
from traceview.sources.probe import probe
from traceview.sources.registry import detect
from traceview.sources.rules import ResolvedTrace, SpanFacts, resolve

FIXTURES = Path(__file__).parents[1] / "fixtures"


def read(path: Path) -> tuple[list[dict[str, Any]], ReadReport]:
    """All rows of a file, through detection, and the report."""
    looked = probe(path)
    report = ReadReport()
    rows = [row for batch in detect(looked).read(looked, report) for row in batch]  # type: ignore[union-attr]
    return rows, report


def facts(row: dict[str, Any]) -> SpanFacts:
    """What the rules need, of a canonical row."""
    known = {name: row.get(name) for name in SpanFacts._fields}
    known["has_content"] = bool(row.get("input") or row.get("output"))
    return SpanFacts(**known)  # type: ignore[arg-type]


def resolved(rows: list[dict[str, Any]]) -> dict[str, tuple[list[dict[str, Any]], ResolvedTrace]]:
    """Rows and rules of each trace."""
    traces = defaultdict(list)
    for row in rows:
        traces[row["trace_id"]].append(row)
    return {trace_id: (of, resolve([facts(row) for row in of])) for trace_id, of in traces.items()}


def figures(rows: list[dict[str, Any]]) -> tuple[int, ...]:
    """spans, traces, threads, error spans, llm spans, calls, tool, retriever, input tokens, output tokens."""
    traces = resolved(rows)
    pairs = [pair for of, trace in traces.values() for pair in zip(of, trace.spans, strict=True)]
    counted = [span for row, span in pairs if span.counted and row["kind"] != "embedding"]
    kinds = [row["kind"] for row in rows]
    return (
        len(rows),
        len(traces),
        len({trace.thread_id for _, trace in traces.values()} - {None}),
        sum(row["status"] == "error" for row in rows),
        kinds.count("llm"),
        sum(span.is_call for row, span in pairs if row["kind"] == "llm"),
        kinds.count("tool"),
        kinds.count("retriever"),
        sum(span.input_tokens or 0 for span in counted),
        sum(span.output_tokens or 0 for span in counted),
    )
