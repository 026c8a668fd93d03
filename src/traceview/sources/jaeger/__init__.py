"""Traces that were downloaded from Jaeger's UI or API as JSON."""

from __future__ import annotations

from traceview.sources.jaeger.format import JaegerJson

__all__ = ["JaegerJson"]
