"""OpenInference attributes (Phoenix, Arize): flattened messages and documents, input.value, output.value."""

from __future__ import annotations

import re
from typing import Any

from traceview.sources.dialects.base import (
    Attributes,
    Dialect,
    Fields,
    RawSpan,
    as_float,
    as_int,
    first,
    first_text,
    temperature_in,
    text,
    word,
)
from traceview.sources.dialects.shape import Shape, Table
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
_PLAIN = {"message.role", "message.content"}
_FIRST_TOKEN = "First Token Stream Event"


TABLE: Table = (
    ("kind", word(_KINDS), ("openinference.span.kind",)),
    (
        "model",
        text,
        (
            "llm.response.model_name", "llm.model_name", "embedding.model_name", "reranker.model_name",
            "llm.request.model_name",
        ),
    ),
    ("model_requested", text, ("llm.request.model_name",)),
    ("provider", text, ("llm.provider", "llm.system")),
    ("input_tokens", as_int, ("llm.token_count.prompt",)),
    ("output_tokens", as_int, ("llm.token_count.completion",)),
    ("cache_read_tokens", as_int, ("llm.token_count.prompt_details.cache_read",)),
    ("cache_write_tokens", as_int, ("llm.token_count.prompt_details.cache_write",)),
    ("reasoning_tokens", as_int, ("llm.token_count.completion_details.reasoning",)),
    ("cost_usd", as_float, ("llm.cost.total",)),
    ("finish_reason", text, ("llm.finish_reason",)),
    ("temperature", temperature_in, ("llm.invocation_parameters",)),
    ("input", text, ("input.value",)),
    ("output", text, ("output.value",)),
    ("tool_name", text, ("tool.name",)),
)  # fmt: skip


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Flattened messages and documents, the texts that were embedded, the arguments of tools."""
    attributes = span.attributes
    kind = fields.get("kind")
    if span.events:
        fields["ttft_ms"] = _ttft(span)
    if kind == "llm" and "output" in fields:
        fields["call_id"] = _response_id(fields["output"])
        if "finish_reason" not in fields and (found := _FINISH.search(fields["output"])) is not None:
            fields["finish_reason"] = found[1]
    _messages(attributes, shape, fields)
    _documents(attributes, shape, fields)
    if kind == "embedding":
        texts = [_value(item, attributes, "embedding.text") for item in shape.groups(_EMBEDDINGS)]
        fields["texts_in"] = [told for text in texts if (told := as_text(text))]
    if kind == "tool" or "tool.name" in shape.names:
        _tool(attributes, kind, fields)


DIALECT = Dialect(
    "openinference",
    frozenset(
        ("openinference", "llm", "input", "output", "embedding", "retrieval", "reranker", "tool", "tool_call")
    ),
    TABLE,
    more,
)


def _value(group: Shape, attributes: Attributes, name: str) -> Any:
    key = group.names.get(name)
    return None if key is None else attributes[key]


def _ttft(span: RawSpan) -> float | None:
    if span.start_ns is not None:
        for event in span.events:
            if event["name"] == _FIRST_TOKEN and event["time_ns"] is not None:
                return (int(event["time_ns"]) - span.start_ns) / 1e6
    return None


_FINISH = re.compile(r'"(?:finish_reason|stop_reason|finishReason)"\s*:\s*"([A-Za-z_]+)"')
"""The reason in the response of a provider; inside of an answer's text the quotes would be escaped."""

_LEADING_ID = re.compile(r'\s*\{\s*"id"\s*:\s*"([^"\\]+)"')


def _response_id(output: str) -> str | None:
    """The provider's id of the response that `output.value` holds."""
    if not output.startswith("{"):
        return None
    leading = _LEADING_ID.match(output)
    if leading is not None and output.endswith("}"):
        return leading[1]
    try:
        response = loads(output)
    except ValueError:
        return None
    found = response.get("id") or response.get("responseId") if isinstance(response, dict) else None
    return found if isinstance(found, str) else None


def _messages(attributes: Attributes, shape: Shape, fields: Fields) -> None:
    if groups := shape.groups(_IN):
        fields["input_messages"] = [_message(group, attributes, "user") for group in groups]
    elif "llm.prompts" in attributes or "llm.prompts.0.prompt.text" in attributes:
        prompts = [_value(group, attributes, "prompt.text") for group in shape.groups("llm.prompts.")]
        fields["input_messages"] = canonical(prompts or attributes.get("llm.prompts"), "user")
    if groups := shape.groups(_OUT):
        fields["output_messages"] = [_message(group, attributes, "assistant") for group in groups]
    elif "llm.choices.0.completion.text" in attributes:
        choices = [_value(group, attributes, "completion.text") for group in shape.groups("llm.choices.")]
        fields["output_messages"] = canonical(choices, "assistant")


def _message(group: Shape, attributes: Attributes, default: Any) -> JsonMessage:
    role = role_of(_value(group, attributes, "message.role"), default)
    content = _value(group, attributes, "message.content")
    if content.__class__ is str and content and group.names.keys() == _PLAIN and role != "tool":
        # by far the most frequent
        return {"role": role, "parts": [text_part(content)]}
    parts = [_content(item, attributes) for item in group.groups("message.contents.")]
    if content is not None and content != "" and not any(part["type"] == "text" for part in parts):
        parts.insert(0, text_part(content if isinstance(content, str) else as_text(content) or ""))
    function = _value(group, attributes, "message.function_call_name")
    if function:
        arguments = _value(group, attributes, "message.function_call_arguments_json")
        parts.append(tool_call_part({"name": function, "arguments": arguments}))
    shown = [part for part in parts if part["type"] == "tool_call"]
    for call in group.groups("message.tool_calls."):
        call_part = _tool_call(call, attributes)
        # writers repeat the calls of multi-part contents: show each once
        if not any(_same_call(call_part, other) for other in shown):
            parts.append(call_part)
    if role == "tool" and not any(part["type"] == "tool_call_response" for part in parts):
        call_id = _value(group, attributes, "message.tool_call_id")
        joined = "\n".join(part["content"] for part in parts if part["type"] == "text")
        parts = [{"type": "tool_call_response", "id": as_text(call_id), "response": decoded(joined)}]
    message: JsonMessage = {"role": role, "parts": parts}
    name = _value(group, attributes, "message.name")
    if isinstance(name, str) and name:
        message["name"] = name
    return message


def _content(group: Shape, attributes: Attributes) -> JsonPart:
    kind = _value(group, attributes, "message_content.type")
    if group.named(("tool_call.",)):
        return _tool_call(group, attributes)
    told = _value(group, attributes, "message_content.text")
    if isinstance(told, str):
        reasoning = kind in ("reasoning", "thinking")
        return {"type": "reasoning", "content": told} if reasoning else text_part(told)
    item = {name: attributes[key] for name, key in group.names.items()}
    url = first(item, ("message_content.image.image.url", "message_content.image.url"))
    if isinstance(url, str):
        return {"type": "uri", "modality": "image", "uri": url}
    return part_of({"type": kind or "unknown", **item})


def _tool_call(group: Shape, attributes: Attributes) -> JsonPart:
    return {
        "type": "tool_call",
        "id": as_text(_value(group, attributes, "tool_call.id")),
        "name": as_text(_value(group, attributes, "tool_call.function.name")),
        "arguments": decoded(_value(group, attributes, "tool_call.function.arguments")),
    }


def _same_call(one: JsonPart, other: JsonPart) -> bool:
    if one["id"] is not None and other["id"] is not None:
        return bool(one["id"] == other["id"])
    return (one["name"], one["arguments"]) == (other["name"], other["arguments"])


def _documents(attributes: Attributes, shape: Shape, fields: Fields) -> None:
    for prefix in _DOCUMENTS:
        if groups := shape.groups(prefix):
            fields["documents"] = [
                {
                    "id": as_text(_value(group, attributes, "document.id")),
                    "score": as_float(_value(group, attributes, "document.score")),
                    "text": as_text(_value(group, attributes, "document.content")),
                    "metadata": decoded(_value(group, attributes, "document.metadata")),
                }
                for group in groups
            ]
            return


def _tool(attributes: Attributes, kind: str | None, fields: Fields) -> None:
    fields["tool_call_id"] = first_text(attributes, ("tool_call.id", "tool.id"))
    if kind != "tool":
        return
    parameters = first_text(attributes, ("tool.parameters",))
    if parameters is not None and _is_schema(parameters):
        parameters = None
    fields["tool_args"] = parameters if parameters is not None else fields.get("input")
    fields["tool_result"] = fields.get("output")


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
