"""Rows of lists as candidates of a session: their ids, strata, figures and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine, Level, ListQuery

MOST_CANDIDATES = 1_000_000
PAGE = 10_000

Row = dict[str, Any]


def matching_rows(
    engine: Engine,
    query: ListQuery,
    token: CancelToken | None,
    on_progress: Callable[[int, int], object] | None,
) -> list[Row]:
    """Every row that matches, in the order of the list. Raises BadInput where they are too many to choose from."""
    selection = engine.select(query, token)
    if len(selection) > MOST_CANDIDATES:
        raise BadInput(
            f"{len(selection):,} items match, and a session chooses from {MOST_CANDIDATES:,} at most",
            hint="narrow the filter, last:7d say",
        )
    rows: list[Row] = []
    while len(rows) < len(selection):
        page = engine.rows(selection, len(rows), PAGE, token).rows
        if not page:
            break
        rows += page
        if on_progress is not None:
            on_progress(len(rows), len(selection))
    return rows


def extra_values(
    engine: Engine, level: Level, rows: Sequence[Row], field: str, token: CancelToken | None
) -> dict[str, Any]:
    """Values of `attr.KEY`, which rows do not carry, by the rows' ids."""
    if not field.startswith("attr."):
        return {}
    found: dict[str, Any] = {}
    for start in range(0, len(rows), PAGE):
        some = rows[start : start + PAGE]
        ids = [str(row["span_id"]) if level == "spans" else row_id(level, row) for row in some]
        extra = engine.extra(level, ids, [field], token)
        found |= {row_id(level, row): one.get(field) for row, one in zip(some, extra, strict=True)}
    return found


def row_id(level: Level, row: Row) -> str:
    """What names a row in its list; ids of spans are their own in their trace only."""
    return key_of_target(target_of_row(level, row))


def target_of_row(level: Level, row: Row) -> Target:
    """The target that a row of a list is about."""
    if level == "threads":
        return Target("thread", str(row["thread_id"]))
    trace = str(row["trace_id"])
    return Target("span", str(row["span_id"]), trace) if level == "spans" else Target("trace", trace, trace)


def key_of_target(target: Target) -> str:
    """What names a target among those of its kind, as `row_id` does."""
    return f"{target.trace_id}\x1f{target.id}" if target.kind == "span" else target.id


def thread_of_row(row: Row) -> str | None:
    """The thread of a row; None if it has none."""
    thread = row.get("thread_id")
    return None if thread is None else str(thread)


def stratum_of(value: Any) -> str | None:
    """A value as a stratum: several values are one stratum together."""
    if value is None or value == () or value == []:
        return None
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(stratum_of, value))) or None
    if isinstance(value, dict):
        name = "@".join(str(value[key]) for key in ("name", "version") if value.get(key))
        return name or None
    return str(value)


def figures_of(row: Row) -> dict[str, float | None]:
    """What is odd about an item when it is large or small."""
    tokens = [row.get("input_tokens"), row.get("output_tokens")]
    return {
        "duration": row.get("duration_ms"),
        "tokens": sum(one for one in tokens if one is not None)
        if any(one is not None for one in tokens)
        else None,
        "cost": row.get("cost_usd"),
        "spans": row.get("spans"),
    }


def text_of(row: Row) -> str:
    """What was asked and answered, as far as the row tells."""
    names = ("input_preview", "output_preview", "first_input", "last_output")
    return "\n".join(str(row[name]) for name in names if row.get(name))
