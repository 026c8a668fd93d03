"""The columns of lists that the data name: `attr.KEY`, `score.NAME` and `score.NAME.SOURCE`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from traceview.model.labels import SCORE_SOURCES

if TYPE_CHECKING:
    from traceview.model.messages import SpanPayload
    from traceview.store.interface import Engine, Level, Row

ATTRIBUTE = "attr."
SCORE = "score."


def is_open(column: str) -> bool:
    """Whether a column is an attribute or a score."""
    return column.startswith((ATTRIBUTE, SCORE))


def open_values(
    engine: Engine,
    level: Level,
    rows: Sequence[Row],
    columns: Sequence[str],
    payloads: Sequence[SpanPayload] | None = None,
) -> list[dict[str, Any]]:
    """The values of these columns for each row; `payloads` are those of spans, where they are known already.

    A score is `{source: {annotator: value}}`, of one source `{annotator: value}`; an attribute of a span its value, of
    a trace or thread the different values of its spans, the earliest first, five at most. None where there is none.
    """
    wanted = [column for column in columns if column.startswith(ATTRIBUTE)]
    attributes: Sequence[Row] = [{} for _ in rows]
    if wanted and level == "spans":
        told = engine.payloads(rows) if payloads is None else payloads
        attributes = [
            {column: one.attributes.get(column.removeprefix(ATTRIBUTE)) for column in wanted} for one in told
        ]
    elif wanted:
        ids = [row["trace_id" if level == "traces" else "thread_id"] for row in rows]
        found = engine.extra(level, ids, wanted)
        attributes = [{column: list(one[column]) or None for column in wanted} for one in found]
    return [
        {column: _score(row, column) if column.startswith(SCORE) else told[column] for column in columns}
        for row, told in zip(rows, attributes, strict=True)
    ]


def _score(row: Row, column: str) -> Any:
    scores = row.get("scores") or {}
    name = column.removeprefix(SCORE)
    if name in scores:
        return scores[name]
    name, _, source = name.rpartition(".")
    return (scores.get(name) or {}).get(source) if source in SCORE_SOURCES else None


def open_cell(column: str, value: Any) -> str:
    """Such a value for people, safe to print: scores as `fail`, other sources than people after a dot."""
    from traceview.annotation.values import format_value
    from traceview.cli.output import cell
    from traceview.text.safe import safe_line

    if value is None or column.startswith(ATTRIBUTE):
        return cell(column, value)
    sources = value if all(isinstance(one, dict) for one in value.values()) else {"human": value}
    return safe_line(
        ", ".join(
            format_value(one) if source == "human" else f"{format_value(one)}·{source}"
            for source, values in sources.items()
            for one in values.values()
        )
    )
