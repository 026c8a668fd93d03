"""Exports of Opik: `opik export`, as JSON or CSV."""

from __future__ import annotations

from traceview.sources.opik.format import OpikExport

__all__ = ["OpikExport"]
