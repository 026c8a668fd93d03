"""What a field of a filter can be completed to: its values in the index, and the names and values of scores."""

from __future__ import annotations

from traceview.store.duck import attributes, mirror
from traceview.store.duck.connection import Database, text
from traceview.store.duck.indexes import Index
from traceview.store.interface import CancelToken


def values(
    database: Database, index: Index, name: str, prefix: str, limit: int, token: CancelToken | None = None
) -> tuple[str, ...]:
    """Values of a field that start with, then contain a prefix, the most frequent first."""
    source = _values_of(index, name)
    if source is None:
        return ()
    found = database.fetch(
        f"""SELECT v FROM (SELECT CAST(v AS VARCHAR) AS v, count(*) AS n FROM ({source}) GROUP BY 1)
        WHERE v IS NOT NULL AND v <> '' AND contains(lower(v), lower($prefix))
        ORDER BY starts_with(lower(v), lower($prefix)) DESC, n DESC, v LIMIT {int(limit)}""",
        {"prefix": prefix},
        token,
    )
    return tuple(value for (value,) in found)


def _values_of(index: Index, name: str) -> str | None:
    """SELECT of all values of a field as `v`; None if it has none to offer."""
    from_scores = {
        "score": "name",
        "label": "name",
        "annotator": "annotator",
        "session": "session",
    }
    if name == "bad":
        marked = f"SELECT trace_id, value FROM {mirror.TABLE} WHERE name = 'first_bad'"
        spans = f"{index.spans} WHERE (trace_id, span_id) IN ({marked})"
        called = f"SELECT unnest([kind, tool_name, name]) AS v FROM {spans}"
        return f"SELECT name AS v FROM {mirror.TABLE} WHERE bad UNION ALL {called}"
    if name in from_scores:
        more = " WHERE source = 'human' AND name NOT IN ('note', 'mode', 'first_bad', 'correction')"
        return f"SELECT {from_scores[name]} AS v FROM {mirror.TABLE}{more if name == 'label' else ''}"
    if name == "attr":
        return attributes.names(index)
    if name == "mode" or name.startswith("score."):
        score = text(name.removeprefix("score."))
        return f"SELECT unnest(items) AS v FROM {mirror.TABLE} WHERE name = {score}"
    if name == "prompt_versions":
        return (
            "SELECT coalesce(p.name, '') || '@' || coalesce(p.version, '') AS v "
            f"FROM (SELECT unnest(prompt_versions) AS p FROM {index.traces})"
        )
    if name in ("prompt_name", "prompt_version"):
        return f"SELECT p.{name[7:]} AS v FROM (SELECT unnest(prompt_versions) AS p FROM {index.traces})"
    if name == "tags":
        return f"SELECT unnest(tags) AS v FROM {index.spans} WHERE tags IS NOT NULL"
    listed = {"models": "models", "tool_name": "tools", "kind": "kinds"}.get(name)
    if listed is not None:
        return f"SELECT unnest({listed}) AS v FROM {index.traces}"
    if name in ("trace_id", "name", "status"):
        table = index.traces if name != "name" else index.spans
        return f"SELECT {name} AS v FROM {table}"
    if name == "thread_id":
        return f"SELECT thread_id AS v FROM {index.threads}"
    if name in (
        "model", "provider", "operation", "service_tier", "user_id", "environment", "service", "release", "feature",
        "finish_reason", "outcome", "fallback", "payload_state", "source", "error_type", "span_id",
        "error_message",
    ):  # fmt: skip
        return f"SELECT {name} AS v FROM {index.spans} WHERE {name} IS NOT NULL"
    return None
