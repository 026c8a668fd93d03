"""A canonical row as stored -> the payload that screens, judges and exports read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.model.messages import Document, Message, Role, SpanEvent, SpanPayload, ToolUse
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.messages import messages_of

_TEXT_KEYS = ("text", "content", "page_content", "document")


def payload_of(row: Mapping[str, Any]) -> SpanPayload:
    """The payload of a row with canonical columns (model.schema); absent columns are null. Never raises for content."""
    return SpanPayload(
        trace_id=str(row.get("trace_id") or ""),
        span_id=str(row.get("span_id") or ""),
        input=as_text(row.get("input")),
        output=as_text(row.get("output")),
        input_text=as_text(row.get("input_text")),
        output_text=as_text(row.get("output_text")),
        input_messages=_messages(row, "input_messages", "input", "user"),
        output_messages=_messages(row, "output_messages", "output", "assistant"),
        documents=documents_of(row.get("documents")),
        tool=_tool(row),
        metadata=_object(row.get("metadata")),
        events=_events(row.get("events")),
        attributes=_object(row.get("attributes")),
        resource=_object(row.get("resource")),
        error_stack=as_text(row.get("error_stack")),
        raw=dict(row),
    )


def documents_of(value: Any) -> tuple[Document, ...]:
    """Documents of a JSON list of {id, score, text, metadata} or of the shapes that writers use for them."""
    items = decoded(value)
    if isinstance(items, Mapping):
        items = items.get("documents") or items.get("results") or [items]
    if not isinstance(items, list):
        return ()
    return tuple(_document(item) for item in items if item is not None)


def _document(item: Any) -> Document:
    if not isinstance(item, Mapping):
        return Document(None, as_text(item))
    inner = item.get("document")
    if isinstance(inner, Mapping):
        item = {**item, **inner}
    text = next((item[key] for key in _TEXT_KEYS if isinstance(item.get(key), str)), None)
    score = item.get("score")
    return Document(
        id=as_text(item.get("id")),
        text=text,
        score=float(score) if isinstance(score, int | float) else None,
        metadata=decoded(item.get("metadata")),
    )


def _messages(row: Mapping[str, Any], column: str, fallback: str, role: Role) -> tuple[Message, ...]:
    if row.get(column):
        return messages_of(row[column], role)
    text = row.get(fallback)
    if row.get("kind") != "llm" or not text:
        return ()
    return messages_of(text, role)


def _tool(row: Mapping[str, Any]) -> ToolUse | None:
    name, call_id = as_text(row.get("tool_name")), as_text(row.get("tool_call_id"))
    arguments, result = row.get("tool_args"), row.get("tool_result")
    if name is None and call_id is None and arguments is None and result is None:
        return None
    return ToolUse(name, call_id, decoded(arguments), decoded(result))


def _events(value: Any) -> tuple[SpanEvent, ...]:
    items = decoded(value)
    if not isinstance(items, list):
        return ()
    events = []
    for item in items:
        if isinstance(item, Mapping):
            time_ns = item.get("time_ns")
            events.append(
                SpanEvent(
                    time_ns if isinstance(time_ns, int) else None,
                    as_text(item.get("name")) or "",
                    _object(item.get("attributes")),
                )
            )
    return tuple(events)


def _object(value: Any) -> dict[str, Any]:
    parsed = decoded(value)
    if isinstance(parsed, Mapping):
        return {str(key): item for key, item in parsed.items()}
    return {} if parsed is None or parsed == "" else {"value": parsed}
