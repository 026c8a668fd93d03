"""OpenLLMetry: traceloop.* of all versions and the flat, indexed gen_ai.prompt.N of the older ones."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import (
    Attributes,
    Dialect,
    Fields,
    RawSpan,
    as_count,
    as_float,
    first_text,
    text,
    word,
)
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.message_parts import tool_call_part
from traceview.sources.messages import JsonMessage, canonical

_KINDS = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_REQUEST_KINDS = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}
_OPERATIONS = {
    "chat": "chat", "completion": "text_completion", "embedding": "embeddings", "rerank": "rerank",
}  # fmt: skip
_PROMPTS = ("gen_ai.prompt.", "llm.prompts.")
_COMPLETIONS = ("gen_ai.completion.", "llm.completions.")

TABLE: Table = (
    ("kind", word(_KINDS), ("traceloop.span.kind",)),
    ("request_kind", word(_REQUEST_KINDS), ("llm.request.type",)),
    ("model", text, ("llm.response.model", "llm.request.model")),
    ("model_requested", text, ("llm.request.model",)),
    ("provider", text, ("llm.vendor",)),
    ("operation", word(_OPERATIONS), ("llm.request.type",)),
    ("temperature", as_float, ("llm.request.temperature", "llm.temperature")),
    ("finish_reason", text, ("llm.response.finish_reason", "llm.response.stop_reason")),
    ("input_tokens", as_count, ("llm.usage.prompt_tokens", "llm.usage.input_tokens")),
    ("output_tokens", as_count, ("llm.usage.completion_tokens", "llm.usage.output_tokens")),
    ("cache_read_tokens", as_count, ("llm.usage.cache_read_input_tokens",)),
    ("cache_write_tokens", as_count, ("llm.usage.cache_creation_input_tokens",)),
    ("reasoning_tokens", as_count, ("llm.usage.reasoning_tokens", "gen_ai.usage.reasoning_tokens")),
    ("input", text, ("traceloop.entity.input",)),
    ("output", text, ("traceloop.entity.output",)),
)


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Arguments and results of workflows, tasks and tools; documents; the flat messages."""
    attributes = span.attributes
    request_kind = fields.pop("request_kind", None)
    kind = fields.setdefault("kind", request_kind)
    given, result = fields.get("input"), fields.get("output")
    if given is not None:
        fields["texts_in"] = _arguments_text(given)
    if result is not None:
        fields["output_text"] = _result_text(result)
    if kind == "tool":
        fields["tool_name"] = first_text(attributes, ("gen_ai.tool.name", "traceloop.entity.name"))
        fields["tool_args"] = given
        fields["tool_result"] = result
    elif result is not None and (kind == "chain" or span.name.startswith("vector_search")):
        documents = decoded(result)
        if isinstance(documents, list) and documents and all(_is_document(item) for item in documents):
            fields["documents"] = [
                {
                    "id": as_text(item.get("id")),
                    "score": as_float(item["score"]),
                    "text": as_text(item.get("text", item.get("content"))),
                    "metadata": item.get("metadata"),
                }
                for item in documents
            ]
    _flat_messages(attributes, shape, fields)


DIALECT = Dialect(
    "openllmetry", frozenset(("traceloop", "llm", "gen_ai")), TABLE, more, (*_PROMPTS, *_COMPLETIONS)
)


def _is_document(item: Any) -> bool:
    return isinstance(item, dict) and "score" in item and ("text" in item or "content" in item)


def _arguments_text(value: str | None) -> list[str] | None:
    """What `{"args": [...], "kwargs": {...}}` says: a lone argument itself."""
    call = decoded(value)
    if not isinstance(call, dict) or not {"args", "kwargs"} & call.keys():
        return None
    arguments = call.get("args") or []
    keywords = call.get("kwargs") or {}
    if isinstance(arguments, list) and isinstance(keywords, dict):
        given = [*arguments, *keywords.values()]
        if len(given) == 1:
            return [as_text(given[0]) or ""]
        return [as_text(keywords if keywords and not arguments else given) or ""] if given else None
    return None


def _result_text(value: str) -> str | None:
    """A JSON string without its quotes."""
    result = decoded(value, 1)
    return result if isinstance(result, str) else None


def _flat_messages(attributes: Attributes, shape: Shape, fields: Fields) -> None:
    for prefix in _PROMPTS:
        if groups := shape.groups(prefix):
            fields["input_messages"] = [_message(group, attributes, "user") for group in groups]
            fields["input"] = fields.get("input") or as_text(_plain(groups, attributes))
    for prefix in _COMPLETIONS:
        if groups := shape.groups(prefix):
            messages = [_message(group, attributes, "assistant") for group in groups]
            fields["output_messages"] = messages
            fields["output"] = fields.get("output") or as_text(_plain(groups, attributes))
            if "finish_reason" not in fields:
                told = (message["finish_reason"] for message in messages if message.get("finish_reason"))
                fields["finish_reason"] = next(told, None)


def _plain(groups: list[Shape], attributes: Attributes) -> Any:
    """The flattened attributes as a list, for lack of an input that the writer stored in one piece."""
    items = [{name: attributes[key] for name, key in group.names.items()} for group in groups]
    if (
        len(items) == 1
        and isinstance(items[0].get("content"), str)
        and items[0].keys() <= {"content", "role"}
    ):
        return items[0]["content"]
    return items


def _message(group: Shape, attributes: Attributes, role: Any) -> JsonMessage:
    item = {name: attributes[key] for name, key in group.names.items()}
    content = item.get("content")
    plain = {
        "role": item.get("role") or role,
        "content": decoded(content) if isinstance(content, str) and content.startswith("[{") else content,
        "tool_call_id": item.get("tool_call_id"),
        "finish_reason": item.get("finish_reason"),
    }
    message = (canonical([plain], role) or [{"role": role, "parts": []}])[0]
    calls = group.groups("tool_calls.")
    if calls:
        known = {part.get("id") for part in message["parts"] if part["type"] == "tool_call"}
        for call in calls:
            part = tool_call_part({name: attributes[key] for name, key in call.names.items()})
            if part["id"] is None or part["id"] not in known:
                message["parts"].append(part)
    return message
