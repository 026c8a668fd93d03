"""Vercel's AI SDK: ai.* attributes of its own telemetry, versions 3 to 6.

Source: https://ai-sdk.dev/docs/ai-sdk-core/telemetry. The outer spans (`ai.generateText`) sum up the calls inside them
(`ai.generateText.doGenerate`).
"""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import (
    Dialect,
    Fields,
    RawSpan,
    as_count,
    as_float,
    text,
)
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.jsontext import decoded
from traceview.sources.message_parts import text_part, tool_call_part
from traceview.sources.messages import canonical

_INNER = {
    "dogenerate": "llm", "dostream": "llm", "doembed": "embedding", "dorerank": "reranker",
}  # fmt: skip
_OUTER = frozenset(
    ("generatetext", "streamtext", "generateobject", "streamobject", "embed", "embedmany", "rerank")
)
_OPERATIONS = {"llm": "chat", "embedding": "embeddings", "tool": "execute_tool"}
_ENDPOINTS = (".chat", ".messages", ".responses", ".completion", ".embedding", ".generative-ai")


def _kind(value: Any) -> str | None:
    """The kind of `ai.generateText.doGenerate` or, with the function's id behind it, of the older name."""
    if not isinstance(value, str) or not value.startswith("ai."):
        return None
    words = value.split(" ", 1)[0].lower().split(".")
    if words[1] == "toolcall":
        return "tool"
    return _INNER.get(words[-1]) or ("chain" if words[1] in _OUTER else None)


def _provider(value: Any) -> str | None:
    """`openai` of `openai.chat`."""
    told = text(value)
    for endpoint in _ENDPOINTS:
        told = told.removesuffix(endpoint) if told else None
    return told


TABLE: Table = (
    ("kind", _kind, ("ai.operationId", "operation.name")),
    ("model", text, ("ai.response.model", "ai.model.id")),
    ("model_requested", text, ("ai.model.id",)),
    ("provider", _provider, ("ai.model.provider",)),
    ("call_id", text, ("ai.response.id",)),
    ("finish_reason", text, ("ai.response.finishReason", "ai.finishReason")),
    ("temperature", as_float, ("ai.settings.temperature",)),
    ("input_tokens", as_count, ("ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens")),
    ("output_tokens", as_count, ("ai.usage.outputTokens", "ai.usage.completionTokens")),
    ("cache_read_tokens", as_count, ("ai.usage.cachedInputTokens",)),
    ("reasoning_tokens", as_count, ("ai.usage.reasoningTokens",)),
    ("ttft_ms", as_float, ("ai.response.msToFirstChunk", "ai.stream.msToFirstChunk")),
    ("input", text, ("ai.prompt.messages", "ai.toolCall.args", "ai.value", "ai.values", "ai.prompt")),
    (
        "output",
        text,
        (
            "ai.response.text", "ai.response.object", "ai.toolCall.result", "ai.result.text", "ai.result.object",
            "ai.response.toolCalls", "ai.result.toolCalls",
        ),
    ),
    ("tool_name", text, ("ai.toolCall.name",)),
    ("tool_call_id", text, ("ai.toolCall.id",)),
)  # fmt: skip


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Messages of calls, arguments of tools, texts of embeddings."""
    attributes, kind = span.attributes, fields.get("kind")
    if kind in _OPERATIONS:
        fields["operation"] = _OPERATIONS[kind]
    if kind == "tool":
        fields["tool_args"] = fields.get("input")
        fields["tool_result"] = fields.get("output")
    elif kind == "embedding":
        values = attributes.get("ai.values") or [attributes.get("ai.value")]
        fields["texts_in"] = (
            [told for one in values if isinstance(told := decoded(one, 1), str)]
            if isinstance(values, list)
            else None
        )
    elif kind == "llm":
        fields["input_messages"] = canonical(fields.get("input"), "user")
        parts = []
        said = attributes.get("ai.response.text") or attributes.get("ai.response.object")
        if isinstance(said, str) and said:
            parts.append(text_part(said))
        calls = decoded(attributes.get("ai.response.toolCalls"))
        if isinstance(calls, list):
            parts += [tool_call_part(call) for call in calls]
        if parts:
            fields["output_messages"] = [{"role": "assistant", "parts": parts}]


DIALECT = Dialect("vercel", frozenset(("ai",)), TABLE, more)
