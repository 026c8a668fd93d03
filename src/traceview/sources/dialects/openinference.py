"""OpenInference attributes (Phoenix, Arize): flattened messages and documents, input.value, output.value."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import (
    Attributes,
    Dialect,
    Fields,
    RawSpan,
    as_float,
    first,
    first_float,
    first_int,
    first_text,
    grouped,
    in_order,
    indexed,
)
from traceview.sources.jsontext import as_text, decoded, loads
from traceview.sources.message_parts import JsonPart, part_of, text_part, tool_call_part
from traceview.sources.messages import JsonMessage, canonical, role_of

_KINDS = {
    "llm": "llm", "chain": "chain", "tool": "tool", "retriever": "retriever", "embedding": "embedding",
    "agent": "agent", "reranker": "reranker", "guardrail": "guardrail", "evaluator": "evaluator",
    "prompt": "chain", "unknown": "unknown",
}  # fmt: skip
_IN = "llm.input_messages."
_OUT = "llm.output_messages."
_DOCUMENTS = ("retrieval.documents.", "reranker.output_documents.")
_EMBEDDINGS = "embedding.embeddings."
_FIRST_TOKEN = "First Token Stream Event"


def read(span: RawSpan) -> Fields:
    """The fields that OpenInference attributes give."""
    attributes = span.attributes
    word = attributes.get("openinference.span.kind")
    kind = _KINDS.get(word.lower()) if isinstance(word, str) else None
    fields: Fields = {
        "kind": kind,
        "model": first_text(attributes, ("llm.response.model_name", "llm.model_name", "embedding.model_name",
                                         "reranker.model_name", "llm.request.model_name")),
        "model_requested": first_text(attributes, ("llm.request.model_name",)),
        "provider": first_text(attributes, ("llm.provider", "llm.system")),
        "input_tokens": first_int(attributes, ("llm.token_count.prompt",)),
        "output_tokens": first_int(attributes, ("llm.token_count.completion",)),
        "cache_read_tokens": first_int(attributes, ("llm.token_count.prompt_details.cache_read",)),
        "cache_write_tokens": first_int(attributes, ("llm.token_count.prompt_details.cache_write",)),
        "reasoning_tokens": first_int(attributes, ("llm.token_count.completion_details.reasoning",)),
        "cost_usd": first_float(attributes, ("llm.cost.total",)),
        "finish_reason": first_text(attributes, ("llm.finish_reason",)),
        "input": first_text(attributes, ("input.value",)),
        "output": first_text(attributes, ("output.value",)),
        "ttft_ms": _ttft(span),
    }  # fmt: skip
    if kind == "llm" and fields["output"] is not None:
        fields["call_id"] = _response_id(fields["output"])
    _messages(attributes, fields)
    _documents(attributes, fields)
    if kind == "embedding":
        texts = [as_text(item.get("embedding.text")) for item in indexed(attributes, _EMBEDDINGS)]
        fields["texts_in"] = [text for text in texts if text]
    if kind == "tool" or "tool.name" in attributes:
        _tool(attributes, kind, fields)
    return fields


DIALECT = Dialect(
    "openinference",
    frozenset(
        ("openinference", "llm", "input", "output", "embedding", "retrieval", "reranker", "tool", "tool_call")
    ),
    read,
)


def _ttft(span: RawSpan) -> float | None:
    if span.start_ns is not None:
        for event in span.events:
            if event["name"] == _FIRST_TOKEN and event["time_ns"] is not None:
                return (int(event["time_ns"]) - span.start_ns) / 1e6
    return None


def _response_id(output: str) -> str | None:
    """The provider's id of the response that `output.value` holds."""
    if not output.startswith("{"):
        return None
    try:
        response = loads(output)
    except ValueError:
        return None
    found = response.get("id") or response.get("responseId") if isinstance(response, dict) else None
    return found if isinstance(found, str) else None


def _messages(attributes: Attributes, fields: Fields) -> None:
    groups = grouped(attributes, (_IN, _OUT))
    if groups[_IN]:
        fields["input_messages"] = [_message(item, "user") for item in in_order(groups, _IN)]
    elif "llm.prompts" in attributes or "llm.prompts.0.prompt.text" in attributes:
        prompts = [item.get("prompt.text") for item in indexed(attributes, "llm.prompts.")]
        fields["input_messages"] = canonical(prompts or attributes.get("llm.prompts"), "user")
    if groups[_OUT]:
        fields["output_messages"] = [_message(item, "assistant") for item in in_order(groups, _OUT)]
    elif "llm.choices.0.completion.text" in attributes:
        choices = [item.get("completion.text") for item in indexed(attributes, "llm.choices.")]
        fields["output_messages"] = canonical(choices, "assistant")


def _message(item: dict[str, Any], default: Any) -> JsonMessage:
    role = role_of(item.get("message.role"), default)
    parts: list[JsonPart] = []
    calls: dict[int, dict[str, Any]] = {}
    if any(key.startswith(("message.contents.", "message.tool_calls.")) for key in item):
        groups = grouped(item, ("message.contents.", "message.tool_calls."))
        parts = [_content(content) for content in in_order(groups, "message.contents.")]
        calls = groups["message.tool_calls."]
    content = item.get("message.content")
    if content is not None and content != "" and not any(part["type"] == "text" for part in parts):
        parts.insert(0, text_part(content if isinstance(content, str) else as_text(content) or ""))
    if item.get("message.function_call_name"):
        call = {
            "name": item["message.function_call_name"],
            "arguments": item.get("message.function_call_arguments_json"),
        }
        parts.append(tool_call_part(call))
    shown = [part for part in parts if part["type"] == "tool_call"]
    for number in sorted(calls):
        call_part = _tool_call(calls[number])
        # writers repeat the calls of multi-part contents: show each once
        if not any(_same_call(call_part, other) for other in shown):
            parts.append(call_part)
    call_id = item.get("message.tool_call_id")
    if role == "tool" and not any(part["type"] == "tool_call_response" for part in parts):
        text = "\n".join(part["content"] for part in parts if part["type"] == "text")
        parts = [{"type": "tool_call_response", "id": as_text(call_id), "response": decoded(text)}]
    message: JsonMessage = {"role": role, "parts": parts}
    if isinstance(item.get("message.name"), str) and item["message.name"]:
        message["name"] = item["message.name"]
    return message


def _content(content: dict[str, Any]) -> JsonPart:
    kind = content.get("message_content.type")
    if any(key.startswith("tool_call.") for key in content):
        return _tool_call(content)
    text = content.get("message_content.text")
    if isinstance(text, str):
        reasoning = kind in ("reasoning", "thinking")
        return {"type": "reasoning", "content": text} if reasoning else text_part(text)
    url = first(content, ("message_content.image.image.url", "message_content.image.url"))
    if isinstance(url, str):
        return {"type": "uri", "modality": "image", "uri": url}
    return part_of({"type": kind or "unknown", **content})


def _tool_call(call: dict[str, Any]) -> JsonPart:
    return {
        "type": "tool_call",
        "id": as_text(call.get("tool_call.id")),
        "name": as_text(call.get("tool_call.function.name")),
        "arguments": decoded(call.get("tool_call.function.arguments")),
    }


def _same_call(one: JsonPart, other: JsonPart) -> bool:
    if one["id"] is not None and other["id"] is not None:
        return bool(one["id"] == other["id"])
    return (one["name"], one["arguments"]) == (other["name"], other["arguments"])


def _documents(attributes: Attributes, fields: Fields) -> None:
    groups = grouped(attributes, _DOCUMENTS)
    for prefix in _DOCUMENTS:
        if groups[prefix]:
            fields["documents"] = [
                {
                    "id": as_text(item.get("document.id")),
                    "score": as_float(item.get("document.score")),
                    "text": as_text(item.get("document.content")),
                    "metadata": decoded(item.get("document.metadata")),
                }
                for item in in_order(groups, prefix)
            ]
            return


def _tool(attributes: Attributes, kind: str | None, fields: Fields) -> None:
    fields["tool_name"] = first_text(attributes, ("tool.name",))
    fields["tool_call_id"] = first_text(attributes, ("tool_call.id", "tool.id"))
    if kind != "tool":
        return
    parameters = first_text(attributes, ("tool.parameters",))
    if parameters is not None and _is_schema(parameters):
        parameters = None
    fields["tool_args"] = parameters if parameters is not None else fields["input"]
    fields["tool_result"] = fields["output"]


def _is_schema(parameters: str) -> bool:
    """True if `tool.parameters` describes the arguments instead of giving them."""
    value = decoded(parameters)
    if not isinstance(value, dict):
        return False
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        return True
    described = [
        item for item in value.values() if isinstance(item, dict) and isinstance(item.get("type"), str)
    ]
    return bool(described) and len(described) == len(value)
