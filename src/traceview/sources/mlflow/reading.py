"""Traces of MLflow 2 and 3 -> canonical rows.

A span's attributes are JSON texts each. What stands in the trace's info (session, user, tags, assessments) goes to its
root; its token sums are roll-ups and are left to the attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first, first_count, first_float
from traceview.sources.dialects.langfuse import usage_fields
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.otlp.values import identifier, nanoseconds, status_of
from traceview.sources.records import Record, batches, completed, mapping_of, records, text_and_messages

_KINDS = {
    "llm": "llm", "chat_model": "llm", "agent": "agent", "tool": "tool", "chain": "chain", "workflow": "chain",
    "task": "chain", "retriever": "retriever", "embedding": "embedding", "reranker": "reranker", "parser": "chain",
    "guardrail": "guardrail", "evaluator": "evaluator", "memory": "unknown", "unknown": "unknown",
}  # fmt: skip
_GIVEN_BY = {"human": "human", "llm_judge": "llm", "ai_judge": "llm", "code": "code"}


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    yield from batches(_rows(probe, report), report)


def _rows(probe: Probe, report: ReadReport) -> Iterator[CanonicalRow | None]:
    for where, record in records(probe, report, pages=("traces",)):
        trace = record
        whole = mapping_of(record.get("trace"))
        if whole.get("info"):
            trace = whole
        info = mapping_of(trace.get("info")) or trace
        data = mapping_of(trace.get("data"))
        spans = decoded(data.get("spans") if data else trace.get("spans"))
        if not isinstance(spans, list) or not spans:
            report.skip("trace without spans", where)
            continue
        yield from _trace(info, spans, where, report)


def _trace(info: Record, spans: list[Any], where: str, report: ReadReport) -> Iterator[CanonicalRow]:
    metadata = mapping_of(first(info, ("trace_metadata", "request_metadata")))
    tags = mapping_of(info.get("tags"))
    if isinstance(decoded(info.get("tags")), list):
        tags = {
            one["key"]: one.get("value")
            for one in decoded(info["tags"])
            if isinstance(one, dict) and "key" in one
        }
    own = {key: value for key, value in tags.items() if not key.startswith("mlflow.")}
    context = context_fields({"metadata": own}, {})
    trace_id = as_text(first(info, ("trace_id", "request_id")))
    scores = list(_scores(info, report, where))
    for span in spans:
        if not isinstance(span, dict):
            report.skip("not a span object", where)
            continue
        ids = mapping_of(span.get("context"))
        span_id = _id(first(span, ("span_id",)) or ids.get("span_id"), 8)
        own_trace = trace_id or _id(span.get("trace_id") or ids.get("trace_id"), 16)
        if not span_id or not own_trace:
            report.skip("span without a trace id or span id", where)
            continue
        parent = _id(first(span, ("parent_span_id", "parent_id")), 8)
        attributes = {key: decoded(value, 1) for key, value in mapping_of(span.get("attributes")).items()}
        fields = _span(span, attributes)
        fields.update(trace_id=own_trace, span_id=span_id, parent_id=parent)
        mine = [score for of, score in scores if of == span_id]
        if parent is None:
            fields.update({key: value for key, value in context.items() if value is not None})
            fields["thread_id"] = as_text(metadata.get("mlflow.trace.session")) or context["thread_id"]
            fields["user_id"] = as_text(metadata.get("mlflow.trace.user")) or context["user_id"]
            mine += [score for of, score in scores if of is None]
        fields["scores"] = mine
        rest = {key: value for key, value in attributes.items() if key not in _TEXTS}
        if parent is None:
            rest = {
                **{key: decoded(value, 1) for key, value in metadata.items() if key not in _TEXTS},
                **tags,
                **rest,
            }
        yield completed(fields, rest)


_TEXTS = ("mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.traceInputs", "mlflow.traceOutputs")


def _id(value: Any, size: int) -> str | None:
    text = as_text(value)
    return identifier(text.removeprefix("0x"), size) if text else None


def _span(span: Record, attributes: Mapping[str, Any]) -> Fields:
    word = attributes.get("mlflow.spanType") or span.get("span_type")
    kind = _KINDS.get(str(word).lower(), "unknown")
    told = span.get("status")
    status = told if isinstance(told, dict) else {"code": first(span, ("status_code", "status"))}
    events = [_event(one) for one in span.get("events") or () if isinstance(one, dict)]
    failed: dict[str, Any] = next((one["attributes"] for one in events if one["name"] == "exception"), {})
    code = status.get("code")
    name = as_text(span.get("name")) or ""
    fields: Fields = {
        "source": "mlflow",
        "name": name,
        "kind": kind,
        "start_ns": nanoseconds(first(span, ("start_time_unix_nano", "start_time_ns", "start_time"))),
        "end_ns": nanoseconds(first(span, ("end_time_unix_nano", "end_time_ns", "end_time"))),
        "status": status_of(code),
        "error_type": as_text(failed.get("exception.type")),
        "error_message": as_text(failed.get("exception.message"))
        or (as_text(status.get("message") or span.get("status_message")) or None),
        "error_stack": as_text(failed.get("exception.stacktrace")),
        "events": events,
    }
    if fields["status"] != "error":
        fields.update(error_type=None, error_message=None)
    received, sent = attributes.get("mlflow.spanInputs"), attributes.get("mlflow.spanOutputs")
    if kind in ("llm", "embedding"):
        fields.update(_call(attributes, received, sent))
    if kind == "tool":
        fields["tool_name"] = name
    text_and_messages(fields, received, sent)
    messages = fields.get("output_messages")
    if messages:
        fields["finish_reason"] = messages[-1].get("finish_reason") or mapping_of(sent).get("stop_reason")
    return fields


def _call(attributes: Mapping[str, Any], received: Any, sent: Any) -> Fields:
    asked, answered = mapping_of(received), mapping_of(sent)
    usage = mapping_of(attributes.get("mlflow.chat.tokenUsage"))
    fields = usage_fields(usage)
    # these sums include cached tokens, except where the numbers show that they do not
    fields.pop("excludes_cache", None)
    cost = attributes.get("mlflow.llm.cost")
    return {
        **fields,
        "model": as_text(first(attributes, ("mlflow.llm.model",)))
        or as_text(answered.get("model"))
        or as_text(asked.get("model")),
        "model_requested": as_text(asked.get("model")),
        "provider": as_text(attributes.get("mlflow.llm.provider")),
        "temperature": as_float(asked.get("temperature")),
        "call_id": as_text(answered.get("id")),
        "cost_usd": first_float(cost, ("total_cost", "total")) if isinstance(cost, dict) else as_float(cost),
    }


def _event(event: Record) -> dict[str, Any]:
    return {
        "time_ns": first_count(event, ("time_unix_nano", "timestamp")),
        "name": as_text(event.get("name")) or "",
        "attributes": mapping_of(event.get("attributes")),
    }


def _scores(info: Record, report: ReadReport, where: str) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Assessments with the span that they are about, None for the trace; an overridden one is told and left out.

    An expectation is what should have come: a score of its name whose comment says so.
    """
    listed = decoded(info.get("assessments"))
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict):
            continue
        if one.get("valid") is False:
            report.skip("assessment that another one replaced", where)
            continue
        expected = mapping_of(one.get("expectation"))
        value = expected.get("value") if expected else mapping_of(one.get("feedback")).get("value")
        source = mapping_of(one.get("source"))
        span_id = _id(one.get("span_id"), 8)
        comment = as_text(one.get("rationale"))
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        yield (
            span_id,
            {
                "target": "span" if span_id else "trace",
                "name": as_text(first(one, ("assessment_name", "name"))),
                "value": value if numeric or isinstance(value, bool) else None,
                "label": None if numeric or isinstance(value, bool) else as_text(value),
                "comment": comment or ("expectation" if expected else None),
                "source": _GIVEN_BY.get((as_text(source.get("source_type")) or "").lower(), "code"),
                "author": as_text(source.get("source_id")),
                "time": as_text(first(one, ("create_time", "last_update_time"))),
            },
        )
