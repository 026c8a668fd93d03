"""Runs that LangSmith's SDK exports as OTLP: `langsmith.*`, with inputs and outputs as JSON texts in `gen_ai.*`.

Source: what langsmith 0.4 to 0.9 write with LANGSMITH_OTEL_ENABLED. Usage and model stand in the GenAI
attributes, the conversation in the metadata.
"""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import Dialect, Fields, RawSpan, text
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.messages import canonical

_KINDS = {
    "llm": "llm", "chain": "chain", "tool": "tool", "retriever": "retriever", "embedding": "embedding",
    "prompt": "chain", "parser": "chain",
}  # fmt: skip


def _kind(value: Any) -> str | None:
    word = text(value)
    return _KINDS.get(word.lower()) if word else None


TABLE: Table = (
    ("kind", _kind, ("langsmith.span.kind",)),
    ("input", text, ("gen_ai.prompt",)),
    ("output", text, ("gen_ai.completion",)),
)


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Messages of calls, what went into a tool and came out of it."""
    kind = fields.get("kind")
    if kind == "llm":
        fields["input_messages"] = canonical(fields.get("input"), "user")
        fields["output_messages"] = canonical(fields.get("output"), "assistant")
    elif kind == "tool":
        fields["tool_name"] = span.name
        fields["tool_args"] = fields.get("input")
        fields["tool_result"] = fields.get("output")


DIALECT = Dialect("langsmith", frozenset(("langsmith",)), TABLE, more)
