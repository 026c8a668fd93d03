"""Engine rows and payloads as documented JSON: what the command line prints, and what judges look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict

from traceview.model.messages import Message, SpanPayload
from traceview.model.rows import SPAN_COLUMNS, THREAD_COLUMNS, TRACE_COLUMNS
from traceview.store.interface import Level
from traceview.store.span_links import links_in

COLUMNS: dict[Level, tuple[str, ...]] = {
    "traces": TRACE_COLUMNS,
    "spans": SPAN_COLUMNS,
    "threads": THREAD_COLUMNS,
}
TIMES = {
    "start_time": "start_ns",
    "end_time": "end_ns",
    "first_seen": "first_seen_ns",
    "last_seen": "last_seen_ns",
}
"""JSON name of a time to its key in engine rows."""


def value_of(row: Mapping[str, Any], column: str) -> Any:
    """A column of an engine row; times as RFC 3339 with all digits."""
    from traceview.text.human import rfc3339

    if column in TIMES:
        return rfc3339(row.get(TIMES[column]))
    if column == "tokens":
        return (row.get("input_tokens") or 0) + (row.get("output_tokens") or 0)
    if column == "prompt_versions":
        return [prompt_version(entry) for entry in row.get(column) or ()]
    return row.get(column)


def prompt_version(entry: Any) -> dict[str, Any]:
    """A prompt version as {name, version}, with `inferred` (from what: text, file) if it was not recorded."""
    if isinstance(entry, Mapping):
        name, version, inferred = entry.get("name"), entry.get("version"), entry.get("inferred")
    else:
        name, version, inferred = entry
    shape = {"name": name, "version": version}
    return shape if inferred is None else shape | {"inferred": inferred}


def row_json(row: Mapping[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    """An engine row as a JSON object of these columns, in their order."""
    return {column: value_of(row, column) for column in columns}


def payload_json(payload: SpanPayload) -> dict[str, Any]:
    """A payload as `spans --payload` prints it."""
    return {
        "input": payload.input,
        "output": payload.output,
        "messages": [message_json(m) for m in (*payload.input_messages, *payload.output_messages)],
        "documents": [asdict(document) for document in payload.documents],
        "tool": asdict(payload.tool) if payload.tool else None,
        "attributes": payload.attributes,
        "events": [asdict(event) for event in payload.events],
        "links": links_in((payload.raw or {}).get("links")),
    }


def message_json(message: Message) -> dict[str, Any]:
    """A canonical message in the OpenTelemetry GenAI shape, absent keys left out."""
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if part.type == "tool_call":
            parts.append(
                {"type": part.type, "id": part.call_id, "name": part.name, "arguments": part.arguments}
            )
        elif part.type == "tool_call_response":
            parts.append({"type": part.type, "id": part.call_id, "response": part.response})
        elif part.type in ("text", "reasoning"):
            parts.append({"type": part.type, "content": part.content})
        else:
            parts.append({"type": part.type, "raw": part.raw, "content": part.content})
    shape: dict[str, Any] = {"role": message.role, "parts": parts}
    if message.finish_reason:
        shape["finish_reason"] = message.finish_reason
    return shape
