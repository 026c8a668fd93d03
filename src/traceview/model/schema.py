"""The canonical span schema as plain data: one row per span, the columns of every traceview store.

Types are named as DuckDB names them. JSON columns hold JSON text in VARCHAR. Times are UTC nanoseconds
in TIMESTAMP_NS columns of files and int64 nanoseconds since the epoch (`*_ns`) in Python.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

SCHEMA_VERSION = 3
"""2 added operation, temperature, release, feature, service_tier and payload_state, 3 added duration_ms; they are null
in parts of earlier versions."""

Kind = Literal[
    "agent", "llm", "tool", "retriever", "embedding", "reranker", "guardrail", "evaluator", "chain", "unknown"
]
KINDS: tuple[Kind, ...] = (
    "agent",
    "llm",
    "tool",
    "retriever",
    "embedding",
    "reranker",
    "guardrail",
    "evaluator",
    "chain",
    "unknown",
)
Status = Literal["ok", "error", "unset"]
STATUSES: tuple[Status, ...] = ("ok", "error", "unset")

CALL_KINDS: tuple[Kind, ...] = ("llm", "embedding")
"""Kinds whose spans carry token usage of their own; everything above them only repeats it."""


class Column(Struct, frozen=True):
    """One column of the canonical schema: name, DuckDB type, and what it holds."""

    name: str
    type: str
    doc: str
    payload: bool = False
    """True for large texts that stay in the source file and never enter the index."""


COLUMNS: tuple[Column, ...] = (
    Column("source", "VARCHAR", "importer id plus dialect, such as otlp/openinference"),
    Column("trace_id", "VARCHAR", "trace id, lower-case hex for OTLP, otherwise unchanged"),
    Column("span_id", "VARCHAR", "span id, unique within its trace only"),
    Column("parent_id", "VARCHAR", "span id of the parent; null for roots"),
    Column("thread_id", "VARCHAR", "conversation id as written on this span; null where absent"),
    Column("name", "VARCHAR", "span name"),
    Column("kind", "VARCHAR", "one of KINDS"),
    Column("start_time", "TIMESTAMP_NS", "start, UTC"),
    Column("end_time", "TIMESTAMP_NS", "end, UTC; null while running or after a crash"),
    Column("duration_ms", "DOUBLE", "time taken as recorded, for spans whose start or end is unknown"),
    Column("status", "VARCHAR", "ok, error or unset"),
    Column("error_type", "VARCHAR", "exception class or error code"),
    Column("error_message", "VARCHAR", "error message"),
    Column("error_stack", "VARCHAR", "stack trace", payload=True),
    Column("model", "VARCHAR", "model that answered, else the one requested"),
    Column("model_requested", "VARCHAR", "model that was asked for"),
    Column("provider", "VARCHAR", "provider of the model"),
    Column("operation", "VARCHAR", "what was asked of the model or agent, as in gen_ai.operation.name"),
    Column("service_tier", "VARCHAR", "tier of the provider that answered: batch, flex, priority, ..."),
    Column("temperature", "DOUBLE", "sampling temperature that was requested"),
    Column("prompt_name", "VARCHAR", "prompt name as written on this span"),
    Column("prompt_version", "VARCHAR", "prompt version, text, as written on this span"),
    Column("input_tokens", "BIGINT", "prompt tokens including cached ones"),
    Column("output_tokens", "BIGINT", "completion tokens including reasoning"),
    Column("cache_read_tokens", "BIGINT", "subset of input_tokens read from a cache"),
    Column("cache_write_tokens", "BIGINT", "subset of input_tokens written to a cache"),
    Column("reasoning_tokens", "BIGINT", "subset of output_tokens"),
    Column("cost_usd", "DOUBLE", "cost in US dollars as recorded"),
    Column("ttft_ms", "DOUBLE", "time to first token in milliseconds"),
    Column("user_id", "VARCHAR", "end user"),
    Column("environment", "VARCHAR", "deployment environment"),
    Column("service", "VARCHAR", "service that wrote the span"),
    Column("release", "VARCHAR", "release or version of the application"),
    Column("feature", "VARCHAR", "feature of the application that the call belongs to"),
    Column("tags", "VARCHAR[]", "tags"),
    Column("tool_name", "VARCHAR", "name of the tool of a tool span"),
    Column("tool_call_id", "VARCHAR", "id of the tool call that the model made"),
    Column("call_id", "VARCHAR", "provider's response id, used to count one call once"),
    Column("finish_reason", "VARCHAR", "why the model stopped"),
    Column("scope_name", "VARCHAR", "instrumentation scope, tells vendor-native spans apart"),
    Column(
        "payload_state",
        "VARCHAR",
        "what the recorder did not keep whole, as `input cut, output hashed`; null where all is there",
    ),
    Column(
        "input_text", "VARCHAR", "what a person would call the input: whole text, for previews, search", True
    ),
    Column("output_text", "VARCHAR", "what a person would call the output: whole text", True),
    Column("input", "VARCHAR", "input verbatim as the writer stored it (text or JSON text)", True),
    Column("output", "VARCHAR", "output verbatim", True),
    Column("input_messages", "VARCHAR", "JSON list of canonical messages", True),
    Column("output_messages", "VARCHAR", "JSON list of canonical messages", True),
    Column("documents", "VARCHAR", "JSON list of {id, score, text, metadata}", True),
    Column("tool_args", "VARCHAR", "tool arguments, JSON text if they parse", True),
    Column("tool_result", "VARCHAR", "tool result, JSON text if it parses", True),
    Column("metadata", "VARCHAR", "JSON object of user-supplied keys", True),
    Column("events", "VARCHAR", "JSON list of {time_ns, name, attributes}", True),
    Column("scores", "VARCHAR", "JSON list of scores found in the file", True),
    Column("links", "VARCHAR", "JSON list of {trace_id, span_id, attributes}", True),
    Column("attributes", "VARCHAR", "JSON object, every source attribute verbatim", True),
    Column("resource", "VARCHAR", "JSON object of resource attributes", True),
)

COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
CORE_COLUMNS = ("source", "trace_id", "span_id", "parent_id", "kind", "start_time", "status")
"""What every table of the canonical schema has, of whatever version; other columns may be missing."""

COLUMN_BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}
