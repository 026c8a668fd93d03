"""Targets: the lists that their rows stand in, and how a person names them."""

from __future__ import annotations

from traceview.model.errors import BadInput
from traceview.model.labels import DOCUMENT_MARK, Target, TargetKind, document_keys, document_target
from traceview.store.interface import Engine, Level, Row

LEVELS: dict[TargetKind, Level] = {"trace": "traces", "thread": "threads", "span": "spans"}
ID_COLUMNS: dict[TargetKind, str] = {"trace": "trace_id", "thread": "thread_id", "span": "span_id"}

SHOWN_KEYS = 5


def target_of_row(kind: TargetKind, row: Row) -> Target:
    """The target of a row of a list."""
    return Target(kind, row[ID_COLUMNS[kind]], None if kind == "thread" else row["trace_id"])


def named_target(engine: Engine, text: str, *, gone_too: bool = False) -> Target:
    """The target of an id or its beginning; of `SPAN#doc:KEY` the document that a span retrieved, by its key or rank.

    Raises BadInput, for a document that the span did not retrieve too, unless `gone_too`.
    """
    id_, mark, key = text.partition(DOCUMENT_MARK)
    found = engine.resolve(id_)
    if not mark:
        return found
    if found.kind != "span" or not key:
        raise BadInput(f"{text!r} is no document: {id_} is a {found.kind}", hint="SPAN#doc:KEY")
    keys = _documents(engine, found)
    ranks = {f"#{rank}": one for rank, one in enumerate(keys, start=1)}
    if key not in keys and key not in ranks and not gone_too:
        shown = ", ".join(keys[:SHOWN_KEYS]) + (", …" if len(keys) > SHOWN_KEYS else "")
        raise BadInput(
            f"span {found.id} retrieved no document {key!r}",
            hint=f"it retrieved {shown}" if keys else "it retrieved nothing",
        )
    return document_target(found.trace_id or "", found.id, key if key in keys else ranks.get(key, key))


def _documents(engine: Engine, span: Target) -> tuple[str, ...]:
    """The keys of the documents of a span in their order."""
    rows = [row for row in engine.trace(span.trace_id or "").spans if row["span_id"] == span.id]
    return document_keys(one.id for payload in engine.payloads(rows[:1]) for one in payload.documents)
