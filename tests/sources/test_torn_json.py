"""JSON that breaks off: the spans before that are read, and the place is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from source_reading import FIXTURES, read

from traceview.sources.torn_json import whole_spans


@pytest.mark.parametrize(
    "name",
    [
        "openinference/openai.otlp.jsonl", "otlp_variants/pretty-single-object.otlp.json",
        "jaeger/otel-genai.jaeger-ui.json", "mlflow/traces.jsonl",
    ],
)  # fmt: skip
def test_spans_before_the_break_are_read(tmp_path: Path, name: str) -> None:
    text = (FIXTURES / name).read_text()
    path = tmp_path / "torn.json"
    path.write_text(text)
    whole, _ = read(path)
    path.write_text(text[: len(text) * 3 // 4])
    rows, report = read(path)
    known = {row["span_id"]: row["attributes"] for row in whole}
    assert len(whole) // 3 < len(rows) < len(whole)
    assert all(known[row["span_id"]] == row["attributes"] for row in rows)
    assert sum(report.skipped.values()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"resourceSpans":[{"scopeSpans":[{"spans":[{"a":"}"},{"b":[{"c"',
            '{"resourceSpans":[{"scopeSpans":[{"spans":[{"a":"}"}]}]}]}',
        ),
        ('{"spans": [{"a": "\\"{"}], "more": [{"x": 1}, ', '{"spans": [{"a": "\\"{"}]}'),
        ('{"spans": [{"attributes": {"spans": [{"x": 1}, {', None),
        ('{"message": {"input": {"spans": [{"x": 1}, {', None),
        ('{"spans": [{"a": 1}}', '{"spans": [{"a": 1}]}'),
        ("][", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_text_is_cut_after_its_last_whole_span(text: str, expected: str | None) -> None:
    found = whole_spans(text.encode())
    assert (None if found is None else found.decode()) == expected


def test_an_item_of_a_list_is_cut_with_the_key_of_the_list() -> None:
    item: Any = b'{"scopeSpans": [{"spans": [{"a": 1}, {"b'
    assert whole_spans(item, "resourceSpans") == b'{"scopeSpans": [{"spans": [{"a": 1}]}]}'
    assert whole_spans(item, "runs") is None
