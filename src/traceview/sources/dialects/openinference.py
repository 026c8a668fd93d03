"""OpenInference attributes (Phoenix, Arize): flattened messages and documents, input.value, output.value."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from traceview.sources.dialects.base import (
    REPEATED,
    Attributes,
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
    ("input_tokens", as_count, ("llm.token_count.prompt",)),
    ("output_tokens", as_count, ("llm.token_count.completion",)),
    ("cache_read_tokens", as_count, ("llm.token_count.prompt_details.cache_read",)),
    ("cache_write_tokens", as_count, ("llm.token_count.prompt_details.cache_write",)),
    ("reasoning_tokens", as_count, ("llm.token_count.completion_details.reasoning",)),
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
        if "finish_reason" not in fields:
            fields["finish_reason"] = _finish_reason(fields["output"])
    groups = shape.made(_Groups)
    _messages(attributes, shape, groups, fields)
    if groups.documents:
        fields["documents"] = [_document(group, attributes) for group in groups.documents]
    if kind == "embedding":
        texts = [_value(item, attributes, "embedding.text") for item in groups.embeddings]
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

_FINISH_WORDS = ("finish_reason", "stop_reason", "finishReason")


def _finish_reason(output: str) -> str | None:
    """The first reason in a response; found by its words, since a pattern takes long to say that there is none."""
    first = len(output)
    for key in _FINISH_WORDS:
        place = output.find(key, 1, first)
        first = place if place > 0 else first
    found = _FINISH.search(output, first - 1) if first < len(output) else None
    return None if found is None else found[1]


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


class _Groups:
    """The indexed keys of a shape by what they are of: None where there are none."""

    __slots__ = ("choices", "documents", "embeddings", "prompts", "received", "sent")

    def __init__(self, shape: Shape) -> None:
        self.received = shape.groups(_IN)
        self.sent = shape.groups(_OUT)
        self.prompts = "llm.prompts" in shape.names or "llm.prompts.0.prompt.text" in shape.names
        self.choices = "llm.choices.0.completion.text" in shape.names
        self.documents = next((found for prefix in _DOCUMENTS if (found := shape.groups(prefix))), None)
        self.embeddings = shape.groups(_EMBEDDINGS)


def _messages(attributes: Attributes, shape: Shape, groups: _Groups, fields: Fields) -> None:
    if groups.received:
        fields["input_messages"] = [_message(group, attributes, "user") for group in groups.received]
    elif groups.prompts:
        prompts = [_value(group, attributes, "prompt.text") for group in shape.groups("llm.prompts.")]
        fields["input_messages"] = canonical(prompts or attributes.get("llm.prompts"), "user")
    if groups.sent:
        fields["output_messages"] = [_message(group, attributes, "assistant") for group in groups.sent]
    elif groups.choices:
        choices = [_value(group, attributes, "completion.text") for group in shape.groups("llm.choices.")]
        fields["output_messages"] = canonical(choices, "assistant")


class _MessageKeys:
    """Under which whole keys the attributes of a message are; None and empty for what is not there."""

    __slots__ = (
        "arguments",
        "call_id",
        "calls",
        "content",
        "contents",
        "function",
        "is_plain",
        "name",
        "role",
    )

    def __init__(self, group: Shape) -> None:
        key = group.names.get
        self.role = key("message.role")
        self.content = key("message.content")
        self.is_plain = group.names.keys() == _PLAIN
        self.contents = group.groups("message.contents.")
        self.calls = group.groups("message.tool_calls.")
        self.function = key("message.function_call_name")
        self.arguments = key("message.function_call_arguments_json")
        self.call_id = key("message.tool_call_id")
        self.name = key("message.name")


def _message(group: Shape, attributes: Attributes, default: Any) -> JsonMessage:
    keys = group.made(_MessageKeys)
    role = default if keys.role is None else role_of(attributes[keys.role], default)
    content = None if keys.content is None else attributes[keys.content]
    if keys.is_plain and content.__class__ is str and content and role != "tool":
        # by far the most frequent
        return {"role": role, "parts": [{"type": "text", "content": content}]}
    parts = [_content(item, attributes) for item in keys.contents] if keys.contents else []
    if content is not None and content != "" and not any(part["type"] == "text" for part in parts):
        parts.insert(0, text_part(content if isinstance(content, str) else as_text(content) or ""))
    function = None if keys.function is None else attributes[keys.function]
    if function:
        arguments = None if keys.arguments is None else attributes[keys.arguments]
        parts.append(tool_call_part({"name": function, "arguments": arguments}))
    if keys.calls:
        shown = [part for part in parts if part["type"] == "tool_call"]
        for call in keys.calls:
            call_part = _tool_call(call, attributes)
            # writers repeat the calls of multi-part contents: show each once
            if not shown or not any(_same_call(call_part, other) for other in shown):
                parts.append(call_part)
    if role == "tool" and not any(part["type"] == "tool_call_response" for part in parts):
        call_id = None if keys.call_id is None else attributes[keys.call_id]
        joined = "\n".join([part["content"] for part in parts if part["type"] == "text"])
        parts = [{"type": "tool_call_response", "id": as_text(call_id), "response": decoded(joined)}]
    message: JsonMessage = {"role": role, "parts": parts}
    name = None if keys.name is None else attributes[keys.name]
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


def _call_keys(group: Shape) -> tuple[str | None, ...]:
    return tuple(
        group.names.get(f"tool_call.{name}") for name in ("id", "function.name", "function.arguments")
    )


def _tool_call(group: Shape, attributes: Attributes) -> JsonPart:
    call_id, name, arguments = group.made(_call_keys)
    return {
        "type": "tool_call",
        "id": None if call_id is None else as_text(attributes[call_id]),
        "name": None if name is None else as_text(attributes[name]),
        "arguments": None if arguments is None else decoded(attributes[arguments]),
    }


def _same_call(one: JsonPart, other: JsonPart) -> bool:
    if one["id"] is not None and other["id"] is not None:
        return bool(one["id"] == other["id"])
    return (one["name"], one["arguments"]) == (other["name"], other["arguments"])


def _document_keys(group: Shape) -> tuple[str | None, ...]:
    return tuple(group.names.get(f"document.{name}") for name in ("id", "score", "content", "metadata"))


def _document(group: Shape, attributes: Attributes) -> dict[str, Any]:
    number, score, content, metadata = group.made(_document_keys)
    return {
        "id": None if number is None else as_text(attributes[number]),
        "score": None if score is None else as_float(attributes[score]),
        "text": None if content is None else as_text(attributes[content]),
        "metadata": None if metadata is None else decoded(attributes[metadata]),
    }


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
    if len(parameters) <= REPEATED:
        return _describes(parameters)
    return _describes.__wrapped__(parameters)


@lru_cache(maxsize=1000)
def _describes(parameters: str) -> bool:
    value = decoded(parameters)
    if not isinstance(value, dict):
        return False
    if value.get("type") == "object" and isinstance(value.get("properties"), dict):
        return True
    described = [
        item for item in value.values() if isinstance(item, dict) and isinstance(item.get("type"), str)
    ]
    return bool(described) and len(described) == len(value)
