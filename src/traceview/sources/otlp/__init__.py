"""OpenTelemetry (OTLP): JSON (lines, one object, an array) and protobuf, compressed or not."""

from __future__ import annotations

from traceview.sources.otlp.format import OtlpJson, OtlpProtobuf

__all__ = ["OtlpJson", "OtlpProtobuf"]
