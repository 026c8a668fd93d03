"""The columns of lists: what each field is called, how wide it is, when it leaves, and which are shown at first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from traceview.model.definitions import FeedbackDefinition
from traceview.model.fields import FIELD_BY_NAME, columns_of
from traceview.model.labels import RESERVED_NAMES, SCORE_SOURCES
from traceview.text.cells import width
from traceview.text.safe import safe_line
from traceview.tui.glyphs import SEPARATOR
from traceview.tui.rows import ListLevel, Row
from traceview.tui.widgets.columns import Column

SCORE = "score."
ATTRIBUTE = "attr."
TURNS = "turn_ms"
"""A column of threads that only lists have: how long each turn took, as a sparkline."""
NEWEST_FIRST = "start_time"

SOURCE_WORDS: Mapping[str, str] = {"judge": "llm"}
"""How a heading names a source of scores whose own name says less."""

_SPECS: Mapping[str, Column] = {
    column.key: column
    for column in (
        Column("start_time", "started", 12),
        Column("end_time", "ended", 12, rank=204),
        Column("status", "", 4),
        Column("name", "name", 12, flex=2, rank=6),
        Column("thread_id", "thread", 14, flex=1, rank=201),
        Column("trace_id", "trace", 14, flex=1, rank=201),
        Column("input_preview", "input", 22, flex=5),
        Column("first_input", "first input", 24, flex=5),
        Column("output_preview", "output", 16, flex=4, rank=200),
        Column("last_output", "last output", 16, flex=4, rank=200),
        Column("duration_ms", "time", 7, align="right", rank=1, bar=6),
        Column("ttft_ms", "ttft", 7, align="right", rank=8),
        Column("spans", "spans", 5, align="right", rank=5),
        Column("traces", "traces", 6, align="right", rank=1),
        Column(TURNS, "turns", 12, rank=8),
        Column("errors", "errors", 6, align="right", rank=8),
        Column("leaf_errors", "errors", 6, align="right", rank=8),
        Column("llm_calls", "calls", 5, align="right", rank=8),
        Column("tool_calls", "tools", 5, align="right", rank=8),
        Column("unsourced", "unsourced", 9, align="right", rank=8),
        Column("tokens", "tokens", 9, align="right", rank=4),
        Column("input_tokens", "in", 6, align="right", rank=8),
        Column("output_tokens", "out", 6, align="right", rank=8),
        Column("cost_usd", "cost", 9, align="right", rank=3, bar=4),
        Column("uncosted", "no cost", 7, align="right", rank=203),
        Column("prompt_versions", "version", 9, flex=1, rank=7),
        Column("models", "model", 12, flex=1, rank=201),
        Column("user_id", "user", 8, flex=1, rank=202),
        Column("environment", "env", 8, rank=203),
        Column("tags", "tags", 8, flex=1, rank=203),
    )
}
_TITLES: Mapping[ListLevel, Mapping[str, str]] = {"traces": {}, "threads": {"duration_ms": "lasted"}}

DEFAULTS: Mapping[ListLevel, tuple[str, ...]] = {
    "traces": (
        "start_time", "status", "name", "input_preview", "output_preview", "duration_ms", "spans", "tokens",
        "cost_usd", "prompt_versions", "models", "user_id",
    ),
    "threads": (
        "start_time", "status", "thread_id", "first_input", "last_output", "traces", TURNS, "duration_ms", "tokens",
        "cost_usd", "user_id",
    ),
}  # fmt: skip
"""What is shown where nobody chose; what has no room leaves by its rank."""

SCORE_WIDTH = 9
WIDEST_SCORE = 14
SCORE_RANK = 2
"""Of the first label column: on a narrow screen it stays longer than most."""
MORE_SCORES_RANK = 100
"""Of the others: they leave before any standard column, the last first, but after those that are nice to have."""
_UNSORTED = frozenset({TURNS})


def known_columns(level: ListLevel) -> tuple[str, ...]:
    """Every field of the list that is no score and no attribute: those of the default first."""
    rest = [field.name for field in columns_of(level) if field.name != "scores"]
    return tuple(dict.fromkeys((*DEFAULTS[level], *rest)))


def column_of(level: ListLevel, field: str) -> Column:
    """How a field is shown; an unknown one as text of some cells."""
    sort = None if field in _UNSORTED else field
    if field.startswith(SCORE):
        title = score_title(field)
        return Column(
            field,
            title,
            max(SCORE_WIDTH, min(WIDEST_SCORE, width(title))),
            rank=SCORE_RANK,
            sort=sort,
            counted=True,
        )
    if field.startswith(ATTRIBUTE):
        title = safe_line(field.removeprefix(ATTRIBUTE))
        return Column(field, title, max(8, min(16, width(title))), flex=1, rank=6, sort=sort)
    spec = _SPECS.get(field) or Column(field, safe_line(field), 10, rank=203)
    title = _TITLES[level].get(field, spec.title)
    return Column(field, title, spec.width, spec.flex, spec.align, spec.rank, sort, spec.counted, spec.bar)


def title_of(level: ListLevel, field: str) -> str:
    """What a field is called in lists of columns; a heading that is empty or says too little is the field's name."""
    return score_title(field) if field.startswith(SCORE) else column_of(level, field).title or field


def score_key(field: str) -> tuple[str, str]:
    """Name and source of a score's column, `score.NAME.SOURCE`; without a source that of people."""
    name, _, source = field.removeprefix(SCORE).rpartition(".")
    return (name, source) if name and source in SCORE_SOURCES else (field.removeprefix(SCORE), "human")


def score_title(field: str) -> str:
    """`grounded` for what people said, `grounded·llm` for what a judge said."""
    name, source = score_key(field)
    shown = safe_line(name)
    return shown if source == "human" else f"{shown}{SEPARATOR}{SOURCE_WORDS.get(source, source)}"


def scores_in(rows: Sequence[Row]) -> set[str]:
    """The columns of every score that these rows have; notes and the like are no scores."""
    return {
        f"{SCORE}{name}.{source}"
        for row in rows
        for name, by in (row.get("scores") or {}).items()
        if name not in RESERVED_NAMES
        for source, values in by.items()
        if values
    }


def score_order(fields: Collection[str], definitions: Sequence[FeedbackDefinition]) -> tuple[str, ...]:
    """Columns of scores in order: required definitions, the others, both as in their file, the rest; people first."""
    order = {definition.name: (not definition.required, at) for at, definition in enumerate(definitions)}

    def place(field: str) -> tuple[bool, bool, int, str, int]:
        name, source = score_key(field)
        return (source != "human", *order.get(name, (True, len(order))), name, SCORE_SOURCES.index(source))

    return tuple(sorted(fields, key=place))


def shown_columns(level: ListLevel, fields: Sequence[str]) -> tuple[Column, ...]:
    """Columns of these fields; of several scores all but the first leave before anything else does."""
    scores = 0
    found = []
    for field in fields:
        column = column_of(level, field)
        if column.counted:
            if scores:
                column = Column(
                    column.key,
                    column.title,
                    column.width,
                    rank=MORE_SCORES_RANK + scores,
                    sort=column.sort,
                    counted=True,
                )
            scores += 1
        found.append(column)
    return tuple(found)


def is_measure(field: str) -> bool:
    """Whether a column is a time, a figure, a score or an attribute: what the key for the next sort goes through."""
    known = FIELD_BY_NAME.get(field)
    return known is None or known.type in ("time", "duration_ms", "count", "money")


def extra_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """Those of the fields that rows do not carry: they are asked for once rows are there."""
    return tuple(field for field in fields if field == TURNS or field.startswith(ATTRIBUTE))
