"""LangSmith: runs as JSON lines, bulk exports in Parquet, feedback."""

from __future__ import annotations

from traceview.sources.langsmith.format import LangSmithFeedback, LangSmithRuns

__all__ = ["LangSmithFeedback", "LangSmithRuns"]
