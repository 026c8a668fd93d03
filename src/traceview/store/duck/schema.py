"""The tables of the index, the same in memory and in a file of the cache."""

from __future__ import annotations

from collections.abc import Collection

INDEX_VERSION = 13
"""Part of the index file's name: a change of these tables or of how they are filled is a new version."""

SPANS = """
CREATE TABLE {out}.spans (
    span_no BIGINT, trace_no BIGINT, trace_id VARCHAR, span_id VARCHAR, parent_id VARCHAR, thread_id VARCHAR,
    name VARCHAR, kind VARCHAR, start_ns BIGINT, end_ns BIGINT, duration_ms DOUBLE, status VARCHAR,
    error_type VARCHAR, error_message VARCHAR, model VARCHAR, model_requested VARCHAR, provider VARCHAR,
    operation VARCHAR, service_tier VARCHAR, temperature DOUBLE,
    prompt_name VARCHAR, prompt_version VARCHAR, prompt_inferred VARCHAR, prompt_given VARCHAR,
    prompt_text BIGINT, input_tokens BIGINT, output_tokens BIGINT,
    cache_read_tokens BIGINT, cache_write_tokens BIGINT, reasoning_tokens BIGINT, cost_usd DOUBLE,
    cost_computed BOOLEAN,
    ttft_ms DOUBLE, user_id VARCHAR, environment VARCHAR, service VARCHAR, release VARCHAR,
    feature VARCHAR, tags VARCHAR[], tool_name VARCHAR,
    tool_call_id VARCHAR, call_id VARCHAR, finish_reason VARCHAR, outcome VARCHAR,
    fallback VARCHAR, scope_name VARCHAR, payload_state VARCHAR,
    source VARCHAR,
    duplicate_of VARCHAR, is_call BOOLEAN, counted BOOLEAN, leaf_error BOOLEAN, file_no INTEGER, row_no BIGINT
)
"""

TRACES = """
CREATE TABLE {out}.traces (
    trace_no BIGINT, first_span BIGINT, trace_id VARCHAR, thread_id VARCHAR, name VARCHAR, start_ns BIGINT,
    end_ns BIGINT, duration_ms DOUBLE, spans BIGINT, errors BIGINT, leaf_errors BIGINT, llm_calls BIGINT,
    tool_calls BIGINT, status VARCHAR, input_tokens BIGINT, output_tokens BIGINT, cost_usd DOUBLE, uncosted BIGINT,
    ttft_ms DOUBLE, models VARCHAR[],
    prompt_versions STRUCT("name" VARCHAR, "version" VARCHAR, inferred VARCHAR)[], tools VARCHAR[],
    kinds VARCHAR[], user_id VARCHAR, environment VARCHAR, tags VARCHAR[], root_span_id VARCHAR,
    input_preview VARCHAR, output_preview VARCHAR
)
"""

THREADS = """
CREATE TABLE {out}.threads (
    thread_no BIGINT, thread_id VARCHAR, traces BIGINT, spans BIGINT, errors BIGINT, leaf_errors BIGINT,
    first_input VARCHAR, last_output VARCHAR, start_ns BIGINT, end_ns BIGINT, duration_ms DOUBLE,
    input_tokens BIGINT, output_tokens BIGINT, cost_usd DOUBLE, uncosted BIGINT, user_id VARCHAR
)
"""

FACTS = "CREATE TABLE {out}.facts (name VARCHAR, value BIGINT)"

PROMPTS = (
    "CREATE TABLE {out}.prompt_texts (key BIGINT, text VARCHAR)",
    "CREATE TABLE {out}.prompt_told (prompt_given VARCHAR, name VARCHAR, model VARCHAR, prompt_text BIGINT, "
    "prompt_name VARCHAR, prompt_version VARCHAR, prompt_inferred VARCHAR)",
    "CREATE TABLE {out}.prompt_versions (name VARCHAR, version VARCHAR, inferred VARCHAR, hash VARCHAR, "
    "template VARCHAR, path VARCHAR)",
)
"""System prompts of calls without a recorded version; what calls are told to be, NULL if nothing; the versions told."""

_SPAN_COLUMNS: dict[str, str] = {
    words[0]: words[1]
    for part in SPANS.split("(", 1)[1].rsplit(")", 1)[0].split(",")
    if (words := part.split())
}
SPAN_NAMES: tuple[str, ...] = tuple(_SPAN_COLUMNS)

_UNLIKE = ("span_id",)
"""Columns whose values all differ: compressed they take half the room, and five times as long to write."""
_AS_IT_IS = " USING COMPRESSION uncompressed"


def create(out: str) -> tuple[str, ...]:
    """The statements that make the empty tables in a schema or catalog."""
    return (SPANS.format(out=out), *create_others(out))


def create_others(out: str) -> tuple[str, ...]:
    """Those of all tables but the spans."""
    return tuple(statement.format(out=out) for statement in (TRACES, THREADS, FACTS, *PROMPTS))


def create_lean(out: str, empty: Collection[str]) -> tuple[str, ...]:
    """The statements that make the spans as a view over the table `filled`, which has no `empty` columns.

    A column of nulls takes about as long to write as one of numbers.
    """
    filled = ", ".join(
        f"{name} {kind}{_AS_IT_IS if name in _UNLIKE else ''}"
        for name, kind in _SPAN_COLUMNS.items()
        if name not in empty
    )
    return f"CREATE TABLE {out}.filled ({filled})", _lean_view(out, empty)


def add_lean(out: str, added: Collection[str], empty: Collection[str]) -> tuple[str, ...]:
    """The statements that give `filled` columns which were thought to be empty; `empty` are those that still are."""
    return (
        *(f"ALTER TABLE {out}.filled ADD COLUMN {name} {_SPAN_COLUMNS[name]}" for name in added),
        _lean_view(out, empty),
    )


def _lean_view(out: str, empty: Collection[str]) -> str:
    columns = ", ".join(
        f"CAST(NULL AS {kind}) AS {name}" if name in empty else name for name, kind in _SPAN_COLUMNS.items()
    )
    return f"CREATE OR REPLACE VIEW {out}.spans AS SELECT {columns} FROM {out}.filled"
