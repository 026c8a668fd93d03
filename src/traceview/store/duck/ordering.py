"""The order of lists as SQL: fields of the rows, scores beside them, attributes of their spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traceview.model.errors import BadInput
from traceview.model.fields import FIELD_BY_NAME, FIELDS, Field
from traceview.model.labels import SCORE_SOURCES
from traceview.store.duck.compile import ALIAS, own_column
from traceview.store.duck.connection import text
from traceview.store.interface import Level, SortKey

_NO_COLUMN = frozenset(
    {"since", "until", "last", "signal", "score", "scores", "attr", "label", "note", "correction"}
    | {"mode", "bad", "annotator", "session", "input", "output"}
)
"""Fields that stand on no row in one value."""


def order_by(
    sort: Sequence[SortKey],
    level: Level,
    *,
    scores: str = "",
    traces: str = "",
    attributes: Mapping[str, str] | None = None,
) -> str:
    """The ORDER BY list: the keys, then newest first. Raises BadInput for a field that rows cannot be sorted by.

    `scores` and `traces` are the FROM items that a score and an attribute of threads are looked up in, `attributes`
    the tables of the attributes by key (see `Extra.tables`). Numbers come before texts.
    """
    alias = ALIAS[level]
    keys = []
    for key in sort:
        kind, _, name = key.field.partition(".")
        if kind in ("score", "attr") and name:
            direction = "DESC" if key.descending else "ASC"
            found = (
                _score_columns(name, level, scores)
                if kind == "score"
                else _attribute_columns(name, level, (attributes or {}).get(name, ""), traces)
            )
            keys += [f"({column}) {direction} NULLS LAST" for column in found]
            continue
        known = FIELD_BY_NAME.get(key.field)
        if known is None or not _sortable(known, level):
            names = sorted(one.name for one in FIELDS if _sortable(one, level))
            raise BadInput(f"{level} cannot be sorted by {key.field!r}", hint=f"sort by {', '.join(names)}")
        column = own_column(known.name, level)
        keys.append(f"{column} {'DESC' if key.descending else 'ASC'} NULLS LAST")
    keys += [f"{alias}.start_ns DESC NULLS LAST", f"{alias}.{level[:-1]}_no DESC"]
    return ", ".join(keys)


def _score_columns(name: str, level: Level, scores: str) -> tuple[str, ...]:
    """SQL of what rows are sorted by for a score: its number (the mean over annotators of a source), its text."""
    if not scores:
        raise BadInput(f"{level} cannot be sorted by score.{name} here")
    head, _, source = name.rpartition(".")
    where = f"c.target_kind = '{level[:-1]}' AND c.target_id = {ALIAS[level]}.{level[:-1]}_id"
    if head and source in SCORE_SOURCES:
        where += f" AND c.name = {text(head)} AND c.source = '{source}'"
    else:
        where += f" AND c.name = {text(name)}"
    if level == "spans":
        where += " AND c.trace_id = s.trace_id"
    return tuple(
        f"SELECT {value} FROM {scores} c WHERE {where}" for value in ("avg(c.number)", "min(c.value)")
    )


def _attribute_columns(key: str, level: Level, table: str, traces: str) -> tuple[str, ...]:
    """SQL of what rows are sorted by for an attribute: its first value as a number, as a text."""
    if level == "spans" or not table:
        raise BadInput(f"{level} cannot be sorted by attr.{key}")
    rows = f"{table} a WHERE a.trace_no = t.trace_no"
    if level == "threads":
        rows = f"{table} a JOIN {traces} m ON m.trace_no = a.trace_no WHERE m.thread_id = h.thread_id"
    return tuple(f"SELECT min({value}) FROM {rows}" for value in ("TRY_CAST(a.v[1] AS DOUBLE)", "a.v[1]"))


def _sortable(known: Field, level: Level) -> bool:
    """What lists show they sort by, and what stands on their rows in one value."""
    if known.name in _NO_COLUMN:
        return False
    if level in known.columns:
        return True
    return level in known.levels and known.type not in ("list", "fulltext")
