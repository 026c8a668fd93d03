"""OpenTelemetry GenAI attributes, current and older names, with what openlit, pydantic-ai and logfire add."""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import (
    Attributes,
    Dialect,
    Fields,
    RawSpan,
    as_count,
    as_float,
    filled,
    first,
    first_text,
    of_seconds,
    text,
)
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.jsontext import as_text, decoded
from traceview.sources.message_parts import parts_of
from traceview.sources.messages import canonical
from traceview.sources.written_messages import written_messages

_KINDS = {
    "chat": "llm", "text_completion": "llm", "generate_content": "llm", "embeddings": "embedding",
    "execute_tool": "tool", "invoke_agent": "agent", "create_agent": "agent", "retrieval": "retriever",
    "search_memory": "retriever", "invoke_workflow": "chain", "plan": "chain", "fetch_response": "unknown",
}  # fmt: skip
_CONTENT_EVENT = "gen_ai.client.inference.operation.details"
_SCORE_EVENT = "gen_ai.evaluation.result"
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    "gen_ai.choice": "assistant",
}


_USAGE = "gen_ai.usage."


def _kind(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    operation = value.lower()
    return _KINDS.get(operation) or ("tool" if "memory" in operation.split("_") else None)


def _operation(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) else None


def _finish_reason(value: Any) -> str | None:
    """The first of the reasons: a list, the JSON text of one, or a word."""
    if isinstance(value, str) and value.startswith("["):
        value = decoded(value)
    if isinstance(value, list):
        return as_text(value[0]) if value else None
    return text(value)


def _cost(value: Any) -> float | None:
    """The cost as recorded; 0 is what openlit writes of a model whose price it does not know."""
    return as_float(value) or None


TABLE: Table = (
    ("kind", _kind, ("gen_ai.operation.name",)),
    ("operation", _operation, ("gen_ai.operation.name",)),
    ("model", text, ("gen_ai.response.model", "gen_ai.request.model")),
    ("model_requested", text, ("gen_ai.request.model",)),
    ("provider", text, ("gen_ai.provider.name", "gen_ai.system")),
    (
        "service_tier",
        text,
        (
            "gen_ai.openai.response.service_tier", "openai.response.service_tier", "gen_ai.response.service_tier",
            "gen_ai.usage.service_tier", "gen_ai.openai.request.service_tier", "openai.request.service_tier",
        ),
    ),
    ("temperature", as_float, ("gen_ai.request.temperature",)),
    ("call_id", text, ("gen_ai.response.id",)),
    ("finish_reason", _finish_reason, ("gen_ai.response.finish_reasons", "anthropic.message.stop_reason")),
    ("ttft_ms", of_seconds, ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")),
)  # fmt: skip

USAGE: Table = (
    (
        "input_tokens",
        as_count,
        (_USAGE + "input_tokens", _USAGE + "prompt_tokens", "gen_ai.aggregated_usage.input_tokens"),
    ),
    (
        "output_tokens",
        as_count,
        (_USAGE + "output_tokens", _USAGE + "completion_tokens", "gen_ai.aggregated_usage.output_tokens"),
    ),
    (
        "cache_read_tokens",
        as_count,
        (
            _USAGE + "cache_read.input_tokens", _USAGE + "cache_read_input_tokens",
            _USAGE + "details.cache_read_input_tokens", _USAGE + "details.cache_read_tokens",
        ),
    ),
    (
        "cache_write_tokens",
        as_count,
        (
            _USAGE + "cache_write.input_tokens", _USAGE + "cache_creation.input_tokens",
            _USAGE + "cache_creation_input_tokens", _USAGE + "details.cache_creation_input_tokens",
            _USAGE + "details.cache_write_tokens",
        ),
    ),
    ("reasoning_tokens", as_count, (_USAGE + "reasoning.output_tokens", _USAGE + "details.reasoning_tokens")),
    ("cost_usd", _cost, (_USAGE + "cost", "operation.cost")),
)  # fmt: skip

TOOL: Table = (
    ("tool_name", text, ("gen_ai.tool.name",)),
    ("tool_call_id", text, ("gen_ai.tool.call.id",)),
    ("tool_args", text, ("gen_ai.tool.call.arguments", "tool_arguments")),
    ("tool_result", text, ("gen_ai.tool.call.result", "tool_response")),
)


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Usage of what is no fetched response, messages of attributes or events, tools, retrieved documents."""
    attributes = span.attributes
    if fields.get("operation") != "fetch_response":
        fields.update(filled(USAGE, attributes, shape))
    _content(attributes, span.events, fields)
    if "finish_reason" not in fields and fields.get("output_messages"):
        fields["finish_reason"] = fields["output_messages"][-1].get("finish_reason")
    if fields.get("kind") == "tool" or "gen_ai.tool.name" in attributes:
        fields.update(filled(TOOL, attributes, shape))
        fields.setdefault("input", fields.get("tool_args"))
        fields.setdefault("output", fields.get("tool_result"))
    _retrieval(attributes, fields)


DIALECT = Dialect("genai", frozenset(("gen_ai", "pydantic_ai", "operation")), TABLE, more)


def _content(attributes: Attributes, events: list[dict[str, Any]], fields: Fields) -> None:
    """Messages on the span, else those on its events."""
    received = first(attributes, ("gen_ai.input.messages", "pydantic_ai.all_messages", "all_messages_events"))
    sent = first(attributes, ("gen_ai.output.messages",))
    system = attributes.get("gen_ai.system_instructions")
    if received is None and sent is None:
        for event in events:
            content = event["attributes"]
            if event["name"] == _CONTENT_EVENT:
                received = content.get("gen_ai.input.messages")
                sent = content.get("gen_ai.output.messages")
                system = system or content.get("gen_ai.system_instructions")
    if received is None and sent is None:
        received, sent = _event_messages(events)
    if received is not None:
        fields["input"] = as_text(received)
        fields["input_messages"] = written_messages(received) or canonical(received, "user")
    if sent is None and attributes.get("final_result") is not None:
        sent = attributes["final_result"]
    if sent is not None:
        fields["output"] = as_text(sent)
        fields["output_messages"] = written_messages(sent) or canonical(sent, "assistant")
    if system:
        messages = fields.setdefault("input_messages", [])
        if not any(message["role"] == "system" for message in messages):
            messages.insert(0, {"role": "system", "parts": parts_of(decoded(system))})
    scores = [_score(event) for event in events if event["name"] == _SCORE_EVENT]
    if scores:
        fields["scores"] = scores


def _event_messages(events: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Messages of the older conventions: one event each, or one for all prompts and one for all completions."""
    received: list[Any] = []
    sent: list[Any] = []
    for event in events:
        name, content = event["name"], event["attributes"]
        if name in _MESSAGE_EVENTS:
            message = {"role": _MESSAGE_EVENTS[name], **content}
            for key in ("tool_calls", "message"):
                message[key] = decoded(message.get(key))
            inner = message["message"]
            if isinstance(inner, dict):
                message = {"role": message["role"], "finish_reason": message.get("finish_reason"), **inner}
            (sent if name == "gen_ai.choice" else received).append(message)
        elif name == "gen_ai.content.prompt" and content.get("gen_ai.prompt") is not None:
            received.extend(_listed(decoded(content["gen_ai.prompt"])))
        elif name == "gen_ai.content.completion" and content.get("gen_ai.completion") is not None:
            sent.extend(_listed(decoded(content["gen_ai.completion"])))
    return received or None, sent or None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _score(event: dict[str, Any]) -> dict[str, Any]:
    content = event["attributes"]
    prefix = "gen_ai.evaluation."
    return {
        "target": "span",
        "name": as_text(content.get(prefix + "name")),
        "value": as_float(content.get(prefix + "score.value")),
        "label": as_text(content.get(prefix + "score.label")),
        "comment": as_text(content.get(prefix + "explanation")),
        "source": "code",
        "time": event["time_ns"],
    }


def _retrieval(attributes: Attributes, fields: Fields) -> None:
    query = first_text(attributes, ("gen_ai.retrieval.query.text",))
    documents = attributes.get("gen_ai.retrieval.documents")
    if query is not None:
        fields.setdefault("input", query)
    if documents is None:
        return
    fields.setdefault("output", as_text(documents))
    items = decoded(documents)
    if isinstance(items, list):
        fields["documents"] = [
            {
                "id": as_text(item.get("id")),
                "score": as_float(item.get("score")),
                "text": as_text(first(item, ("content", "text"))),
                "metadata": item.get("metadata"),
            }
            for item in items
            if isinstance(item, dict)
        ]
