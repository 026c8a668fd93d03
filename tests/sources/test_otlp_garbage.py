"""Sample spans with values replaced by anything: rows come out, payloads can be read, nothing raises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_reading import FIXTURES

from traceview.model.schema import COLUMN_BY_NAME
from traceview.sources.base import ReadReport
from traceview.sources.otlp import OtlpJson
from traceview.sources.otlp.typed import Request, parse
from traceview.sources.payload import payload_of
from traceview.sources.probe import probe

ODD: list[Any] = [
    None, [], {}, 0, -1, 1.5, True, "", "[", '{"a":1}', [None], [[]], {"role": []}, {"type": {}},
    [{"role": {}, "content": [[1], {"type": []}]}], {"stringValue": 5}, {"stringValue": {"a": 1}}, {"intValue": "x"},
    {"arrayValue": 5}, {"kvlistValue": {"values": [1, {"key": 2}]}}, {"stringValue": '[{"role":["u"],"parts":[3]}]'},
    {"stringValue": '{"prompt_tokens":[1],"x":{"y":{}}}'}, {"intValue": str(1 << 70)}, {"stringValue": "[[[[[["},
]  # fmt: skip


def sample_spans() -> list[dict[str, Any]]:
    spans = []
    for path in sorted(FIXTURES.rglob("*.otlp.jsonl")):
        for line in path.read_bytes().splitlines():
            for resource in json.loads(line).get("resourceSpans", []):
                for scope in resource["scopeSpans"]:
                    spans += scope["spans"][::10]
    return spans


SPANS = sample_spans()


def mutated(value: Any, random: Any) -> Any:
    if random.random() < 0.03:
        return random.choice(ODD)
    if isinstance(value, dict):
        return {key: mutated(item, random) for key, item in value.items()}
    if isinstance(value, list):
        return [mutated(item, random) for item in value]
    return value


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    random=st.randoms(use_true_random=False), chosen=st.lists(st.sampled_from(SPANS), min_size=1, max_size=4)
)
def test_any_values_make_rows(tmp_path: Path, random: Any, chosen: list[dict[str, Any]]) -> None:
    path = tmp_path / "odd.jsonl"
    spans = [mutated(span, random) for span in chosen]
    path.write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}))
    report = ReadReport()
    rows = [row for batch in OtlpJson().read(probe(path), report) for row in batch]
    lost = sum(count for reason, count in report.skipped.items() if "was read without it" not in reason)
    assert len(rows) + lost == len(spans)
    for row in rows:
        assert payload_of(row).span_id == row["span_id"]
        for name, value in row.items():
            if value is None or name in ("start_ns", "end_ns"):
                continue
            kind = COLUMN_BY_NAME[name].type
            expected = {"VARCHAR": str, "BIGINT": int, "DOUBLE": int | float, "VARCHAR[]": list}[kind]
            assert isinstance(value, expected), name
            if kind == "VARCHAR":
                value.encode()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    random=st.randoms(use_true_random=False),
    chosen=st.lists(st.sampled_from(SPANS), min_size=1, max_size=4),
    odd=st.booleans(),
)
def test_the_typed_and_the_tolerant_way_of_reading_give_the_same_rows(
    tmp_path: Path, random: Any, chosen: list[dict[str, Any]], odd: bool
) -> None:
    """A key that the format does not have sends a request the tolerant way."""
    spans = [mutated(span, random) for span in chosen] if odd else chosen
    request = {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]}
    found = []
    for more in ({}, {"unknown": 1}):
        path = tmp_path / f"{len(more)}.jsonl"
        path.write_text(json.dumps(request | more))
        report = ReadReport()
        rows = [row for batch in OtlpJson().read(probe(path), report) for row in batch]
        found.append((rows, report.spans, report.skipped))
    assert found[0] == found[1]


def test_whole_spans_are_read_typed() -> None:
    request = {"resourceSpans": [{"scopeSpans": [{"spans": SPANS}]}]}
    assert isinstance(parse(json.dumps(request).encode()), Request)
