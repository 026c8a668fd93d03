"""The sample files in one store: their figures add up, and the scores that they bring stay with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.fixtures import FIXTURES, TRUTH, figures
from tests.ingest.stores import ask, info

from traceview.ingest.importer import import_sources

RUNS = (
    "openinference/anthropic.otlp.jsonl",
    "openinference/openai.otlp.jsonl",
    "openllmetry/anthropic-current.otlp.jsonl",
    "openllmetry/anthropic-legacy-0.40.otlp.jsonl",
    "otel_genai/openai-latest.otlp.jsonl",
    "otel_genai/openai-legacy.otlp.jsonl",
    "openlit/anthropic.otlp.jsonl",
    "langfuse/sdk-openai.otlp.jsonl",
    "pydantic_ai_logfire/anthropic.otlp.jsonl",
    "mlflow/traces.json",
    "opik/opik_exports_json",
    "langsmith/runs.jsonl",
    "braintrust/logs3_ingest_rows.jsonl",
    "claude_code/199b493e-153a-46aa-95e8-d3fe07bea288.jsonl",
)
"""One file of each run: the others tell the same spans in another format."""


def test_the_figures_of_a_store_are_the_sums_of_its_files(tmp_path: Path) -> None:
    store = tmp_path / "store"
    report = import_sources([str(FIXTURES / name) for name in RUNS], store)
    sums = [sum(TRUTH[name][column] for name in RUNS) for column in range(9)]
    found = figures(info(store))
    # the runs share their eight conversations; Claude Code's one trace is read as three turns, each under an agent
    sums[0] += 3
    sums[1] += 2
    sums[2] = 9
    assert list(found) == sums
    assert (report.spans, report.already, report.changed) == (sums[0], 0, 0)
    again = import_sources([str(FIXTURES / name) for name in RUNS], store)
    assert (again.spans, again.files) == (0, [])


SCORES = (
    "SELECT target_kind, target_id, name, source, annotator, CAST(value AS VARCHAR) FROM scores ORDER BY ALL"
)


@pytest.mark.parametrize(
    "names",
    [
        ("langsmith/runs.jsonl", "langsmith/feedback.jsonl"),
        ("phoenix/spans.parquet", "phoenix/annotations.parquet"),
        ("langfuse/blob_export.documented_layout",),
        ("opik/opik_exports_json",),
        ("mlflow/traces.jsonl",),
        ("braintrust/project_logs.jsonl",),
    ],
)
def test_the_scores_of_a_source_are_those_of_its_store(tmp_path: Path, names: tuple[str, ...]) -> None:
    paths = [str(FIXTURES / name) for name in names]
    expected = ask(paths[0], SCORES, *paths[1:])
    assert expected
    store = tmp_path / "store"
    report = import_sources(paths, store)
    assert ask(store, SCORES) == expected
    # again, each score once
    for path in paths:
        again = import_sources([path], store)
        assert (again.spans, again.scores) == (0, 0)
    assert ask(store, SCORES) == expected
    assert report.skipped == [
        one for one in report.skipped if one.where and one.where.endswith("project.json")
    ]


def test_scores_may_come_after_their_spans(tmp_path: Path) -> None:
    spans, feedback = (str(FIXTURES / "langsmith" / name) for name in ("runs.jsonl", "feedback.jsonl"))
    store = tmp_path / "store"
    import_sources([spans], store)
    report = import_sources([feedback], store)
    assert (report.spans, report.scores) == (0, sum(1 for line in open(feedback)))  # noqa: PTH123, SIM115
    assert ask(store, SCORES) == ask(spans, SCORES, feedback)
