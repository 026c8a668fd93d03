"""Phoenix spans dataframes in Parquet."""

from __future__ import annotations

from traceview.sources.phoenix.format import PhoenixSpans

__all__ = ["PhoenixSpans"]
