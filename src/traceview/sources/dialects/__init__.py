"""Attribute families: one module each, asked in this order; the first that knows a field gives it.

A further family is one module with a `DIALECT` and one line here.
"""

from __future__ import annotations

from traceview.sources.dialects import genai, langfuse, langsmith, mlflow, openinference, openllmetry, vercel
from traceview.sources.dialects.base import Dialect

DIALECTS: tuple[Dialect, ...] = (
    openinference.DIALECT,
    langfuse.DIALECT,
    genai.DIALECT,
    openllmetry.DIALECT,
    mlflow.DIALECT,
    langsmith.DIALECT,
    vercel.DIALECT,
)
"""The order is that in which the writers' words for the kind of a span are believed."""
