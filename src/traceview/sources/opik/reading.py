"""Exports of Opik -> canonical rows. The trace is the root span of its spans, and has no id of its own but theirs.

Source: files written by the `opik export` command (opik 2.2).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first, first_count, first_float
from traceview.sources.given import given_by
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.opik.format import is_trace_file
from traceview.sources.records import (
    Record,
    batches,
    completed,
    mapping_of,
    nanoseconds,
    records,
    text_and_messages,
    texts,
)

_KINDS = {"llm": "llm", "tool": "tool", "guardrail": "guardrail", "general": "unknown"}
_NESTED = ("input", "output", "metadata", "usage", "error_info")
_ORIGINAL = "original_usage."


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    rows = _of_csv(probe, report) if probe.container == "csv" else _of_json(probe, report)
    yield from batches(rows, report)


def _of_json(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    for where, record in records(probe, report, pages=()):
        if not is_trace_file(record):
            report.skip("not an exported trace", where)
            continue
        trace, spans = record["trace"], record["spans"]
        trace_id = as_text(trace.get("id"))
        if not trace_id:
            report.skip("trace without an id", where)
            continue
        yield _root(trace_id, trace)
        for span in spans:
            if not isinstance(span, dict) or not span.get("id"):
                report.skip("span without an id", where)
                continue
            yield _span(trace_id, span)


def _of_csv(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    """A row a span, the trace's columns repeated in each: a trace is given with its first row."""
    given: set[str] = set()
    count = 0
    for where, record in records(probe, report):
        count += 1
        trace, span = _unflattened(record, "trace_"), _unflattened(record, "span_")
        trace_id = as_text(trace.get("id") or span.get("trace_id"))
        if not trace_id:
            report.skip("row without a trace id", where)
            continue
        if trace_id not in given:
            given.add(trace_id)
            yield _root(trace_id, trace)
        if span.get("id"):
            yield _span(trace_id, span)
    if not count:
        report.skip(
            "a heading without rows: Opik's CSV export leaves them out for some traces", probe.path.name
        )


def _unflattened(record: Record, prefix: str) -> Record:
    """The trace or the span of a CSV row: `trace_input_question` is `input.question` again."""
    found: Record = {}
    for column, cell in record.items():
        if not column.startswith(prefix) or cell == "":
            continue
        name = column.removeprefix(prefix)
        value = _cell(cell)
        inner = next((one for one in _NESTED if name.startswith(f"{one}_")), None)
        if inner is None:
            found[name] = value
        elif isinstance(found.setdefault(inner, {}), dict):
            found[inner][name.removeprefix(f"{inner}_")] = value
    return found


def _cell(cell: str) -> Any:
    """A cell's value: JSON, or a list or object as Python prints it, as this export does."""
    value = decoded(cell)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return value


def _root(trace_id: str, trace: Record) -> CanonicalRow:
    fields = _fields(trace, "agent")
    fields.update(trace_id=trace_id, span_id=trace_id, parent_id=None, scores=_scores(trace, "trace"))
    text_and_messages(fields, trace.get("input"), trace.get("output"))
    return completed(fields, _rest(trace))


def _span(trace_id: str, span: Record) -> CanonicalRow:
    word = as_text(span.get("type")) or "general"
    fields = _fields(span, _KINDS.get(word.lower(), "unknown"))
    metadata = mapping_of(span.get("metadata"))
    fields.update(
        trace_id=trace_id,
        span_id=as_text(span["id"]),
        parent_id=as_text(span.get("parent_span_id")) or trace_id,
        model=as_text(span.get("model") or metadata.get("model")),
        model_requested=as_text(metadata.get("model")),
        provider=as_text(span.get("provider")),
        finish_reason=as_text(first(metadata, ("stop_reason", "finish_reason"))),
        call_id=as_text(metadata.get("id")) if fields["kind"] == "llm" else None,
        temperature=as_float(metadata.get("temperature")),
        scores=_scores(span, "span"),
    )
    if fields["kind"] == "llm":
        fields.update(_usage(mapping_of(span.get("usage"))))
    if fields["kind"] == "tool":
        fields["tool_name"] = fields["name"]
        fields["tool_call_id"] = as_text(first(metadata, ("call_id", "tool_call_id")))
    text_and_messages(fields, span.get("input"), span.get("output"))
    return completed(fields, _rest(span))


def _fields(record: Record, kind: str) -> Fields:
    """What traces and spans say in the same words."""
    metadata = mapping_of(record.get("metadata"))
    error = mapping_of(record.get("error_info"))
    start, end = nanoseconds(record.get("start_time")), nanoseconds(record.get("end_time"))
    context = context_fields({"metadata": metadata, "tags": texts(record.get("tags"))}, {})
    prompt = metadata.get("prompt")
    if not isinstance(prompt, dict):
        prompts = metadata.get("opik_prompts")
        prompt = prompts[0] if isinstance(prompts, list) and prompts else {}
    prompt = prompt if isinstance(prompt, dict) else {}
    version = first(prompt, ("version", "commit"))
    return {
        **context,
        "source": "opik",
        "name": as_text(record.get("name")) or "",
        "kind": kind,
        "start_ns": start,
        "end_ns": end,
        "status": "error" if error else "ok" if end is not None else "unset",
        "error_type": as_text(error.get("exception_type")),
        "error_message": as_text(error.get("message")),
        "error_stack": as_text(error.get("traceback")),
        "thread_id": as_text(record.get("thread_id")) or context["thread_id"],
        "user_id": as_text(metadata.get("user_id")),
        "prompt_name": as_text(prompt.get("name")) or context["prompt_name"],
        "prompt_version": as_text(version) or context["prompt_version"],
        "environment": as_text(record.get("environment")) or context["environment"],
        "cost_usd": as_float(record.get("total_estimated_cost")) if kind == "llm" else None,
        "ttft_ms": as_float(record.get("ttft")),
    }


def _usage(usage: Mapping[str, Any]) -> Fields:
    """Tokens of a flat usage map: Opik's own sums include cached tokens, the provider's words stand beside them."""
    original = usage.get("original_usage")
    if isinstance(original, dict):
        usage = {**usage, **{_ORIGINAL + key: value for key, value in original.items()}}
    return {
        "input_tokens": first_count(
            usage, ("prompt_tokens", _ORIGINAL + "prompt_tokens", _ORIGINAL + "input_tokens")
        ),
        "output_tokens": first_count(
            usage, ("completion_tokens", _ORIGINAL + "completion_tokens", _ORIGINAL + "output_tokens")
        ),
        "cache_read_tokens": first_count(
            usage,
            (
                _ORIGINAL + "cache_read_input_tokens",
                _ORIGINAL + "prompt_tokens_details.cached_tokens",
                _ORIGINAL + "input_tokens_details.cached_tokens",
            ),
        ),
        "cache_write_tokens": first_count(usage, (_ORIGINAL + "cache_creation_input_tokens",)),
        "reasoning_tokens": first_count(
            usage,
            (
                _ORIGINAL + "completion_tokens_details.reasoning_tokens",
                _ORIGINAL + "output_tokens_details.reasoning_tokens",
            ),
        ),
    }


def _scores(record: Record, target: str) -> list[dict[str, Any]]:
    found = []
    listed = decoded(record.get("feedback_scores"))
    for score in listed if isinstance(listed, list) else []:
        if not isinstance(score, dict) or not score.get("name"):
            continue
        name = as_text(score["name"])
        found.append(
            {
                "target": target,
                "name": name,
                "value": first_float(score, ("value",)),
                "label": as_text(score.get("category_name")),
                "comment": as_text(score.get("reason")),
                "source": given_by(as_text(score.get("source")), name),
                "author": as_text(first(score, ("created_by", "last_updated_by"))),
                "time": as_text(first(score, ("created_at", "last_updated_at"))),
            }
        )
    return found


def _rest(record: Record) -> Record:
    """Everything but the texts, which have columns of their own."""
    return {key: value for key, value in record.items() if key not in ("input", "output")}
