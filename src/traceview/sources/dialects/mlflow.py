"""MLflow's own attributes on spans that it exports as OTLP: every value is a JSON text of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.sources.dialects.base import Dialect, Fields, RawSpan, as_float, text
from traceview.sources.dialects.langfuse import total_cost, usage_fields
from traceview.sources.dialects.shape import Shape, Table
from traceview.sources.dialects.spoken import spoken
from traceview.sources.documents import documents_of_output
from traceview.sources.jsontext import decoded

_KINDS = {
    "llm": "llm", "chat_model": "llm", "agent": "agent", "tool": "tool", "chain": "chain", "workflow": "chain",
    "task": "chain", "retriever": "retriever", "embedding": "embedding", "reranker": "reranker", "parser": "chain",
    "guardrail": "guardrail", "evaluator": "evaluator", "memory": "unknown", "unknown": "unknown",
}  # fmt: skip


def _unquoted(value: Any) -> str | None:
    """A JSON string without its quotes; other JSON as it stands."""
    told = decoded(value, 1)
    return text(told if isinstance(told, str) else value)


def _kind(value: Any) -> str | None:
    word = _unquoted(value)
    return _KINDS.get(word.lower()) if word else None


def _object(value: Any) -> Mapping[str, Any] | None:
    found = decoded(value)
    return found if isinstance(found, Mapping) else None


TABLE: Table = (
    ("kind", _kind, ("mlflow.spanType",)),
    ("model", _unquoted, ("mlflow.llm.model", "mlflow.chat.model")),
    ("provider", _unquoted, ("mlflow.llm.provider",)),
    ("usage", _object, ("mlflow.chat.tokenUsage",)),
    ("cost", _object, ("mlflow.llm.cost",)),
    ("input", _unquoted, ("mlflow.spanInputs",)),
    ("output", _unquoted, ("mlflow.spanOutputs",)),
)


def more(span: RawSpan, shape: Shape, fields: Fields) -> None:
    """Usage and cost out of their maps; messages, tools and documents by the kind."""
    kind = fields.get("kind")
    if (usage := fields.pop("usage", None)) is not None:
        fields.update(usage_fields(usage))
        fields.pop("excludes_cache", None)
    if (cost := fields.pop("cost", None)) is not None:
        fields["cost_usd"] = total_cost({"total": cost.get("total_cost"), **cost})
    if kind in ("llm", "embedding"):
        _call(fields)
    spoken(span.name, fields)
    if kind == "llm":
        messages = fields["output_messages"]
        if messages and messages[-1].get("finish_reason"):
            fields["finish_reason"] = messages[-1]["finish_reason"]
    elif kind in ("retriever", "reranker"):
        fields["documents"] = [
            {"id": one.id, "score": one.score, "text": one.text, "metadata": one.metadata}
            for one in documents_of_output(fields.get("output"))
        ]


def _call(fields: Fields) -> None:
    """What the request and the response of a provider say beside their messages."""
    asked, answered = _object(fields.get("input")) or {}, _object(fields.get("output")) or {}
    fields["model"] = fields.get("model") or text(answered.get("model")) or text(asked.get("model"))
    fields["model_requested"] = text(asked.get("model"))
    fields["temperature"] = as_float(asked.get("temperature"))
    fields["call_id"] = text(answered.get("id"))
    fields["finish_reason"] = text(answered.get("stop_reason"))


DIALECT = Dialect("mlflow", frozenset(("mlflow",)), TABLE, more)
