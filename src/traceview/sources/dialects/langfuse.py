"""Attributes of Langfuse's SDK: values are JSON text, usage and cost are free maps, the level tells errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from traceview.sources.dialects.base import (
    Dialect,
    Fields,
    RawSpan,
    as_count,
    as_float,
    first,
    first_text,
    temperature_in,
    text,
    word,
)
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.dialects.spoken import spoken
from traceview.sources.jsontext import as_text, decoded

KINDS: Mapping[str, str] = {
    "generation": "llm", "span": "chain", "event": "unknown", "agent": "agent", "tool": "tool",
    "chain": "chain", "retriever": "retriever", "evaluator": "evaluator", "embedding": "embedding",
    "guardrail": "guardrail",
}  # fmt: skip
"""Types of observations, in lower case."""

_PREFIX = "langfuse.observation."
_STARTED = _PREFIX + "completion_start_time"


def _of_map(value: Any) -> Mapping[str, Any] | None:
    found = decoded(value)
    return found if isinstance(found, Mapping) else None


def _unquoted(value: Any) -> str | None:
    """A JSON string without its quotes."""
    return text(decoded(value, 1))


TABLE: Table = (
    ("kind", word(KINDS), (_PREFIX + "type",)),
    ("model", text, (_PREFIX + "model.name",)),
    ("temperature", temperature_in, (_PREFIX + "model.parameters",)),
    ("finish_reason", _unquoted, (_PREFIX + "metadata.finish_reason", _PREFIX + "metadata.stop_reason")),
    ("provider", _unquoted, (_PREFIX + "metadata.ls_provider", _PREFIX + "metadata.provider")),
    ("input", text, (_PREFIX + "input", "langfuse.trace.input")),
    ("output", text, (_PREFIX + "output", "langfuse.trace.output")),
    ("usage", _of_map, (_PREFIX + "usage_details",)),
    ("cost", _of_map, (_PREFIX + "cost_details",)),
    ("level", text, (_PREFIX + "level",)),
)


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Usage and cost out of their maps, the level as a failure, messages, tools and documents by the kind."""
    attributes = span.attributes
    kind = fields.get("kind")
    level = fields.pop("level", None)
    if level is not None and level.upper() == "ERROR":
        fields["level_error"] = True
    if level == "ERROR":
        fields["error_message"] = first_text(attributes, (_PREFIX + "status_message",))
    if _STARTED in shape.names:
        fields["ttft_ms"] = _ttft(span)
    if (usage := fields.pop("usage", None)) is not None:
        fields.update(usage_fields(usage))
    if (cost := fields.pop("cost", None)) is not None:
        fields["cost_usd"] = total_cost(cost)
    spoken(span.name, fields)
    if kind == "tool":
        call_id = first(attributes, (_PREFIX + "metadata.call_id", _PREFIX + "metadata.tool_call_id"))
        fields["tool_call_id"] = as_text(decoded(call_id, 1))
    elif kind == "retriever":
        documents = decoded(fields.get("output"))
        if isinstance(documents, list):
            fields["documents"] = [_document(item) for item in documents]


DIALECT = Dialect("langfuse", frozenset(("langfuse",)), TABLE, more)


def usage_fields(usage: Mapping[str, Any]) -> Fields:
    """Token columns of a free usage map; `excludes_cache` is set for Anthropic's words."""
    flat: dict[str, int] = {}
    for key, value in usage.items():
        if isinstance(value, Mapping):
            for inner, number in value.items():
                if (count := as_count(number)) is not None:
                    flat[f"{key}.{inner}"] = count
        elif (count := as_count(value)) is not None:
            flat[key] = count
    anthropic = "cache_read_input_tokens" in flat or "cache_creation_input_tokens" in flat
    return {
        "input_tokens": _pick(flat, "input", "prompt_tokens", "input_tokens"),
        "output_tokens": _pick(flat, "output", "completion_tokens", "output_tokens"),
        "cache_read_tokens": _pick(
            flat, "cache_read_input_tokens", "input_cached_tokens", "prompt_tokens_details.cached_tokens",
            "input_tokens_details.cached_tokens", "input_cache_read", "input_details.cache_read",
        ),
        "cache_write_tokens": _pick(flat, "cache_creation_input_tokens", "input_cache_creation"),
        "reasoning_tokens": _pick(
            flat, "output_reasoning_tokens", "completion_tokens_details.reasoning_tokens",
            "output_tokens_details.reasoning_tokens", "output_reasoning",
        ),
        "excludes_cache": anthropic and ("input" in flat or "input_tokens" in flat),
    }  # fmt: skip


def total_cost(cost: Mapping[str, Any]) -> float | None:
    """The total of a cost map: its `total`, else the sum of its parts."""
    total = as_float(cost.get("total"))
    if total is not None:
        return total
    parts = [number for value in cost.values() if (number := as_float(value)) is not None]
    return sum(parts) if parts else None


def _pick(flat: Mapping[str, int], *keys: str) -> int | None:
    return next((flat[key] for key in keys if key in flat), None)


def _document(item: Any) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        return {"id": None, "score": None, "text": as_text(item), "metadata": None}
    rest = {key: value for key, value in item.items() if key not in ("id", "score", "text", "content")}
    return {
        "id": as_text(item.get("id")),
        "score": as_float(item.get("score")),
        "text": as_text(first(item, ("text", "content", "page_content"))),
        "metadata": item.get("metadata", rest or None),
    }


def _ttft(span: RawSpan) -> float | None:
    started = decoded(span.attributes.get(_STARTED), 1)
    if span.start_ns is None or not isinstance(started, str):
        return None
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment.timestamp() * 1000 - span.start_ns / 1e6, 0.0)
