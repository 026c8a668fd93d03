"""The SQL of a generic table: canonical expressions from the columns that were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traceview.model.schema import KINDS
from traceview.sources import sql
from traceview.sources.feedback_sql import scores
from traceview.sources.field_source import FieldSource
from traceview.sources.kept import marks
from traceview.sources.names import KINDS_IN_NAMES, TOOL_PREFIX, TOOL_SUFFIX
from traceview.sources.outcome_sql import outcome
from traceview.sources.visible import visible_text

_KIND_VALUES: Mapping[str, tuple[str, ...]] = {
    "llm": (
        "llm", "generation", "chat", "chat_model", "chatmodel", "completion", "text_completion",
        "generate_content", "model", "llm_call", "chat_completion",
    ),
    "agent": ("agent", "invoke_agent", "create_agent"),
    "tool": ("tool", "execute_tool", "function", "tool_call", "function_call"),
    "retriever": ("retriever", "retrieval", "search", "search_memory"),
    "embedding": ("embedding", "embeddings"),
    "reranker": ("reranker", "rerank"),
    "guardrail": ("guardrail", "guardrails"),
    "evaluator": ("evaluator", "evaluation", "eval", "score"),
    "chain": ("chain", "workflow", "invoke_workflow", "task", "span", "plan", "prompt", "parser", "step"),
}  # fmt: skip

_TEXTS = (
    "source", "name", "model", "model_requested", "provider", "prompt_name", "prompt_version", "user_id",
    "thread_id", "environment", "service", "release", "feature", "operation", "service_tier", "payload_state",
    "tool_name", "tool_call_id", "call_id", "scope_name", "error_type", "error_stack",
)  # fmt: skip
_JSONS = (
    "input", "output", "input_messages", "output_messages", "documents", "tool_args", "tool_result", "metadata",
    "events", "links", "resource",
)  # fmt: skip
_TOKENS = ("output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def expressions(
    sources: Mapping[str, FieldSource],
    unmapped: Mapping[str, str],
    row_id: str,
    *,
    trace_may_miss: bool,
    span_may_miss: bool,
) -> tuple[dict[str, str], dict[str, str]]:
    """Canonical column to SQL, and canonical column to words, of the fields that were found.

    `unmapped` are the other columns with their types; `row_id` is SQL for an id of the row.
    """
    made: dict[str, str] = {}
    words = {field: source.words for field, source in sources.items() if not source.inside}
    for field in ("latency", "level", "error"):
        words.pop(field, None)
    _ids(made, words, sources, row_id, trace_may_miss, span_may_miss)
    for field in _TEXTS:
        if field in sources:
            made[field] = sql.as_id(sources[field].sql, sources[field].type)
    for field in _JSONS:
        if field in sources:
            source = sources[field]
            made[field] = (
                sql.as_text(source.sql, source.type)
                if source.inside
                else sql.as_json(source.sql, source.type)
            )
    _times(made, words, sources)
    outcome(made, words, sources)
    _tokens(made, sources)
    made["kind"] = _kind(sources)
    if "name" in sources:
        made["tool_name"] = _tool_name(made)
        words.setdefault("tool_name", f"{words['name']} of tool spans")
    for side in ("input", "output"):
        text = sources.get(f"{side}_text")
        from_messages = made.get(f"{side}_messages")
        body = made.get(side, from_messages)
        if text is not None:
            made[f"{side}_text"] = sql.as_text(text.sql, text.type)
        elif body is not None:
            made[f"{side}_text"] = visible_text(body, "input" if side == "input" else "output")
            words.setdefault(f"{side}_text", f"text of {words.get(side, side)}")
    if "tags" in sources:
        made["tags"] = sql.as_tags(sources["tags"].sql, sources["tags"].type)
    if "finish_reason" in sources:
        made["finish_reason"] = _finish_reason(sources["finish_reason"])
    if "scores" in sources:
        root = f"{made['parent_id']} IS NULL" if "parent_id" in made else "true"
        made["scores"] = scores(sources["scores"].sql, sources["scores"].type, root)
    _kept(made, words, unmapped)
    attributes = _attributes(sources.get("attributes"), unmapped)
    if attributes is not None:
        made["attributes"] = attributes
    return made, {name: text for name, text in words.items() if name in made}


def _ids(
    made: dict[str, str],
    words: dict[str, str],
    sources: Mapping[str, FieldSource],
    row_id: str,
    trace_may_miss: bool,
    span_may_miss: bool,
) -> None:
    span, trace, parent = (sources.get(name) for name in ("span_id", "trace_id", "parent_id"))
    span_sql = sql.as_id(span.sql, span.type) if span else row_id
    if span is None:
        words["span_id"] = "file and row number"
    elif span_may_miss:
        span_sql = sql.first_of(span_sql, row_id)
    made["span_id"] = span_sql
    if trace is None:
        made["trace_id"] = span_sql
        words["trace_id"] = f"one trace per row: {words['span_id']}"
    else:
        trace_sql = sql.as_id(trace.sql, trace.type)
        made["trace_id"] = sql.first_of(trace_sql, span_sql) if trace_may_miss else trace_sql
    if parent is not None:
        text = sql.as_text(parent.sql, parent.type)
        # "", zeros and NaN are ways of writing "no parent"
        made["parent_id"] = f"CASE WHEN ltrim({text}, '0') NOT IN ('', 'nan', 'None') THEN {text} END"


def _times(made: dict[str, str], words: dict[str, str], sources: Mapping[str, FieldSource]) -> None:
    start, end, latency = (sources.get(name) for name in ("start_time", "end_time", "latency"))
    if start is not None:
        made["start_time"] = sql.as_time(start.sql, start.type, start.unit)
    if end is not None:
        made["end_time"] = sql.as_time(end.sql, end.type, end.unit)
    if latency is None:
        return
    length = sql.as_nanoseconds(latency.sql, latency.type, latency.unit or "ms")
    made["duration_ms"] = f"{length} / 1e6"
    words["duration_ms"] = latency.words
    if start is not None and end is None:
        made["end_time"] = f"TRY(make_timestamp_ns(epoch_ns({made['start_time']}) + {length}))"
        words["end_time"] = f"{start.words} + {latency.words}"
    elif end is not None and start is None:
        made["start_time"] = f"TRY(make_timestamp_ns(epoch_ns({made['end_time']}) - {length}))"
        words["start_time"] = f"{end.words} - {latency.words}"


def _tokens(made: dict[str, str], sources: Mapping[str, FieldSource]) -> None:
    for field in _TOKENS:
        if field in sources:
            made[field] = sql.as_integer(sources[field].sql, sources[field].type)
    if "input_tokens" in sources:
        total = sql.as_integer(sources["input_tokens"].sql, sources["input_tokens"].type)
        cached = [made[name] for name in ("cache_read_tokens", "cache_write_tokens") if name in made]
        if cached:
            # more cached tokens than tokens: this writer counts the cached ones apart
            both = " + ".join(f"coalesce({name}, 0)" for name in cached)
            total = f"CASE WHEN {both} > {total} THEN {total} + {both} ELSE {total} END"
        made["input_tokens"] = total
    for field in ("cost_usd", "temperature"):
        if field in sources:
            made[field] = sql.as_real(sources[field].sql, sources[field].type)
    if "ttft_ms" in sources:
        source = sources["ttft_ms"]
        made["ttft_ms"] = f"{sql.as_nanoseconds(source.sql, source.type, source.unit or 'ms')} / 1e6"


def _kind(sources: Mapping[str, FieldSource]) -> str:
    """The kind column in canonical words; else what the other columns of the row give away."""
    guesses: list[str] = []
    source = sources.get("kind")
    if source is not None:
        text = sql.as_text(source.sql, source.type)
        word = f"lower(trim({text}))"
        branches = []
        for kind in KINDS:
            values = _KIND_VALUES.get(kind, ())
            if values:
                listed = ", ".join(sql.literal(value) for value in values)
                branches.append(f"WHEN {word} IN ({listed}) THEN {sql.literal(kind)}")
        branches.append(f"WHEN ends_with({word}, 'memory') THEN 'tool'")
        guesses.append(f"CASE {' '.join(branches)} END")
    name = sources.get("name")
    if source is None or source.inside:
        calls = [pair for pair in KINDS_IN_NAMES if pair[0] in ("embedding", "reranker")]
        of_model = f"coalesce({_kind_in_name(name, calls)}, 'llm')" if name is not None else "'llm'"
        for field, guess in (("tool_name", "'tool'"), ("model", of_model), ("input_tokens", of_model)):
            known = sources.get(field)
            if known is not None:
                guesses.append(f"CASE WHEN {sql.as_text(known.sql, known.type)} <> '' THEN {guess} END")
    if name is not None:
        text = f"lower({sql.as_text(name.sql, name.type)})"
        guesses.append(
            f"CASE WHEN starts_with({text}, 'execute_tool ') OR ends_with({text}, '.tool') THEN 'tool' "
            f"WHEN starts_with({text}, 'invoke_agent') OR ends_with({text}, '.agent') THEN 'agent' "
            f"WHEN starts_with({text}, 'embeddings ') THEN 'embedding' "
            rf"WHEN regexp_matches({text}, '^(chat|text_completion|generate_content) \S*[-0-9]\S*$') "
            f"OR {text} IN ('anthropic.chat', 'openai.chat', 'chatopenai', 'chatanthropic') THEN 'llm' "
            f"WHEN ends_with({text}, '.workflow') OR ends_with({text}, '.task') THEN 'chain' END"
        )
        if source is None or source.inside:
            guesses.append(_kind_in_name(name, KINDS_IN_NAMES))
    return sql.first_of(*guesses, "'unknown'")


def _kind_in_name(name: FieldSource, kinds: Sequence[tuple[str, str]]) -> str:
    """The kind that a word of the name tells, NULL if none does."""
    text = sql.as_text(name.sql, name.type)
    branches = [
        f"WHEN regexp_matches({text}, {sql.literal(pattern)}) THEN '{kind}'" for kind, pattern in kinds
    ]
    return f"CASE {' '.join(branches)} END"


def _kept(made: dict[str, str], words: dict[str, str], unmapped: Mapping[str, str]) -> None:
    """What was not kept whole, of columns that say so (`input_truncated`, `output_sha256`)."""
    # a hash or an address beside the payload itself is no loss
    told = [mark for mark in marks(unmapped) if mark[0] == "cut" or mark[1] not in made]
    if not told or "payload_state" in made:
        return
    parts = []
    for what, side, column in told:
        text = f"lower(trim({sql.as_text(sql.identifier(column), unmapped[column])}))"
        said = sql.literal(f"{side or 'payload'} {what}")
        parts.append(f"CASE WHEN {text} NOT IN ('', 'false', '0', '0.0', 'null', 'none') THEN {said} END")
    made["payload_state"] = f"nullif(concat_ws(', ', {', '.join(parts)}), '')"
    words["payload_state"] = ", ".join(column for _, _, column in told)


def _tool_name(made: Mapping[str, str]) -> str:
    """The tool's own column, else what the name of a tool span tells, as `names.tool_in_name` reads it."""
    name = f"trim({made['name']})"
    bare = f"regexp_replace({name}, {sql.literal(TOOL_PREFIX)}, '', 'i')"
    bare = f"trim(regexp_replace({bare}, {sql.literal(TOOL_SUFFIX)}, '', 'i'))"
    named = f"CASE WHEN {made['kind']} = 'tool' THEN coalesce(nullif({bare}, ''), nullif({name}, '')) END"
    return sql.first_of(made["tool_name"], named) if "tool_name" in made else named


def _finish_reason(source: FieldSource) -> str:
    if sql.type_class(source.type) == "nested":
        return f"json_extract_string(to_json({source.sql}), '$[0]')"
    return sql.as_id(source.sql, source.type)


def _attributes(source: FieldSource | None, unmapped: Mapping[str, str]) -> str | None:
    """The attributes column with the other columns added under their names; nulls among those are left out."""
    if not unmapped:
        return sql.as_json(source.sql, source.type) if source else None
    pairs = ", ".join(f"{sql.literal(name)}, {_value(name, kind)}" for name, kind in unmapped.items())
    others = f"json_merge_patch('{{}}', json_object({pairs}))"
    if source is None:
        return f"CAST({others} AS VARCHAR)"
    own = sql.parsed_json(source.sql, source.type)
    merged = f"json_merge_patch({own}, {others})"
    return f"CAST(CASE json_type({own}) WHEN 'OBJECT' THEN {merged} ELSE {others} END AS VARCHAR)"


def _value(name: str, kind: str) -> str:
    column = sql.identifier(name)
    if kind.upper() in ("FLOAT", "DOUBLE"):
        return sql.as_real(column, kind)
    if sql.type_class(kind) in ("blob", "zoned"):
        return sql.as_text(column, kind)
    return column
