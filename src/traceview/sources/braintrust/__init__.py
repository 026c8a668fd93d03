"""Project logs of Braintrust: merged rows, or rows as its SDK sends them."""

from __future__ import annotations

from traceview.sources.braintrust.format import BraintrustLogs

__all__ = ["BraintrustLogs"]
