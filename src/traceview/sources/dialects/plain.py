"""Attributes of one's own instrumentation: named as the columns of tables are, perhaps after `llm.` or `rag.`.

Asked last, and only for spans whose kind no other family tells. A model with usage or an answer is a model call; else
words of the name tell the kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from traceview.sources.dialects.base import Fields, RawSpan, as_count, as_float, filled, text
from traceview.sources.dialects.shape import Shape, Step, Table
from traceview.sources.documents import documents_of_output
from traceview.sources.jsontext import decoded
from traceview.sources.messages import canonical
from traceview.sources.names import KINDS_IN_NAMES, choose, normalised

FOREIGN = frozenset(
    (
        "http", "url", "server", "network", "net", "db", "rpc", "messaging", "faas", "aws", "k8s", "process",
        "peer", "graphql", "otel",
    )
)  # fmt: skip
"""First words of attributes that infrastructure writes: such spans are no part of an agent, whatever their names."""

_READERS: dict[str, Callable[[Any], Any]] = {
    "model": text, "model_requested": text, "provider": text, "operation": text, "service_tier": text,
    "finish_reason": text, "call_id": text, "tool_name": text, "tool_call_id": text, "tool_args": text,
    "tool_result": text, "input": text, "output": text, "prompt_name": text, "prompt_version": text, "user_id": text,
    "thread_id": text, "environment": text, "release": text, "feature": text, "error_type": text,
    "error_message": text, "input_tokens": as_count, "output_tokens": as_count, "cache_read_tokens": as_count,
    "cache_write_tokens": as_count, "reasoning_tokens": as_count, "cost_usd": as_float, "temperature": as_float,
    "input_messages": decoded, "output_messages": decoded, "documents": decoded, "error": lambda value: value,
}  # fmt: skip
_KIND_WORDS = tuple((kind, re.compile(pattern)) for kind, pattern in KINDS_IN_NAMES)
_NO_ERROR = ("", "none", "null", "false", "0", "ok", "no")
_MILLISECONDS = re.compile(r"(latency|duration|elapsed)_?(ms|millis|milliseconds)$")
_FIRST_TOKEN = re.compile(r"(ttft|time_to_first_token)_?(ms|millis|milliseconds)$")
_CHUNKS = re.compile(
    r"(chunks|documents|docs|passages|results|hits)(_retrieved|_found|_returned|_count)$|^num_(chunks|docs|documents)$"
)
_TOP_SCORE = re.compile(r"(top|best|max)_(score|similarity)$")


def columns_of(shape: Shape) -> Table:
    """The table of a shape: which attribute feeds which column, by its name."""
    steps: list[Step] = [
        (field, _READERS[field], (key,)) for field, key in choose(shape.names).items() if field in _READERS
    ]
    for column, pattern in (
        ("latency", _MILLISECONDS), ("ttft_ms", _FIRST_TOKEN), ("chunks", _CHUNKS), ("top_score", _TOP_SCORE),
    ):  # fmt: skip
        keys = tuple(key for key in shape.names if pattern.search(normalised(key)))
        if keys:
            steps.append((column, as_float, keys))
    return tuple(steps)


def read(span: RawSpan, shape: Shape) -> Fields:
    """The fields that names tell; none for spans of infrastructure."""
    if not FOREIGN.isdisjoint(shape.families):
        return {}
    fields = filled(shape.made(columns_of), span.attributes, shape)
    latency, chunks = fields.pop("latency", None), fields.pop("chunks", None)
    top_score = fields.pop("top_score", None)
    kind = fields["kind"] = _kind(span.name, fields, chunks is not None or top_score is not None)
    if latency is not None and latency >= 0:
        if span.start_ns is None:
            fields["duration_ms"] = latency
        elif span.end_ns is None or span.end_ns == span.start_ns:
            fields["end_ns"] = span.start_ns + round(latency * 1e6)
    _error(fields)
    if kind == "llm":
        fields["input_messages"] = canonical(fields.get("input_messages") or fields.get("input"), "user")
        fields["output_messages"] = canonical(
            fields.get("output_messages") or fields.get("output"), "assistant"
        )
    else:
        fields.pop("input_messages", None)
        fields.pop("output_messages", None)
    documents = fields.pop("documents", None)
    if kind in ("retriever", "reranker"):
        fields["documents"] = [
            {"id": one.id, "score": one.score, "text": one.text, "metadata": one.metadata}
            for one in documents_of_output(documents if documents is not None else fields.get("output"))
        ]
        if not fields["documents"] and fields.get("output") is None:
            fields["output_text"] = _found(chunks, top_score)
    if kind == "tool":
        for own, usual in (("tool_args", "input"), ("tool_result", "output")):
            fields[own] = fields.get(own) or fields.get(usual)
            fields[usual] = fields.get(usual) or fields[own]
    return fields


def _kind(name: str, fields: Fields, retrieved: bool) -> str | None:
    told = next((kind for kind, pattern in _KIND_WORDS if pattern.search(name)), None)
    if fields.get("model"):
        used = any(fields.get(column) is not None for column in ("input_tokens", "output_tokens", "cost_usd"))
        if used or fields.get("output") is not None or fields.get("output_messages") is not None:
            return told if told in ("embedding", "reranker") else "llm"
    if told is not None:
        return told
    if retrieved:
        return "retriever"
    return "tool" if fields.get("tool_name") else None


def _error(fields: Fields) -> None:
    error = fields.pop("error", None)
    message = (
        error
        if isinstance(error, str) and error.strip().lower() not in (*_NO_ERROR, "true", "yes", "1")
        else None
    )
    if error is True or message or (isinstance(error, str) and error.strip().lower() in ("true", "yes", "1")):
        fields["level_error"] = True
        fields["error_message"] = fields.get("error_message") or message


def _found(chunks: float | None, top_score: float | None) -> str | None:
    """What a retriever of which only figures are told gave back, in words."""
    told = [] if chunks is None else [f"{chunks:g} chunks retrieved"]
    told += [] if top_score is None else [f"best score {top_score:g}"]
    return ", ".join(told) or None
