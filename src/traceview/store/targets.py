"""Targets and the lists that their rows stand in."""

from __future__ import annotations

from traceview.model.labels import Target, TargetKind
from traceview.store.interface import Level, Row

LEVELS: dict[TargetKind, Level] = {"trace": "traces", "thread": "threads", "span": "spans"}
ID_COLUMNS: dict[TargetKind, str] = {"trace": "trace_id", "thread": "thread_id", "span": "span_id"}


def target_of_row(kind: TargetKind, row: Row) -> Target:
    """The target of a row of a list."""
    return Target(kind, row[ID_COLUMNS[kind]], None if kind == "thread" else row["trace_id"])
