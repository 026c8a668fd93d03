"""Targets: the lists that their rows stand in, and how a person names them."""

from __future__ import annotations

from traceview.model.errors import BadInput
from traceview.model.labels import DOCUMENT_MARK, Target, TargetKind, document_target
from traceview.store.interface import Engine, Level, Row

LEVELS: dict[TargetKind, Level] = {"trace": "traces", "thread": "threads", "span": "spans"}
ID_COLUMNS: dict[TargetKind, str] = {"trace": "trace_id", "thread": "thread_id", "span": "span_id"}


def target_of_row(kind: TargetKind, row: Row) -> Target:
    """The target of a row of a list."""
    return Target(kind, row[ID_COLUMNS[kind]], None if kind == "thread" else row["trace_id"])


def named_target(engine: Engine, text: str) -> Target:
    """The target of an id or its beginning; of `SPAN#doc:KEY` the document that a span retrieved. Raises BadInput."""
    id_, mark, key = text.partition(DOCUMENT_MARK)
    found = engine.resolve(id_)
    if not mark:
        return found
    if found.kind != "span" or not key:
        raise BadInput(f"{text!r} is no document: {id_} is a {found.kind}", hint="SPAN#doc:KEY")
    return document_target(found.trace_id or "", found.id, key)
