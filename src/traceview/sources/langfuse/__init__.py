"""Langfuse: observations, traces and scores of its exports and of its API."""

from __future__ import annotations

from traceview.sources.langfuse.format import LangfuseExport, LangfuseScores

__all__ = ["LangfuseExport", "LangfuseScores"]
