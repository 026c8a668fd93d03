"""Exports of other tools read whole: the figures of their sample files."""

from __future__ import annotations

from typing import Any

import pytest
from source_reading import FIXTURES, figures, read

from traceview.model.schema import COLUMN_NAMES
from traceview.store.open import open_engine

FIGURES = {
    "langfuse/blob_export.documented_layout/observations_v2.jsonl": (
        92,
        16,
        8,
        7,
        33,
        33,
        18,
        12,
        14334,
        1237,
    ),
    "langsmith/runs.jsonl": (79, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "langsmith/bulk_export.documented_layout.parquet": (79, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "braintrust/project_logs.jsonl": (92, 16, 8, 4, 33, 33, 18, 0, 14334, 1237),
    "braintrust/logs3_ingest_rows.jsonl": (92, 16, 8, 4, 33, 33, 18, 0, 14334, 1237),
    "mlflow/traces.jsonl": (79, 16, 8, 7, 33, 33, 18, 12, 14119, 1486),
    "mlflow/traces.json": (79, 16, 8, 7, 33, 33, 18, 12, 14119, 1486),
    "mlflow/search_traces.csv": (79, 16, 8, 7, 33, 33, 18, 12, 14119, 1486),
    "jaeger/otel-genai.jaeger-ui.json": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "opik/opik_exports_json/default/projects/*/trace_*.json": (79, 16, 8, 6, 32, 32, 18, 0, 13996, 1472),
}
ALLOWED = (set(COLUMN_NAMES) - {"start_time", "end_time"}) | {"start_ns", "end_ns"}


def read_all(pattern: str) -> list[dict[str, Any]]:
    """The rows of every file that matches, none of which may have lost anything."""
    rows = []
    paths = sorted(FIXTURES.glob(pattern))
    assert paths, pattern
    for path in paths:
        found, report = read(path)
        assert not report.skipped, (path, report.skipped)
        assert report.spans == len(found)
        rows += found
    return rows


@pytest.mark.parametrize("pattern", FIGURES)
def test_figures_of_an_export(pattern: str) -> None:
    assert figures(read_all(pattern)) == FIGURES[pattern]


@pytest.mark.parametrize("pattern", FIGURES)
def test_rows_have_canonical_columns_and_times(pattern: str) -> None:
    for row in read_all(pattern):
        assert set(row) <= ALLOWED
        assert row["trace_id"] and row["span_id"]
        assert row["start_ns"] > 1_700_000_000 * 10**9
        assert row["end_ns"] is None or row["end_ns"] >= row["start_ns"]


@pytest.mark.parametrize("pattern", FIGURES)
def test_calls_have_messages_models_and_texts(pattern: str) -> None:
    calls = [row for row in read_all(pattern) if row["kind"] == "llm"]
    assert all(row["model"] for row in calls)
    answered = [row for row in calls if row["status"] != "error" and row.get("output")]
    assert len(answered) >= 25
    for row in answered:
        assert '"role":"system"' in row["input_messages"] and '"role":"assistant"' in row["output_messages"]
        assert row["input_text"] and not row["input_text"].startswith("{")
        assert row["output_text"]


def test_the_project_beside_opiks_traces_is_nothing_that_was_skipped() -> None:
    engine = open_engine((str(FIXTURES / "opik/opik_exports_json"),))
    try:
        engine.wait_ready()
        info = engine.info()
    finally:
        engine.close()
    assert (info.spans, info.traces, info.skipped) == (79, 16, ())
