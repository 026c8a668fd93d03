"""The formats, in the order in which they are asked; a new one is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.sources.base import ConvertedFormat, InPlaceFormat, Probe, ScoreFormat
from traceview.sources.braintrust import BraintrustLogs
from traceview.sources.chat_logs import ChatLogs
from traceview.sources.claude_code import ClaudeCodeTranscripts
from traceview.sources.jaeger import JaegerJson
from traceview.sources.langfuse import LangfuseExport, LangfuseScores
from traceview.sources.langsmith import LangSmithFeedback, LangSmithRuns
from traceview.sources.mlflow import MlflowTraces
from traceview.sources.opik import OpikExport
from traceview.sources.otlp import OtlpJson, OtlpProtobuf
from traceview.sources.phoenix import PhoenixAnnotations, PhoenixSpans
from traceview.sources.probe import refusal, refuse_own
from traceview.sources.store_scores import StoreScores
from traceview.sources.tabled import TabledRecords
from traceview.sources.tables import CanonicalTables, RecognisableTables

SCORE_FORMATS: tuple[ScoreFormat, ...] = (
    StoreScores(),
    LangSmithFeedback(),
    LangfuseScores(),
    PhoenixAnnotations(),
)
"""Files of scores alone; asked before the formats of spans."""

FORMATS: tuple[InPlaceFormat | ConvertedFormat | TabledRecords, ...] = (
    OtlpJson(),
    OtlpProtobuf(),
    JaegerJson(),
    MlflowTraces(),
    OpikExport(),
    LangSmithRuns(),
    BraintrustLogs(),
    LangfuseExport(),
    ClaudeCodeTranscripts(),
    PhoenixSpans(),
    CanonicalTables(),
    RecognisableTables(),
    ChatLogs(),
    TabledRecords(),
)

KNOWN = (
    "Parquet, DuckDB, CSV and JSON tables",
    "OpenTelemetry (OTLP) JSON and protobuf",
    "exports of Phoenix, Langfuse, LangSmith, MLflow, Opik, Braintrust and Jaeger",
    "Claude Code transcripts",
    "chat logs",
)
"""What people are told that can be read."""


def detect(
    probe: Probe, overrides: Mapping[str, str] | None = None
) -> InPlaceFormat | ConvertedFormat | ScoreFormat | TabledRecords:
    """The first format that recognises the file; never one of our own exports.

    A table that none recognises is still read if overrides map its columns. Raises BadInput that says what was
    seen and how to map it.
    """
    refuse_own(probe)
    # scores are known by a whole record: keys at the start of a large value may be anything's
    scores = SCORE_FORMATS if probe.container != "json" or probe.first is not None else ()
    for candidate in (*scores, *FORMATS):
        if candidate.recognise(probe):
            return candidate
    if any(name != "table" for name in overrides or {}):
        if probe.container in ("parquet", "duckdb"):
            return RecognisableTables()
        if probe.container in ("csv", "json"):
            return TabledRecords()
    raise refusal(probe, KNOWN)
