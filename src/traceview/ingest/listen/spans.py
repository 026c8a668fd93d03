"""Requests -> canonical rows, through the same mapping as files: protobuf spans become what JSON spans become."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from traceview.sources.base import CanonicalRow, ReadReport
from traceview.sources.otlp.binary import BinaryRequest
from traceview.sources.otlp.logs import LogEvents
from traceview.sources.otlp.reading import request_rows


def rows_of(request: Any, where: str, report: ReadReport, logs: LogEvents) -> Iterator[CanonicalRow]:
    """The rows of a decoded request of traces; what cannot be kept goes to `report`."""
    told = BinaryRequest(request) if isinstance(request, Message) else request
    return request_rows(told, where, report, logs)
