"""Rows to export: the targets that a filter selects, with their whole texts, from an opened source."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from traceview.exports.base import ExportRow
from traceview.filters.ast import Node
from traceview.model.labels import Target, TargetKind
from traceview.model.messages import SpanPayload
from traceview.store.interface import CancelToken, Engine, Level, ListQuery, Row

LEVELS: dict[TargetKind, Level] = {"trace": "traces", "thread": "threads", "span": "spans"}
ID_COLUMNS: dict[TargetKind, str] = {"trace": "trace_id", "thread": "thread_id", "span": "span_id"}
PAGE = 256


def export_rows(
    engine: Engine,
    kinds: Collection[TargetKind],
    filter: Node | None = None,
    *,
    only: Collection[Target] | None = None,
    token: CancelToken | None = None,
) -> Iterator[ExportRow]:
    """The targets of these kinds that match, newest first, a page at a time.

    With `only`, texts are read for those targets alone; the others come without texts, so that they count.
    """
    wanted = None if only is None else {(target.kind, target.trace_id, target.id) for target in only}
    for kind in kinds:
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


def whole_texts(
    engine: Engine,
    kind: TargetKind,
    rows: Sequence[Row],
    token: CancelToken | None,
    *,
    limit: int | None = None,
) -> list[tuple[str | None, str | None]]:
    """Whole input and output of each row: a span's own, a trace's of its root, a thread's first and last.

    With a `limit`, of texts over so many bytes only the beginnings, which is far cheaper for large ones.
    """
    if not rows:
        return []
    if kind == "span":
        return [(one.input_text, one.output_text) for one in _payloads(engine, rows, token, limit)]
    if kind == "trace":
        found = _trace_texts(engine, [row["trace_id"] for row in rows], token, limit)
        return [found[row["trace_id"]] for row in rows]
    ends = {}
    for row in rows:
        traces = engine.thread(row["thread_id"], token).traces
        ends[row["thread_id"]] = (traces[0]["trace_id"], traces[-1]["trace_id"])
    found = _trace_texts(
        engine, list(dict.fromkeys(id for pair in ends.values() for id in pair)), token, limit
    )
    return [(found[first][0], found[last][1]) for first, last in (ends[row["thread_id"]] for row in rows)]


def _payloads(
    engine: Engine, spans: Sequence[Row], token: CancelToken | None, limit: int | None
) -> Sequence[SpanPayload]:
    if limit is None:
        return engine.payloads(spans, token)
    return [payload for payload, _ in engine.beginnings(spans, limit, token)]


def _trace_texts(
    engine: Engine, trace_ids: Sequence[str], token: CancelToken | None, limit: int | None
) -> dict[str, tuple[str | None, str | None]]:
    """The root's input and output; where it has none, the first model call's input and the last one's output.

    The payloads of all traces are read at once: each query over the source's file costs more than a trace does.
    """
    by_trace: dict[str, list[Row]] = {trace_id: [] for trace_id in trace_ids}
    for span in engine.ends(trace_ids, token):
        by_trace[span["trace_id"]].append(span)
    chosen: dict[str, tuple[int, list[Row]]] = {}
    for trace_id, spans in by_trace.items():
        roots = [span for span in spans if not span["parent_id"]][:1]
        calls = [span for span in spans if span["kind"] == "llm"]
        chosen[trace_id] = len(roots), [*roots, *calls[:1], *calls[-1:]]
    wanted = [span for _, spans in chosen.values() for span in spans]
    payloads = iter(_payloads(engine, wanted, token, limit))
    texts: dict[str, tuple[str | None, str | None]] = {}
    for trace_id, (roots_count, candidates) in chosen.items():
        own: list[SpanPayload] = list(islice(payloads, len(candidates)))
        inputs = [payload.input_text for payload in own]
        outputs = [payload.output_text for payload in (*own[:roots_count], *reversed(own))]
        texts[trace_id] = next(filter(None, inputs), None), next(filter(None, outputs), None)
    return texts
