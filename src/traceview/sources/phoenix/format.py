"""Phoenix: spans dataframes (Parquet), spans of its API (JSON), annotations: what they look like."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.sources.base import CanonicalRow, Probe, ReadReport, ScoreRecord

TRACE = "context.trace_id"
SPAN = ("context.span_id", "__index_level_0__", "span_id")
_NEEDED = frozenset((TRACE, "span_kind", "start_time"))


class PhoenixSpans:
    """`client.spans.get_spans_dataframe().to_parquet(...)`, the same of older clients, and `get_spans()` as JSON."""

    name = "phoenix"

    def recognise(self, probe: Probe) -> bool:
        """True if the columns are those of a spans dataframe, or the keys those of the API's spans."""
        if probe.container == "json":
            return is_api_span(probe.first)
        columns = probe.columns.keys()
        return probe.container == "parquet" and columns >= _NEEDED and any(name in columns for name in SPAN)

    def read(self, probe: Probe, report: ReadReport) -> Iterator[list[CanonicalRow]]:
        """Batches of up to 2,000 rows, in the order of the file."""
        from traceview.sources.phoenix.reading import read

        return read(probe, report)


class PhoenixAnnotations:
    """`client.spans.get_span_annotations_dataframe()` saved as Parquet or CSV, and annotations of the API."""

    name = "phoenix annotations"

    def recognise(self, probe: Probe) -> bool:
        """True for annotations: what they are called and who gives them."""
        if probe.container == "json":
            first = _first(probe.first)
            names = set(first) if first else set(probe.top_keys)
            return names >= {"annotator_kind", "result"} or names >= _ANNOTATION
        return probe.container in ("csv", "parquet") and set(probe.columns) >= _ANNOTATION

    def read_scores(self, probe: Probe, report: ReadReport) -> Iterator[list[ScoreRecord]]:
        """Batches of scores."""
        from traceview.sources.phoenix.annotations import read_scores

        return read_scores(probe, report)


_ANNOTATION = frozenset(("annotation_name", "annotator_kind"))


def _first(value: object) -> dict[str, object] | None:
    """The first record of a list or of a page of the API, or the record itself."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else None


def is_api_span(value: object) -> bool:
    """True for a span as `client.spans.get_spans()` gives it, also in a list or a page."""
    first = _first(value)
    if first is None:
        return False
    context = first.get("context")
    return (
        isinstance(context, dict)
        and "span_id" in context
        and ("span_kind" in first or "status_code" in first)
    )
