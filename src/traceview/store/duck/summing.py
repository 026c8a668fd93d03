"""Traces and threads summed up: SQL of their rows from the rows of what they hold."""

from __future__ import annotations

from traceview.store.duck import prompts
from traceview.store.duck.costs import span_costs, summed_costs

CALL = "s.is_call AND s.kind = 'llm'"
"""SQL of whether the span `s` is a model call that is counted."""

IN_TIME = f"(coalesce(start_ns, {-(1 << 63) + 1}), trace_id)"
"""The order that a build numbers traces in, for tables where later ones have been numbered later."""


def previewed_of(spans: str, roots: str) -> str:
    """SELECT of (trace_no, role, file_no, row_no) of the spans whose texts may be previews.

    Those of the roots (role 0), which the table `roots` names, of the first calls (1) and of the last calls (2).
    """
    return f"""SELECT trace_no, role, file_no, row_no FROM {spans} JOIN (
        SELECT root_no AS span_no, 0 AS role FROM {roots}
        UNION ALL SELECT min(s.span_no), 1 FROM {spans} s WHERE {CALL} GROUP BY s.trace_no
        UNION ALL SELECT max(s.span_no), 2 FROM {spans} s WHERE {CALL} GROUP BY s.trace_no
    ) USING (span_no)"""


def traces_of(spans: str, roots: str, previews: str) -> str:
    """SELECT of the rows of the traces table in the order of their numbers.

    `roots` has (trace_no, root_no, thread_id), `previews` (trace_no, role, input, output) of `previewed_of`'s spans.
    """
    usage = "s.counted AND s.kind <> 'embedding'"
    root = "FILTER (s.span_no = f.root_no)"
    return f"""SELECT a.* REPLACE (
            CASE WHEN a.end_ns >= a.start_ns THEN (a.end_ns::HUGEINT - a.start_ns) / 1e6
                ELSE a.duration_ms END AS duration_ms),
            coalesce(p.i0, p.i1), coalesce(p.o0, p.o2)
        FROM (
            SELECT s.trace_no, min(s.span_no) AS first_span, any_value(s.trace_id) AS trace_id,
                any_value(f.thread_id) AS thread_id, any_value(s.name) {root} AS name,
                min(s.start_ns) AS start_ns, max(greatest(s.end_ns, s.start_ns)) AS end_ns,
                coalesce(any_value(s.duration_ms) {root}, max(s.duration_ms)) AS duration_ms,
                count(*) AS spans, count(*) FILTER (s.status = 'error') AS errors,
                count(*) FILTER (s.leaf_error) AS leaf_errors,
                count(*) FILTER ({CALL}) AS llm_calls,
                count(*) FILTER (s.kind = 'tool') AS tool_calls,
                CASE WHEN bool_or(s.status = 'error') THEN 'error' WHEN bool_or(s.status = 'ok') THEN 'ok'
                    ELSE 'unset' END AS status,
                sum(s.input_tokens) FILTER ({usage})::BIGINT AS input_tokens,
                sum(s.output_tokens) FILTER ({usage})::BIGINT AS output_tokens,
                {span_costs("s")},
                arg_min(s.ttft_ms, s.span_no) FILTER (s.ttft_ms IS NOT NULL) AS ttft_ms,
                list_sort(list(DISTINCT s.model) FILTER (s.kind IN ('llm', 'embedding') AND s.model IS NOT NULL))
                    AS models,
                {prompts.PROMPT_VERSIONS} AS prompt_versions,
                list_sort(list(DISTINCT s.tool_name) FILTER (s.tool_name IS NOT NULL)) AS tools,
                list_sort(list(DISTINCT s.kind)) AS kinds,
                coalesce(any_value(s.user_id) {root}, arg_min(s.user_id, s.span_no)) AS user_id,
                coalesce(any_value(s.environment) {root}, arg_min(s.environment, s.span_no)) AS environment,
                coalesce(any_value(s.tags) {root}, arg_min(s.tags, s.span_no)) AS tags,
                any_value(s.span_id) {root} AS root_span_id
            FROM {spans} s JOIN {roots} f USING (trace_no)
            GROUP BY s.trace_no
        ) a LEFT JOIN (
            SELECT trace_no, any_value(input) FILTER (role = 0) AS i0, any_value(input) FILTER (role = 1) AS i1,
                any_value(output) FILTER (role = 0) AS o0, any_value(output) FILTER (role = 2) AS o2
            FROM {previews} GROUP BY trace_no
        ) p USING (trace_no) ORDER BY a.trace_no"""


def threads_of(
    traces: str, first_thread: int = 0, where: str = "thread_id IS NOT NULL", at: str = IN_TIME
) -> str:
    """SELECT of the rows of the threads table from a table of traces, whose order in time is `at`."""
    return f"""SELECT row_number() OVER () - 1 + {first_thread}, * FROM (
        SELECT thread_id, count(*), sum(spans)::BIGINT, sum(errors)::BIGINT, sum(leaf_errors)::BIGINT,
            arg_min(input_preview, {at}), arg_max(output_preview, {at}), min(start_ns), max(end_ns),
            CASE WHEN max(end_ns) >= min(start_ns) THEN (max(end_ns)::HUGEINT - min(start_ns)) / 1e6 END,
            sum(input_tokens)::BIGINT, sum(output_tokens)::BIGINT, {summed_costs()}, arg_min(user_id, {at})
        FROM {traces} WHERE {where} GROUP BY thread_id ORDER BY min(start_ns) NULLS FIRST, thread_id
    )"""
