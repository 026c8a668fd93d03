"""Rows to export: the targets that a filter selects, with their whole texts, from an opened source."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from traceview.exports.base import ExportRow
from traceview.exports.document_rows import document_rows
from traceview.filters.ast import Node
from traceview.model.labels import Scope, Target, TargetKind
from traceview.store.interface import CancelToken, Engine, ListQuery, Row
from traceview.store.targets import ID_COLUMNS, LEVELS
from traceview.store.whole_texts import whole_texts

PAGE = 256


def export_rows(
    engine: Engine,
    kinds: Collection[Scope],
    filter: Node | None = None,
    *,
    only: Collection[Target] | None = None,
    token: CancelToken | None = None,
) -> Iterator[ExportRow]:
    """The targets of these kinds that match, newest first, a page at a time.

    With `only`, texts are read for those targets alone; the others come without texts, so that they count.
    Retrieved documents are told by `document_rows`.
    """
    wanted = None if only is None else {(target.kind, target.trace_id, target.id) for target in only}
    for kind in kinds:
        if kind == "document":
            yield from document_rows(engine, filter, only=only, token=token)
            continue
        selection = engine.select(ListQuery(LEVELS[kind], filter), token)
        for offset in range(0, len(selection), PAGE):
            rows = engine.rows(selection, offset, min(PAGE, len(selection) - offset), token).rows
            keys = [_key(kind, row) for row in rows]
            chosen = [row for row, key in zip(rows, keys, strict=True) if wanted is None or key in wanted]
            texts = dict(zip(map(id, chosen), whole_texts(engine, kind, chosen, token), strict=True))
            for row in rows:
                yield _export_row(kind, row, texts.get(id(row), (None, None)))


def _key(kind: TargetKind, row: Row) -> tuple[TargetKind, str | None, str]:
    trace_id = None if kind == "thread" else row["trace_id"]
    return kind, trace_id, row[ID_COLUMNS[kind]]


def _export_row(kind: TargetKind, row: Row, texts: tuple[str | None, str | None]) -> ExportRow:
    shape: dict[str, object] = dict(row)
    _, trace_id, target_id = _key(kind, row)
    shape |= {"target_kind": kind, "target_id": target_id, "trace_id": trace_id}
    if kind == "span":
        shape["models"] = [row["model"]] if row.get("model") else []
        pair = {"name": row.get("prompt_name"), "version": row.get("prompt_version")}
        shape["prompt_versions"] = [pair] if any(pair.values()) else []
    shape["input"], shape["output"] = texts
    return shape
