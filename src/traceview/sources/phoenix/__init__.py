"""Phoenix: spans in Parquet or JSON, and annotations."""

from __future__ import annotations

from traceview.sources.phoenix.format import PhoenixAnnotations, PhoenixSpans

__all__ = ["PhoenixAnnotations", "PhoenixSpans"]
