"""Runs that LangSmith's SDK exports as OTLP: `langsmith.*`, with inputs and outputs as JSON texts in `gen_ai.*`.

Source: what langsmith 0.4 to 0.9 write with LANGSMITH_OTEL_ENABLED. Usage and model stand in the GenAI
attributes, the conversation in the metadata.
"""

from __future__ import annotations

from typing import Any

from traceview.sources.dialects.base import Dialect, Fields, RawSpan, text
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.dialects.spoken import spoken

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
    spoken(span.name, fields)


DIALECT = Dialect("langsmith", frozenset(("langsmith",)), TABLE, more)
