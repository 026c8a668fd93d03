"""The table of column names that other tools use for each canonical column, in order of preference.

Names are compared without case, and with camelCase, dots, dashes and spaces read as snake_case; a leading
`attributes.` is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from traceview.model.schema import COLUMN_NAMES

NAMES: Mapping[str, tuple[str, ...]] = {
    "source": (),
    "trace_id": ("trace_id", "context_trace_id", "trace", "root_span_id", "root_id", "root_run_id"),
    "span_id": ("span_id", "context_span_id", "observation_id", "run_id", "id", "event_id", "row_id"),
    "parent_id": (
        "parent_id", "parent_span_id", "parent_run_id", "parent_observation_id", "parentid", "parent",
    ),
    "thread_id": (
        "thread_id", "session_id", "conversation_id", "gen_ai_conversation_id", "chat_id", "thread", "session",
        "conversation", "dialog_id", "dialogue_id",
    ),
    "name": (
        "name", "span_name", "operation_name", "run_name", "observation_name", "operation", "title", "msg", "event",
    ),
    "kind": (
        "openinference_span_kind", "span_kind", "run_type", "span_type", "observation_type", "kind", "type",
        "gen_ai_operation_name", "step_type",
    ),
    "start_time": (
        "start_time", "started_at", "start_timestamp", "start_time_unix_nano", "start_ns", "start_ms", "start",
        "begin_time", "timestamp", "ts", "time", "created_at", "request_time", "created", "datetime", "date",
    ),
    "end_time": (
        "end_time", "ended_at", "end_timestamp", "end_time_unix_nano", "end_ns", "end_ms", "end", "finished_at",
        "finish_time", "completed_at", "stop_time",
    ),
    "latency": (
        "latency_ms", "duration_ms", "elapsed_ms", "execution_duration_ms", "execution_time_ms",
        "response_time_ms", "duration_ns", "duration_nano", "duration_us", "latency_s", "latency_seconds",
        "duration_s", "duration_seconds", "elapsed_s", "elapsed_seconds", "response_time_s", "latency_sec",
        "duration_sec", "latency", "duration", "elapsed", "elapsed_time", "response_time", "execution_time",
        "execution_duration", "run_time",
    ),
    "status": (
        "status", "status_code", "otel_status_code", "state", "outcome", "result_status", "success", "succeeded",
        "is_success", "ok",
    ),
    "level": ("level", "severity", "log_level"),
    "error": ("error", "is_error", "has_error", "errored", "failed", "error_flag", "error_info", "exception"),
    "error_type": ("error_type", "exception_type", "error_class", "error_code", "error_name"),
    "error_message": (
        "error_message", "exception_message", "status_message", "status_description", "error_text", "error_msg",
        "error_detail", "error_details",
    ),
    "error_stack": ("error_stack", "stack_trace", "stacktrace", "traceback", "exception_stacktrace"),
    "model": (
        "model", "model_name", "llm_model_name", "gen_ai_response_model", "response_model", "llm_response_model_name",
        "provided_model_name", "llm_model", "gen_ai_request_model", "model_id", "ls_model_name", "llm_name",
    ),
    "model_requested": ("model_requested", "request_model", "requested_model", "llm_request_model_name"),
    "operation": ("gen_ai_operation_name",),
    "provider": (
        "provider", "gen_ai_provider_name", "llm_provider", "model_provider", "provider_name", "gen_ai_system",
        "llm_system", "ls_provider", "vendor",
    ),
    "prompt_name": (
        "prompt_name", "gen_ai_prompt_name", "llm_prompt_template_name", "prompt_template_name", "template_name",
        "prompt_key", "prompt_id",
    ),
    "prompt_version": (
        "prompt_version", "gen_ai_prompt_version", "llm_prompt_template_version", "prompt_template_version",
        "template_version",
    ),
    "input_tokens": (
        "input_tokens", "prompt_tokens", "gen_ai_usage_input_tokens", "llm_token_count_prompt", "tokens_in",
        "input_token_count", "prompt_token_count", "usage_input_tokens", "usage_prompt_tokens", "tokens_input",
        "tokens_prompt", "num_input_tokens", "n_prompt_tokens", "gen_ai_usage_prompt_tokens", "tok_in",
    ),
    "output_tokens": (
        "output_tokens", "completion_tokens", "gen_ai_usage_output_tokens", "llm_token_count_completion",
        "tokens_out", "output_token_count", "completion_token_count", "usage_output_tokens",
        "usage_completion_tokens", "tokens_output", "tokens_completion", "num_output_tokens",
        "n_completion_tokens", "gen_ai_usage_completion_tokens", "tok_out",
    ),
    "cache_read_tokens": (
        "cache_read_tokens", "cache_read_input_tokens", "cached_tokens", "prompt_cached_tokens",
        "gen_ai_usage_cache_read_input_tokens", "llm_token_count_prompt_details_cache_read", "input_cached_tokens",
        "cached_input_tokens",
    ),
    "cache_write_tokens": (
        "cache_write_tokens", "cache_creation_input_tokens", "cache_write_input_tokens", "cache_creation_tokens",
        "prompt_cache_creation_tokens", "gen_ai_usage_cache_write_input_tokens",
        "gen_ai_usage_cache_creation_input_tokens", "llm_token_count_prompt_details_cache_write",
    ),
    "reasoning_tokens": (
        "reasoning_tokens", "completion_reasoning_tokens", "output_reasoning_tokens", "thinking_tokens",
        "gen_ai_usage_reasoning_output_tokens", "llm_token_count_completion_details_reasoning",
    ),
    "cost_usd": (
        "cost_usd", "total_cost_usd", "usd_cost", "cost", "total_cost", "llm_cost_total", "total_estimated_cost",
        "estimated_cost", "gen_ai_usage_cost", "operation_cost", "price_usd", "price",
    ),
    "ttft_ms": (
        "ttft_ms", "time_to_first_token_ms", "first_token_ms", "ttft_s", "ttft_seconds", "ttft",
        "time_to_first_token", "gen_ai_response_time_to_first_chunk", "first_token_latency",
    ),
    "user_id": (
        "user_id", "enduser_id", "end_user_id", "user", "userid", "username", "user_name", "customer_id",
        "langfuse_user_id",
    ),
    "environment": ("environment", "deployment_environment", "deployment_environment_name", "env"),
    "service": ("service", "service_name", "app_name", "application"),
    "release": ("release", "service_version", "langfuse_release", "app_version", "application_version"),
    "feature": ("feature", "feature_name", "use_case"),
    "service_tier": ("service_tier", "gen_ai_openai_response_service_tier"),
    "temperature": ("temperature", "gen_ai_request_temperature", "ls_temperature"),
    "payload_state": ("payload_state",),
    "tags": ("tags", "tag_tags", "trace_tags", "tag"),
    "tool_name": ("tool_name", "gen_ai_tool_name", "tool"),
    "tool_call_id": ("tool_call_id", "gen_ai_tool_call_id"),
    "call_id": ("call_id", "response_id", "gen_ai_response_id", "completion_id"),
    "finish_reason": ("finish_reason", "stop_reason", "finish_reasons", "gen_ai_response_finish_reasons"),
    "scope_name": ("scope_name", "instrumentation_scope", "scope", "otel_scope_name", "library_name"),
    "input_text": ("input_text",),
    "output_text": ("output_text",),
    "input": (
        "input", "inputs", "input_value", "question", "query", "prompt", "request", "user_message", "user_input",
        "user_query", "input_data", "message",
    ),
    "output": (
        "output", "outputs", "output_value", "answer", "response", "completion", "reply", "assistant_message",
        "model_output", "generation", "output_data", "result", "llm_output", "parsed_output",
    ),
    "input_messages": (
        "input_messages", "gen_ai_input_messages", "llm_input_messages", "prompt_messages", "messages",
    ),
    "output_messages": (
        "output_messages", "gen_ai_output_messages", "llm_output_messages", "completion_messages",
    ),
    "documents": (
        "documents", "retrieval_documents", "retrieved_documents", "retrieved_contexts", "contexts",
        "retrieved_docs", "docs",
    ),
    "tool_args": ("tool_args", "tool_arguments", "gen_ai_tool_call_arguments", "tool_input", "tool_parameters"),
    "tool_result": ("tool_result", "tool_output", "gen_ai_tool_call_result", "tool_response"),
    "metadata": ("metadata", "meta"),
    "events": ("events", "span_events"),
    "scores": (
        "scores", "feedback", "feedbacks", "feedback_scores", "evaluations", "evals", "annotations", "assessments",
    ),
    "links": ("links", "span_links"),
    "attributes": ("attributes", "span_attributes", "attrs", "properties", "extra"),
    "resource": ("resource", "resource_attributes"),
}  # fmt: skip

FIELDS: tuple[str, ...] = (*COLUMN_NAMES, "latency", "level", "error")
"""What a column can feed: a canonical column, or what is turned into some (latency, level, error)."""

FIELD_ALIASES: Mapping[str, str] = {
    "trace": "trace_id",
    "span": "span_id",
    "parent": "parent_id",
    "parent_span_id": "parent_id",
    "thread": "thread_id",
    "session_id": "thread_id",
    "conversation_id": "thread_id",
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "cost": "cost_usd",
    "user": "user_id",
    "feedback": "scores",
    "version": "prompt_version",
    "latency_ms": "latency",
    "latency_s": "latency",
    "latency_us": "latency",
    "latency_ns": "latency",
    "duration_ms": "latency",
    "duration_s": "latency",
    "ttft_s": "ttft_ms",
    "env": "environment",
}
"""What people may write before the `=` of `--map` besides the names of FIELDS."""

ATTRIBUTE_KEYS: Mapping[str, tuple[str, ...]] = {
    "thread_id": ("session.id", "gen_ai.conversation.id", "thread_id", "thread.id", "conversation_id"),
    "kind": (
        "openinference.span.kind", "langfuse.observation.type", "gen_ai.operation.name", "traceloop.span.kind",
    ),
    "model": (
        "gen_ai.response.model", "llm.response.model_name", "llm.model_name", "gen_ai.request.model", "model",
    ),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    "operation": ("gen_ai.operation.name",),
    "temperature": ("gen_ai.request.temperature",),
    "prompt_name": ("gen_ai.prompt.name", "llm.prompt_template.name", "prompt_name", "prompt.name"),
    "prompt_version": ("gen_ai.prompt.version", "llm.prompt_template.version", "prompt_version", "prompt.version"),
    "input_tokens": (
        "gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens", "input_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens",
        "output_tokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read",
        "gen_ai.usage.cache_read_input_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "llm.token_count.prompt_details.cache_write", "gen_ai.usage.cache_creation_input_tokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning",
    ),
    "cost_usd": ("llm.cost.total", "gen_ai.usage.cost", "operation.cost"),
    "user_id": ("user.id", "enduser.id", "langfuse.user.id", "user_id"),
    "environment": ("deployment.environment.name", "deployment.environment", "langfuse.environment"),
    "release": ("langfuse.release", "service.version"),
    "feature": ("feature", "app.feature"),
    "tool_name": ("gen_ai.tool.name", "tool.name"),
    "tool_call_id": ("gen_ai.tool.call.id", "tool_call.id"),
    "call_id": ("gen_ai.response.id",),
    "error_type": ("error.type", "exception.type"),
    "input": ("input.value", "gen_ai.input.messages", "traceloop.entity.input", "langfuse.observation.input"),
    "output": ("output.value", "gen_ai.output.messages", "traceloop.entity.output", "langfuse.observation.output"),
    "input_messages": ("gen_ai.input.messages",),
    "output_messages": ("gen_ai.output.messages",),
    "tool_args": ("gen_ai.tool.call.arguments",),
    "tool_result": ("gen_ai.tool.call.result",),
    "metadata": ("metadata",),
}  # fmt: skip
"""Keys of an attributes column that stand in for a column that the table does not have."""


TOOL_PREFIX = r"^(execute_tool|call_tool|run_tool|tool_call|tool|function)[ :./]+"
TOOL_SUFFIX = r"[ :./]tool$"
"""What stands around a tool's name in the name of its span, without case; also valid in DuckDB."""


def _word(start: str) -> str:
    return f"(?i:(?:^|[^a-z]){start})|[a-z]{start.capitalize()}"


_RECALL = "(?i:(?:^|[^a-z])(?:search|recall|load|get|read|lookup|fetch|query|find|retrieve)"
KINDS_IN_NAMES: tuple[tuple[str, str], ...] = (
    ("reranker", _word("rerank")),
    ("embedding", _word("embed")),
    ("retriever", _word("retriev")),
    (
        "retriever",
        f"{_RECALL}.*memory)|(?i:memory.*[^a-z](?:search|recall|load|get|read|lookup|fetch|query|find))",
    ),
    ("tool", _word("memory")),
    ("tool", _word("tool")),
)
"""Kinds that words in a span's name tell, where nothing else does; also valid in DuckDB."""


def tool_in_name(name: str) -> str | None:
    """The tool that a tool span's name tells: `execute_tool X`, `tool X`, `X.tool`, or the name itself."""
    bare = re.sub(TOOL_PREFIX, "", name.strip(), count=1, flags=re.IGNORECASE)
    return re.sub(TOOL_SUFFIX, "", bare, count=1, flags=re.IGNORECASE).strip() or name.strip() or None


def normalised(name: str) -> str:
    """A column name as it is compared: snake_case, lower, without a leading `attributes.`."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    name = re.sub(r"[^0-9a-zA-Z]+", "_", name).strip("_").lower()
    return name.removeprefix("attributes_") or name


_PREFIX = re.compile(
    r"^(llm|rag|ai|genai|retrieval|retriever)_(?!(id|name|type|kind|trace|span|time|date)$)(?=.)"
)


def unprefixed(name: str) -> str:
    """The same without the word that instrumentation of one's own puts before it: `llm.cost_usd`, `rag.query`."""
    return _PREFIX.sub("", normalised(name))


def choose(columns: Collection[str]) -> dict[str, str]:
    """Which column feeds which field: each column at most one, each field by its most preferred name."""
    by_name: dict[str, str] = {}
    for compared in (normalised, unprefixed):
        for column in columns:
            by_name.setdefault(compared(column), column)
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for field, names in NAMES.items():
        for name in (field, *names) if field in COLUMN_NAMES else names:
            column_name = by_name.get(name)
            if column_name is not None and column_name not in taken:
                chosen[field] = column_name
                taken.add(column_name)
                break
    return chosen


_ANNOTATIONS = frozenset(("annotation_name", "annotator_kind"))
_CONTENT = frozenset(("input", "output", "input_messages", "output_messages", "input_text"))


def tell_of_spans(columns: Collection[str]) -> bool:
    """True if the columns tell which call or conversation a row is, and what happened in it or when."""
    if set(columns) >= _ANNOTATIONS:
        return False
    chosen = choose(columns).keys()
    identified = bool(chosen & {"trace_id", "span_id", "thread_id"})
    timed = bool(chosen & {"start_time", "end_time", "latency"})
    content = bool(chosen & _CONTENT)
    return (identified and (timed or content)) or ({"input", "output"} <= chosen) or (timed and content)
