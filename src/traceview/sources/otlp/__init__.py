"""OpenTelemetry (OTLP) JSON: lines, one object, an array, compressed or not."""

from __future__ import annotations

from traceview.sources.otlp.format import OtlpJson

__all__ = ["OtlpJson"]
