"""Answers of the OTLP/HTTP protocol: success, partial success, and errors as a `google.rpc.Status`.

Source: the OTLP specification, section OTLP/HTTP. An answer is encoded as the request was. Errors that a sender may
try again are 429 and 503, with Retry-After.
"""

from __future__ import annotations

import orjson
from google.rpc.status_pb2 import Status
from msgspec import Struct, field
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from traceview.ingest.listen.inbox import Encoding

CONTENT_TYPES: dict[Encoding, str] = {"protobuf": "application/x-protobuf", "json": "application/json"}
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 429: 8, 503: 14}
"""HTTP status to the code of google.rpc."""


class Answer(Struct, frozen=True):
    """Status, body and headers beside the usual ones."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that is answered with an error. `again` is the number of seconds after which it may be repeated.

    `close` ends the connection: what is still on its way on it is not read.
    """

    def __init__(self, status: int, message: str, *, again: int | None = None, close: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.again = again
        self.close = close


def accepted(signal: str, encoding: Encoding, rejected: int, message: str) -> Answer:
    """200: everything is kept, or all but `rejected` records, for the reason in `message`."""
    if encoding == "json":
        name = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}[
            signal
        ]
        partial = {"partialSuccess": {name: str(rejected), "errorMessage": message}} if rejected else {}
        return Answer(200, orjson.dumps(partial), CONTENT_TYPES[encoding])
    response: ExportTraceServiceResponse | ExportLogsServiceResponse | ExportMetricsServiceResponse
    if signal == "traces":
        response = ExportTraceServiceResponse()
        response.partial_success.rejected_spans = rejected
    elif signal == "logs":
        response = ExportLogsServiceResponse()
        response.partial_success.rejected_log_records = rejected
    else:
        response = ExportMetricsServiceResponse()
        response.partial_success.rejected_data_points = rejected
    if rejected:
        response.partial_success.error_message = message
    else:
        response.ClearField("partial_success")
    return Answer(200, response.SerializeToString(), CONTENT_TYPES[encoding])


def refused(refusal: Refusal, encoding: Encoding) -> Answer:
    """The error as a Status in the encoding of the request."""
    headers = {}
    if refusal.again is not None:
        headers["retry-after"] = str(refusal.again)
    if refusal.close:
        headers["connection"] = "close"
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refusal.status == 405:
        headers["allow"] = "POST"
    code = _CODES.get(refusal.status, 2)
    if encoding == "json":
        body = orjson.dumps({"code": code, "message": refusal.message})
    else:
        body = Status(code=code, message=refusal.message).SerializeToString()
    return Answer(refusal.status, body, CONTENT_TYPES[encoding], headers)
