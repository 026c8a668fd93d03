"""How a call ended, and whether another model answered than was asked: SQL of two columns of the index."""

from __future__ import annotations

from traceview.model.outcomes import FILTERED, TRUNCATED
from traceview.store.duck.connection import text


def outcome() -> str:
    """SQL of the outcome of the span `p`: an error comes before what the model said of its stop."""
    reason = "lower(regexp_replace(coalesce(p.finish_reason, ''), '[^a-zA-Z]+', '_', 'g'))"
    filtered, truncated = (", ".join(text(word) for word in sorted(words)) for words in (FILTERED, TRUNCATED))
    return (
        f"CASE WHEN p.status = 'error' THEN 'error' WHEN {reason} IN ({filtered}) THEN 'filtered' "
        f"WHEN {reason} IN ({truncated}) THEN 'truncated' ELSE p.status END"
    )


def fallback() -> str:
    """SQL of whether another model answered the call `p` than was asked, `yes` or `no`; NULL of other spans.

    Either the answer names another model than the request, or a call under the same parent failed before with
    another model. `r` and `q` are the rows of `models` of the model that answered and of the one requested; `b` is
    the row of `switched` of the span.
    """
    renamed = "q.model IS NOT NULL AND q.bands IS NOT NULL AND r.name IS NOT NULL AND q.name <> r.name"
    return (
        f"CASE WHEN p.kind NOT IN ('llm', 'embedding') THEN NULL WHEN ({renamed}) OR b.span_no IS NOT NULL "
        "THEN 'yes' ELSE 'no' END"
    )


def switched(part: str, models: str) -> str:
    """SELECT of the calls in `part` before which a sibling failed with another model."""
    return f"""SELECT span_no FROM (
        SELECT p.span_no, p.status, r.name, lag(p.status) OVER siblings AS status_before,
            lag(r.name) OVER siblings AS name_before
        FROM {part} p JOIN {models} r ON r.model = p.model
        WHERE p.kind = 'llm' AND p.trace_no IN (SELECT trace_no FROM {part} WHERE status = 'error' AND kind = 'llm')
        WINDOW siblings AS (PARTITION BY p.trace_no, p.parent_id ORDER BY p.start_ns, p.span_no)
    ) WHERE status_before = 'error' AND name_before <> name"""
