"""The whole input and output of spans, traces and threads; a trace has those of its ends, and so has a thread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from traceview.model.labels import TargetKind
from traceview.model.messages import SpanPayload
from traceview.store.interface import CancelToken, Engine, Row


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
        return engine.payloads(spans, token, raw=False)
    return [payload for payload, _ in engine.beginnings(spans, limit, token, raw=False)]


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
