"""What passes over traces find out: one function for each figure that is derived from texts."""

from __future__ import annotations

from traceview.model.messages import SpanPayload
from traceview.sources.payload import payload_of
from traceview.store.provenance import SPOKEN_COLUMNS, unsourced_of
from traceview.store.scan import TraceTexts


def count_unsourced(traces: list[TraceTexts]) -> int:
    """How many facts of the answer of the one trace nothing before it holds."""
    (trace,) = traces
    spans, stored = trace.spans, trace.stored

    def spoken(at: int) -> SpanPayload:
        row = stored[at]
        return payload_of({"kind": spans[at]["kind"], **{name: row.get(name) for name in SPOKEN_COLUMNS}})

    return len(unsourced_of(spans, stored, spoken))
