"""OpenLLMetry: traceloop.* of all versions and the flat, indexed gen_ai.prompt.N of the older ones."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import (
    Attributes,
    Dialect,
    Fields,
    RawSpan,
    as_float,
    first_int,
    first_text,
    grouped,
    in_order,
)
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.message_parts import tool_call_part
from traceview.sources.messages import JsonMessage, canonical

_KINDS = {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}
_REQUEST_KINDS = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"}
_PROMPTS = ("gen_ai.prompt.", "llm.prompts.")
_COMPLETIONS = ("gen_ai.completion.", "llm.completions.")
_FLAT = (*_PROMPTS, *_COMPLETIONS)


def read(span: RawSpan) -> Fields:
    """The fields that traceloop.* and llm.* attributes give."""
    attributes = span.attributes
    kind = _word(attributes, "traceloop.span.kind", _KINDS) or _word(
        attributes, "llm.request.type", _REQUEST_KINDS
    )
    fields: Fields = {
        "kind": kind,
        "model": first_text(attributes, ("llm.response.model", "llm.request.model")),
        "model_requested": first_text(attributes, ("llm.request.model",)),
        "provider": first_text(attributes, ("llm.vendor",)),
        "input_tokens": first_int(attributes, ("llm.usage.prompt_tokens",)),
        "output_tokens": first_int(attributes, ("llm.usage.completion_tokens",)),
        "input": first_text(attributes, ("traceloop.entity.input",)),
        "output": first_text(attributes, ("traceloop.entity.output",)),
    }
    if "traceloop.entity.input" in attributes:
        fields["texts_in"] = _arguments_text(fields["input"])
    if "traceloop.entity.output" in attributes:
        fields["output_text"] = _result_text(fields["output"])
    if kind == "tool":
        fields["tool_name"] = first_text(attributes, ("gen_ai.tool.name", "traceloop.entity.name"))
        fields["tool_args"] = fields["input"]
        fields["tool_result"] = fields["output"]
    elif span.name.startswith("vector_search") or kind == "chain":
        documents = decoded(fields["output"])
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
    if any(key.startswith(_FLAT) for key in attributes):
        _flat_messages(attributes, fields)
    return fields


DIALECT = Dialect("openllmetry", frozenset(("traceloop", "llm", "gen_ai")), read)


def _word(attributes: Attributes, key: str, kinds: dict[str, str]) -> str | None:
    word = attributes.get(key)
    return kinds.get(word.lower()) if isinstance(word, str) else None


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


def _result_text(value: str | None) -> str | None:
    """A JSON string without its quotes."""
    result = decoded(value, 1)
    return result if isinstance(result, str) else None


def _flat_messages(attributes: Attributes, fields: Fields) -> None:
    groups = grouped(attributes, _FLAT)
    for prefix in _PROMPTS:
        if groups[prefix]:
            fields["input_messages"] = [_message(item, "user") for item in in_order(groups, prefix)]
            fields["input"] = fields["input"] or as_text(_plain(in_order(groups, prefix)))
    for prefix in _COMPLETIONS:
        if groups[prefix]:
            messages = [_message(item, "assistant") for item in in_order(groups, prefix)]
            fields["output_messages"] = messages
            fields["output"] = fields["output"] or as_text(_plain(in_order(groups, prefix)))
            fields["finish_reason"] = next(
                (message["finish_reason"] for message in messages if message.get("finish_reason")), None
            )


def _plain(items: list[dict[str, Any]]) -> Any:
    """The flattened attributes as a list, for lack of an input that the writer stored in one piece."""
    if (
        len(items) == 1
        and isinstance(items[0].get("content"), str)
        and items[0].keys() <= {"content", "role"}
    ):
        return items[0]["content"]
    return items


def _message(item: dict[str, Any], role: Any) -> JsonMessage:
    calls = in_order(grouped(item, ("tool_calls.",)), "tool_calls.")
    content = item.get("content")
    plain = {
        "role": item.get("role") or role,
        "content": decoded(content) if isinstance(content, str) and content.startswith("[{") else content,
        "tool_call_id": item.get("tool_call_id"),
        "finish_reason": item.get("finish_reason"),
    }
    message = (canonical([plain], role) or [{"role": role, "parts": []}])[0]
    known = {part.get("id") for part in message["parts"] if part["type"] == "tool_call"}
    for call in calls:
        part = tool_call_part(call)
        if part["id"] is None or part["id"] not in known:
            message["parts"].append(part)
    return message
