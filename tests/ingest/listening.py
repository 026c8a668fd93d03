"""What tests of the receiver share: requests in both encodings, an inbox without a server, the rows of a store."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traceview.ingest.listen.append import Appender
from traceview.ingest.listen.bodies import count, decode
from traceview.ingest.listen.drain import Drain
from traceview.ingest.listen.inbox import Encoding, Received, Signal
from traceview.sources.parts import parts_in

FIXTURES = Path(__file__).parents[1] / "fixtures"
_IDS = ("traceId", "spanId", "parentSpanId")


def requests_of(path: Path) -> list[dict[str, Any]]:
    """The export requests of a file of OTLP JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def as_protobuf(signal: Signal, request: dict[str, Any]) -> bytes:
    """A request in OTLP's JSON (ids in hex) as protobuf."""
    message = ExportTraceServiceRequest() if signal == "traces" else ExportLogsServiceRequest()
    ParseDict(_with_base64(request), message, ignore_unknown_fields=True)
    return message.SerializeToString()


def _with_base64(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in _IDS and isinstance(item, str)
            else _with_base64(item)
            for key, item in value.items()
        }
    return [_with_base64(item) for item in value] if isinstance(value, list) else value


def put(store: Path, requests: Iterable[tuple[Signal, Encoding, bytes]]) -> None:
    """Put requests into a store's inbox, as the receiver does."""
    store.mkdir(exist_ok=True)
    appender = Appender(store, lambda: None)
    futures = []
    for signal, encoding, body in requests:
        usable = count(signal, decode(signal, encoding, body)).usable
        futures.append(appender.append(Received(signal, encoding, "identity", len(body), usable, body)))
    for future in futures:
        future.result(10)
    appender.close()


def put_json(store: Path, signal: Signal, *requests: dict[str, Any]) -> None:
    """Put requests in OTLP's JSON into a store's inbox."""
    put(store, [(signal, "json", json.dumps(one).encode()) for one in requests])


def drain(store: Path) -> list[Any]:
    """Write everything that waits; what each step did."""
    found = Drain(store)
    try:
        return list(_steps(found))
    finally:
        found.close()


def _steps(found: Drain) -> Iterator[Any]:
    while (step := found.step()) is not None:
        yield step


def all_rows(directory: Path) -> list[dict[str, Any]]:
    """Every row of every part, in order; times in nanoseconds."""
    rows = []
    for part in parts_in(directory):
        table = pq.read_table(part)
        for name in ("start_time", "end_time"):
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table.column(name).cast(pa.int64()))
        rows += table.to_pylist()
    return rows


def rows(directory: Path) -> dict[str, dict[str, Any]]:
    """The rows by span id as readers see them: the last of each."""
    return {row["span_id"]: row for row in all_rows(directory)}


def span(trace: int, number: int, **more: Any) -> dict[str, Any]:
    """A span in OTLP's JSON."""
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(10**18 + number),
        "endTimeUnixNano": str(10**18 + number + 5),
        **more,
    }


def request(*spans: Any) -> dict[str, Any]:
    """An export request with these spans."""
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": "test"}, "spans": list(spans)}]}]}


def message(trace: int, number: int, text: str, at: int = 1) -> dict[str, Any]:
    """An export request with one log record that is a message of a span."""
    record = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "timeUnixNano": str(10**18 + at),
        "eventName": "gen_ai.user.message",
        "body": {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": text}}]}},
    }
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
