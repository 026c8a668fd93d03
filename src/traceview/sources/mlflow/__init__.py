"""Traces of MLflow: JSON of `Trace.to_json()`, and tables of `search_traces()`."""

from __future__ import annotations

from traceview.sources.mlflow.format import MlflowTraces

__all__ = ["MlflowTraces"]
