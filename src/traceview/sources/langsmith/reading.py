"""LangSmith's runs -> canonical rows.

`session_id` of a run is its project; the conversation stands in the metadata. `dotted_order` holds the ids of all runs
above, so that the tree is whole even where parents were left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.context import context_fields
from traceview.sources.dialects.base import Fields, as_float, first, first_count, first_float
from traceview.sources.jsontext import as_text, decoded
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

_KINDS = {
    "llm": "llm", "chain": "chain", "tool": "tool", "retriever": "retriever", "embedding": "embedding",
    "prompt": "chain", "parser": "chain",
}  # fmt: skip
_CONTROL_FLOW = ("GraphInterrupt", "NodeInterrupt", "ParentCommand", "GraphBubbleUp", "GraphDelegate")
"""What LangGraph raises to steer a graph: no failure."""
_THREAD = ("thread_id", "session_id", "conversation_id")


def read(probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
    """Batches of canonical rows."""
    yield from batches((_row(record, where, report) for where, record in records(probe, report)), report)


def _row(record: Record, where: str, report: ReadReport) -> CanonicalRow | None:
    order = as_text(record.get("dotted_order")) or ""
    ids = [part.partition("Z")[2] for part in order.split(".") if "Z" in part]
    span_id = as_text(record.get("id")) or (ids[-1] if ids else None)
    trace_id = as_text(record.get("trace_id")) or (ids[0] if ids else None)
    if not span_id or not trace_id:
        report.skip("run without an id or a trace", where)
        return None
    extra = mapping_of(record.get("extra"))
    metadata = mapping_of(extra.get("metadata"))
    inputs, outputs = decoded(record.get("inputs")), decoded(record.get("outputs"))
    name = as_text(record.get("name")) or ""
    kind = _KINDS.get((as_text(record.get("run_type")) or "").lower(), "unknown")
    context = context_fields({"metadata": metadata, "tags": texts(record.get("tags"))}, {})
    start, end = nanoseconds(record.get("start_time")), nanoseconds(record.get("end_time"))
    failed, error = _error(record.get("error"))
    fields: Fields = {
        **context,
        "source": "langsmith",
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": _parent(record, ids),
        "name": name,
        "kind": kind,
        "start_ns": start,
        "end_ns": end,
        "status": _status(as_text(record.get("status")), failed, end),
        "thread_id": as_text(first(metadata, _THREAD)) or as_text(record.get("thread_id")),
        "user_id": as_text(metadata.get("user_id")) or context["user_id"],
        "ttft_ms": _ttft(record, start),
        **error,
    }
    if kind in ("llm", "embedding"):
        _call(fields, record, metadata, inputs, outputs)
    if kind == "tool":
        fields["tool_name"] = name
        fields["tool_call_id"] = as_text(first(metadata, ("tool_call_id", "call_id")))
    text_and_messages(fields, inputs, outputs)
    messages = fields.get("output_messages")
    if messages:
        fields["finish_reason"] = messages[-1].get("finish_reason") or _generation_reason(outputs)
    rest = {key: value for key, value in record.items() if key not in ("inputs", "outputs", "messages")}
    return completed(fields, rest)


def _parent(record: Record, ids: list[str]) -> str | None:
    parent = as_text(record.get("parent_run_id"))
    if parent:
        return parent
    above = texts(record.get("parent_run_ids"))
    if above:
        return above[-1]
    return ids[-2] if len(ids) > 1 else None


def _status(word: str | None, failed: bool, end: int | None) -> str:
    if failed:
        return "error"
    if word in ("success", "ok", "interrupted"):
        return "ok"
    return "unset" if end is None or word == "pending" else "ok"


def _error(error: Any) -> tuple[bool, Fields]:
    """Whether the run failed, and what its error says: the exception before its traceback."""
    text = as_text(error)
    if not text:
        return False, {}
    first_line = text.splitlines()[0]
    head, paren, rest = first_line.partition("(")
    kind: str | None
    if paren and head.replace("_", "").isalnum():
        kind, message = head, rest.removesuffix(")").strip("'\"")
    else:
        head, colon, rest = first_line.partition(": ")
        typed = bool(colon) and head.replace(".", "").replace("_", "").isalnum()
        kind, message = (head.rsplit(".", 1)[-1], rest) if typed else (None, first_line)
    stack = text if "\n" in text else None
    fields: Fields = {"error_type": kind, "error_message": message or first_line, "error_stack": stack}
    if kind in _CONTROL_FLOW:
        return False, {}
    return True, fields


def _call(fields: Fields, record: Record, metadata: Mapping[str, Any], inputs: Any, outputs: Any) -> None:
    """Model, tokens and cost of a model call, from wherever the writer put them."""
    answered = outputs if isinstance(outputs, dict) else {}
    asked = inputs if isinstance(inputs, dict) else {}
    generation = _generation(answered)
    told = mapping_of(generation.get("response_metadata"))
    usage = next(
        (
            found
            for found in (
                mapping_of(answered.get("usage_metadata")),
                mapping_of(generation.get("usage_metadata")),
                mapping_of(metadata.get("usage_metadata")),
                mapping_of(answered.get("usage")),
            )
            if found
        ),
        {},
    )
    details = mapping_of(first(usage, ("input_token_details", "prompt_tokens_details")))
    out_details = mapping_of(first(usage, ("output_token_details", "completion_tokens_details")))
    requested = as_text(first(metadata, ("ls_model_name",))) or as_text(asked.get("model"))
    fields.update(
        model=as_text(answered.get("model")) or as_text(first(told, ("model_name", "model"))) or requested,
        model_requested=requested,
        provider=as_text(metadata.get("ls_provider")),
        temperature=first_float(metadata, ("ls_temperature",)),
        service_tier=as_text(answered.get("service_tier")),
        call_id=as_text(answered.get("id")) or as_text(told.get("id")),
        input_tokens=first_count(usage, ("input_tokens", "prompt_tokens"))
        or first_count(record, ("prompt_tokens", "input_tokens")),
        output_tokens=first_count(usage, ("output_tokens", "completion_tokens"))
        or first_count(record, ("completion_tokens", "output_tokens")),
        cache_read_tokens=first_count(details, ("cache_read", "cached_tokens")),
        cache_write_tokens=first_count(details, ("cache_creation",)),
        reasoning_tokens=first_count(out_details, ("reasoning", "reasoning_tokens")),
        cost_usd=as_float(record.get("total_cost")),
    )


def _generation(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message of LangChain's `generations[0][0]`: its kwargs, where serialised."""
    value: Any = outputs.get("generations")
    while isinstance(value, list) and value:
        value = value[0]
    message = mapping_of(value.get("message")) if isinstance(value, dict) else {}
    return mapping_of(message.get("kwargs")) or message


def _generation_reason(outputs: Any) -> str | None:
    if not isinstance(outputs, dict):
        return None
    told = mapping_of(_generation(outputs).get("response_metadata"))
    return as_text(first(told, ("finish_reason", "stop_reason")))


def _ttft(record: Record, start: int | None) -> float | None:
    """Milliseconds to the first token: of the export's column, else of the first `new_token` event."""
    moment = nanoseconds(record.get("first_token_time"))
    if moment is None:
        events = decoded(record.get("events"))
        for event in events if isinstance(events, list) else []:
            if isinstance(event, dict) and event.get("name") == "new_token":
                moment = nanoseconds(event.get("time"))
                break
    return max((moment - start) / 1e6, 0.0) if moment is not None and start is not None else None
