"""Every sample file read whole: its figures, and its inputs and outputs as plain json reads them."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from source_reading import FIXTURES, figures, read, resolved

from traceview.model.schema import COLUMN_NAMES

FIGURES = {
    "openinference/anthropic.otlp.jsonl": (125, 16, 8, 10, 66, 33, 18, 12, 13996, 1472),
    "openinference/openai.otlp.jsonl": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "otel_genai/openai-latest.otlp.jsonl": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "otel_genai/openai-legacy.otlp.jsonl": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "otlp_variants/anthropic.otlp.jsonl.gz": (125, 16, 8, 10, 66, 33, 18, 12, 13996, 1472),
    "otlp_variants/pretty-single-object.otlp.json": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "otlp_variants/protobuf-json-mapping.base64-ids.jsonl": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "openllmetry/anthropic-current.otlp.jsonl": (140, 16, 8, 12, 65, 33, 18, 0, 13996, 1481),
    "openllmetry/anthropic-legacy-0.40.otlp.jsonl": (106, 16, 8, 7, 31, 31, 18, 0, 12032, 1276),
    "openlit/anthropic.otlp.jsonl": (125, 16, 8, 9, 32, 32, 18, 0, 13996, 1472),
    "langfuse/sdk-openai.otlp.jsonl": (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237),
    "pydantic_ai_logfire/anthropic.otlp.jsonl": (116, 16, 8, 9, 60, 30, 15, 0, 20935, 1255),
    "phoenix/spans.parquet": (125, 16, 8, 10, 66, 33, 18, 12, 13996, 1472),
}


def plain_spans(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Spans by ids, attributes flattened, read with nothing but json."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    documents = (
        [json.loads(data)] if "pretty" in path.name else [json.loads(line) for line in data.splitlines()]
    )
    spans = {}
    for document in documents:
        for resource in document["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    ids = [span["traceId"], span["spanId"]]
                    if "base64" in path.name:
                        ids = [base64.b64decode(value).hex() for value in ids]
                    attributes = {}
                    for pair in span["attributes"]:
                        attributes[pair["key"]] = next(iter(pair["value"].values()), None)
                    spans[ids[0], ids[1]] = {**span, "attributes": attributes}
    return spans


@pytest.mark.parametrize("name", FIGURES)
def test_figures_of_a_sample_file(name: str) -> None:
    rows, report = read(FIXTURES / name)
    assert figures(rows) == FIGURES[name]
    assert not report.skipped
    assert report.spans == len(rows)


@pytest.mark.parametrize("name", FIGURES)
def test_rows_have_canonical_columns_only(name: str) -> None:
    rows, _ = read(FIXTURES / name)
    allowed = (set(COLUMN_NAMES) - {"start_time", "end_time"}) | {"start_ns", "end_ns"}
    assert {key for row in rows for key in row} <= allowed
    for row in rows:
        for column in ("input_messages", "output_messages", "documents", "events", "metadata", "attributes"):
            if row.get(column) is not None:
                json.loads(row[column])


@pytest.mark.parametrize(
    "name", [name for name in FIGURES if name.startswith(("openinference", "otlp_variants"))]
)
def test_openinference_input_and_output_are_verbatim(name: str) -> None:
    rows, _ = read(FIXTURES / name)
    spans = plain_spans(FIXTURES / name)
    assert len(spans) == len(rows)
    compared = 0
    for row in rows:
        span = spans[row["trace_id"], row["span_id"]]
        attributes = span["attributes"]
        assert row["start_ns"] == int(span["startTimeUnixNano"])
        assert row["end_ns"] == int(span["endTimeUnixNano"])
        for column, key in (("input", "input.value"), ("output", "output.value")):
            assert row.get(column) == attributes.get(key)
            compared += attributes.get(key) is not None
        messages = {int(key.split(".")[2]) for key in attributes if key.startswith("llm.input_messages.")}
        assert len(json.loads(row.get("input_messages") or "[]")) == len(messages)
        if attributes.get("openinference.span.kind") == "AGENT":
            assert row["input_text"] == attributes["input.value"]
            assert row["output_text"] == attributes.get("output.value")
    assert compared >= 100


def test_genai_input_and_output_are_verbatim() -> None:
    path = FIXTURES / "otel_genai/openai-latest.otlp.jsonl"
    rows, _ = read(path)
    spans = plain_spans(path)
    keys = {
        "input": ("gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text"),
        "output": ("gen_ai.output.messages", "gen_ai.tool.call.result", "gen_ai.retrieval.documents"),
    }
    compared = 0
    for row in rows:
        attributes = spans[row["trace_id"], row["span_id"]]["attributes"]
        for column, candidates in keys.items():
            expected = next((attributes[key] for key in candidates if key in attributes), None)
            assert row.get(column) == expected
            compared += expected is not None
        if row["kind"] == "llm":
            given = json.loads(attributes["gen_ai.input.messages"])
            assert json.loads(row["input_messages"]) == [canonical_order(message) for message in given]
            asked = [part["content"] for item in given if item["role"] == "user" for part in item["parts"]]
            assert row["input_text"] == asked[-1]
    assert compared >= 100


def canonical_order(message: dict[str, Any]) -> dict[str, Any]:
    """A GenAI message as canonical: a tool's JSON result parsed, nothing else changed."""
    parts = []
    for part in message["parts"]:
        if part["type"] == "tool_call_response":
            response = part.get("response", part.get("result"))
            if isinstance(response, str) and response[:1] in ("{", "["):
                with contextlib.suppress(ValueError):
                    response = json.loads(response)
            part = {"type": "tool_call_response", "id": part["id"], "response": response}
        parts.append(part)
    return {**message, "parts": parts}


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith(("langfuse", "openll"))])
def test_other_writers_input_and_output_are_verbatim(name: str) -> None:
    rows, _ = read(FIXTURES / name)
    spans = plain_spans(FIXTURES / name)
    keys = {
        "input": ("langfuse.observation.input", "gen_ai.input.messages", "traceloop.entity.input"),
        "output": ("langfuse.observation.output", "gen_ai.output.messages", "traceloop.entity.output"),
    }
    compared = 0
    for row in rows:
        attributes = spans[row["trace_id"], row["span_id"]]["attributes"]
        for column, candidates in keys.items():
            expected = next((attributes[key] for key in candidates if key in attributes), None)
            if expected is not None:
                assert row[column] == expected
                compared += 1
    assert compared >= 100


@pytest.mark.parametrize("name", FIGURES)
def test_every_answered_call_has_readable_texts(name: str) -> None:
    """A person asked in words, and the calls that hold content show words, never raw JSON."""
    rows, _ = read(FIXTURES / name)
    shown = 0
    for row in rows:
        if row["kind"] == "llm" and row.get("input_messages"):
            assert row["input_text"] and not row["input_text"].startswith(("{", "[")), row["input_text"]
            if row.get("output_messages"):
                assert row["output_text"] and not row["output_text"].startswith(("{", "[")), row[
                    "output_text"
                ]
            shown += 1
    if "openai-legacy" not in name:
        assert shown >= 25


@pytest.mark.parametrize("name", FIGURES)
def test_threads_users_and_versions_reach_every_span(name: str) -> None:
    rows, _ = read(FIXTURES / name)
    versions = set()
    for _, trace in resolved(rows).values():
        assert trace.thread_id is not None and trace.thread_id.startswith("thread-")
        assert {span.thread_id for span in trace.spans} == {trace.thread_id}
        versions |= {span.prompt_version for span in trace.spans}
    if "openai-legacy" not in name and "openlit" not in name:
        assert versions - {None} in ({"v1", "v2", "v3"}, {"1", "2", "3"})


def test_error_details_come_from_status_and_exception_event() -> None:
    rows, _ = read(FIXTURES / "openinference/anthropic.otlp.jsonl")
    failed = [row for row in rows if row["status"] == "error" and row["kind"] == "tool"]
    assert len(failed) == 1
    assert failed[0]["error_type"] == "agentlib.ToolError"
    assert "NW-9999" in failed[0]["error_message"]
    assert failed[0]["error_stack"].startswith("Traceback")
    assert failed[0]["tool_name"] == "get_order_status"
    assert json.loads(failed[0]["tool_args"]) == {"order_id": "NW-9999"}


def test_redacted_session_is_skipped() -> None:
    rows, _ = read(FIXTURES / "pydantic_ai_logfire/anthropic.otlp.jsonl")
    assert not any("Scrubbed" in (row.get("thread_id") or "") for row in rows)
