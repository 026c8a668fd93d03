"""A canonical row as stored -> the payload that screens, judges and exports read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.model.messages import Document, Message, Role, SpanEvent, SpanPayload, ToolUse
from traceview.sources.documents import documents_of, documents_of_output
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.messages import messages_of
from traceview.sources.names import tool_in_name

_SEARCHING = ("retriever", "reranker")
PAYLOAD_COLUMNS = (
    "trace_id", "span_id", "kind", "name", "input", "output", "input_text", "output_text", "input_messages",
    "output_messages", "documents", "tool_name", "tool_call_id", "tool_args", "tool_result", "metadata", "events",
    "attributes", "resource", "error_stack",
)  # fmt: skip
"""What a payload is made of, but for the row as stored."""


def payload_of(row: Mapping[str, Any], *, raw: bool = True) -> SpanPayload:
    """The payload of a row with canonical columns (model.schema); absent columns are null. Never raises for content.

    Without `raw` it does not have the row itself.
    """
    return SpanPayload(
        trace_id=str(row.get("trace_id") or ""),
        span_id=str(row.get("span_id") or ""),
        input=as_text(row.get("input")),
        output=as_text(row.get("output")),
        input_text=as_text(row.get("input_text")),
        output_text=as_text(row.get("output_text")),
        input_messages=_messages(row, "input_messages", "input", "user"),
        output_messages=_messages(row, "output_messages", "output", "assistant"),
        documents=_documents(row),
        tool=_tool(row),
        metadata=_object(row.get("metadata")),
        events=_events(row.get("events")),
        attributes=_object(row.get("attributes")),
        resource=_object(row.get("resource")),
        error_stack=as_text(row.get("error_stack")),
        raw=dict(row) if raw else None,
    )


def _documents(row: Mapping[str, Any]) -> tuple[Document, ...]:
    """The documents column, else what a retriever or reranker gave back."""
    if row.get("documents"):
        return documents_of(row["documents"])
    return documents_of_output(row.get("output")) if row.get("kind") in _SEARCHING else ()


def _messages(row: Mapping[str, Any], column: str, fallback: str, role: Role) -> tuple[Message, ...]:
    if row.get(column):
        return messages_of(row[column], role)
    text = row.get(fallback)
    if row.get("kind") != "llm" or not text:
        return ()
    return messages_of(text, role)


def _tool(row: Mapping[str, Any]) -> ToolUse | None:
    """The call of a tool; a writer without columns for it has it in the name, the input and the output."""
    name, call_id = as_text(row.get("tool_name")), as_text(row.get("tool_call_id"))
    arguments, result = row.get("tool_args"), row.get("tool_result")
    if row.get("kind") == "tool":
        name = name or tool_in_name(as_text(row.get("name")) or "")
    if row.get("kind") == "tool" or (row.get("kind") in _SEARCHING and (name or call_id)):
        # a search that a model called is a tool call too
        arguments = row.get("input") if arguments is None else arguments
        result = row.get("output") if result is None else result
    if name is None and call_id is None and arguments is None and result is None:
        return None
    return ToolUse(name, call_id, decoded(arguments), decoded(result))


def _events(value: Any) -> tuple[SpanEvent, ...]:
    items = decoded(value)
    if not isinstance(items, list):
        return ()
    events = []
    for item in items:
        if isinstance(item, dict):
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
    if isinstance(parsed, dict):
        return {str(key): item for key, item in parsed.items()}
    return {} if parsed is None or parsed == "" else {"value": parsed}
