"""Rows to export of retrieved documents: what was asked, the document, its rank."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from traceview.annotation.retrieved import RETRIEVERS
from traceview.exports.base import ExportRow
from traceview.filters.ast import Compare, Node, Text, all_of
from traceview.filters.parser import parse
from traceview.model.labels import Target, document_keys, document_target
from traceview.store.interface import CancelToken, Engine, ListQuery

PAGE = 256


def document_rows(
    engine: Engine,
    filter: Node | None = None,
    *,
    only: Collection[Target] | None = None,
    token: CancelToken | None = None,
) -> Iterator[ExportRow]:
    """The documents of the retrievals that match, in their order: all of retrievers and rerankers.

    With `only` those of the spans that retrieved one of these, whatever kind they are. `input` is what was asked,
    `output` the text of the document; the rest is of the span. One that comes twice is where it came first.
    """
    if only is None:
        wanted = all_of(filter, parse(RETRIEVERS))
    else:
        traces = sorted({target.trace_id or "" for target in only if target.document is not None})
        if not traces:
            return
        wanted = all_of(filter, Compare("trace_id", ":", tuple(map(Text, traces))))
    spans = (
        None if only is None else {(target.trace_id, target.span_id) for target in only if target.document}
    )
    selection = engine.select(ListQuery("spans", wanted), token)
    for offset in range(0, len(selection), PAGE):
        rows = engine.rows(selection, offset, min(PAGE, len(selection) - offset), token).rows
        rows = tuple(row for row in rows if spans is None or (row["trace_id"], row["span_id"]) in spans)
        for row, payload in zip(rows, engine.payloads(rows, token), strict=True):
            seen: set[str] = set()
            keys = document_keys(one.id for one in payload.documents)
            for rank, (key, document) in enumerate(zip(keys, payload.documents, strict=True), start=1):
                if key in seen:
                    continue
                seen.add(key)
                target = document_target(row["trace_id"], row["span_id"], key)
                yield dict(row) | {
                    "target_kind": "document",
                    "target_id": target.id,
                    "models": [row["model"]] if row.get("model") else [],
                    "prompt_versions": [],
                    "document_id": document.id,
                    "document_rank": rank,
                    "document_score": document.score,
                    "input": payload.input_text,
                    "output": document.text,
                }
