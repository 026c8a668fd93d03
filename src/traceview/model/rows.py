"""The columns of the lists as the command line's JSON and the views of `traceview sql` name them."""

from __future__ import annotations

SPAN_COLUMNS: tuple[str, ...] = (
    "trace_id",
    "span_id",
    "parent_id",
    "thread_id",
    "name",
    "kind",
    "start_time",
    "end_time",
    "duration_ms",
    "status",
    "error_type",
    "error_message",
    "model",
    "provider",
    "prompt_name",
    "prompt_version",
    "prompt_inferred",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
    "ttft_ms",
    "user_id",
    "tags",
    "duplicate_of",
)

TRACE_COLUMNS: tuple[str, ...] = (
    "trace_id",
    "thread_id",
    "name",
    "start_time",
    "duration_ms",
    "spans",
    "errors",
    "leaf_errors",
    "status",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "uncosted",
    "models",
    "prompt_versions",
    "input_preview",
    "output_preview",
    "scores",
)

THREAD_COLUMNS: tuple[str, ...] = (
    "thread_id",
    "traces",
    "spans",
    "errors",
    "first_input",
    "last_output",
    "start_time",
    "end_time",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "uncosted",
)

PAYLOAD_KEYS: tuple[str, ...] = (
    "input",
    "output",
    "messages",
    "documents",
    "tool",
    "attributes",
    "events",
    "links",
)
"""What `spans --payload` and `show` add to a span row."""
