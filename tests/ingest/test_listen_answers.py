"""What senders are answered: OTLP's own success, partial success and errors, in the encoding of the request."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from listening import as_protobuf, message, request, span
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from traceview.ingest.listen import append, application, bodies
from traceview.ingest.listen.append import Appender
from traceview.ingest.listen.application import Receiver
from traceview.ingest.listen.bodies import decode
from traceview.ingest.listen.figures import Figures
from traceview.ingest.listen.inbox import NAME, Received, backlog, open_inbox
from traceview.ingest.listen.limits import Limits
from traceview.ingest.listen.spans import rows_of
from traceview.sources.base import ReadReport
from traceview.sources.otlp.logs import LogEvents

LIMITS = Limits(
    request_bytes=4096, backlog_bytes=8192, flight_bytes=16384, flight_requests=2, body_seconds=0.2
)
BODY = json.dumps(request(span(1, 1))).encode()


@dataclass
class Asked:
    """A request; `pieces` None never ends."""

    path: str = "/v1/traces"
    pieces: Iterable[bytes] | None = (BODY,)
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class Running:
    """The application over a store's inbox, asked without a server."""

    def __init__(self, store: Path, token: str | None = None) -> None:
        store.mkdir(exist_ok=True)
        self.store = store
        self.figures = Figures()
        self.appender = Appender(store, lambda: None)
        self.app = Receiver(self.appender, LIMITS, self.figures, token)

    def ask(self, *asked: Asked) -> list[tuple[int, dict[str, str], bytes]]:
        """The answers to requests that come at the same time."""

        async def together() -> list[Any]:
            return await asyncio.gather(*(self._one(one) for one in asked))

        return asyncio.run(together())

    async def _one(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        pieces = list(asked.pieces) if asked.pieces is not None else None
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if pieces is None:
                await asyncio.sleep(60)
            assert pieces is not None
            piece = pieces.pop(0) if pieces else b""
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(told: Any) -> None:
            sent.append(told)

        scope = {
            "type": "http",
            "method": asked.method,
            "path": asked.path,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in asked.headers.items()],
        }
        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, sent[1]["body"]

    def waiting(self) -> tuple[int, int]:
        """Requests and spans in the inbox."""
        with open_inbox(self.store) as connection:
            found = backlog(connection)
        return found.requests, found.spans


@pytest.fixture
def running(tmp_path: Path) -> Any:
    one = Running(tmp_path / "store")
    yield one
    one.appender.close()


def test_what_is_answered_with_200_is_in_the_inbox(running: Running) -> None:
    packed = {"content-type": "application/x-protobuf; x=y", "content-encoding": "gzip"}
    answers = running.ask(
        Asked(),
        Asked("/api/public/otel/v1/traces/", [BODY[:10], BODY[10:]]),
    ) + running.ask(
        Asked(pieces=[gzip.compress(as_protobuf("traces", request(span(1, 2), span(1, 3))))], headers=packed),
        Asked(
            "/v1/logs",
            [as_protobuf("logs", message(1, 1, "hello"))],
            headers={"content-type": packed["content-type"]},
        ),
    )
    assert [(status, headers["content-type"], body) for status, headers, body in answers] == [
        (200, "application/json", b"{}"),
        (200, "application/json", b"{}"),
        (200, "application/x-protobuf", b""),
        (200, "application/x-protobuf", b""),
    ]
    assert running.waiting() == (4, 4)
    assert (running.figures.spans, running.figures.messages) == (4, 1)


def test_what_cannot_be_used_is_a_partial_success(running: Running) -> None:
    told = request(span(1, 1), span(1, 2, spanId=""))
    (_, _, plain), (status, _, packed) = running.ask(
        Asked(pieces=[json.dumps(told).encode()]),
        Asked(pieces=[as_protobuf("traces", told)], headers={"content-type": "application/x-protobuf"}),
    )
    assert status == 200
    partial = json.loads(plain)["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    response = ExportTraceServiceResponse.FromString(packed)
    assert response.partial_success.rejected_spans == 1
    assert response.partial_success.error_message == partial["errorMessage"]
    assert running.waiting() == (2, 2)


@pytest.mark.parametrize(
    "odd",
    [
        {"traceId": "zz"},
        {"traceId": "ab" * 15},
        {"spanId": "zz"},
        {"spanId": "xy" * 8},
        {"spanId": 7},
        {"traceId": "0" * 32},
    ],
)
def test_ids_that_are_none_are_rejected_and_not_kept(running: Running, odd: dict[str, Any]) -> None:
    told = request(span(1, 1), span(1, 2, **odd))
    ((status, _, body),) = running.ask(Asked(pieces=[json.dumps(told).encode()]))
    partial = json.loads(body)["partialSuccess"]
    assert (status, partial["rejectedSpans"]) == (200, "1")
    assert "16 and 8 bytes" in partial["errorMessage"]
    kept = rows_of(decode("traces", "json", json.dumps(told).encode()), "", ReadReport(), LogEvents())
    assert len(list(kept)) == 1


def test_ids_in_base64_are_taken(running: Running) -> None:
    ids = {
        "traceId": base64.b64encode(bytes(range(16))).decode(),
        "spanId": base64.b64encode(bytes(range(8))).decode(),
    }
    ((_, _, body),) = running.ask(Asked(pieces=[json.dumps(request(span(1, 2, **ids))).encode()]))
    assert body == b"{}"


def test_metrics_and_other_log_records_are_declined_politely(running: Running) -> None:
    points = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": {"dataPoints": [{}]}}]}]}]}
    records = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "app.started"}]}]}]}
    answers = running.ask(
        Asked("/v1/metrics", [json.dumps(points).encode()]), Asked("/v1/logs", [json.dumps(records).encode()])
    )
    assert [status for status, _, _ in answers] == [200, 200]
    found = [json.loads(body)["partialSuccess"] for _, _, body in answers]
    assert found[0]["rejectedDataPoints"] == found[1]["rejectedLogRecords"] == "1"
    assert running.waiting() == (0, 0)


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked("/v1/trace"), 404),
        (Asked(method="GET"), 405),
        (Asked(headers={"content-type": "text/plain"}), 415),
        (Asked(headers={"content-type": "application/json", "content-encoding": "br"}), 415),
        (Asked(headers={"content-type": "application/json", "content-length": "999999"}), 413),
        (Asked(pieces=[b"x" * 3000, b"x" * 3000]), 413),
        (Asked(pieces=[b"{torn"]), 400),
        (Asked(pieces=None), 408),
        (Asked(headers={"content-type": "application/json", "origin": "https://elsewhere.example"}), 403),
        (Asked(headers={"content-type": "application/json", "origin": "http://["}), 403),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_errors_are_a_status_in_json(running: Running, asked: Asked, status: int) -> None:
    ((found, headers, body),) = running.ask(asked)
    told = json.loads(body)
    assert (found, headers["content-type"]) == (status, "application/json")
    assert told["message"]
    assert told["code"] > 0
    assert running.waiting() == (0, 0)
    assert running.ask(Asked())[0][0] == 200


def test_errors_are_a_status_in_protobuf(running: Running) -> None:
    bomb = gzip.compress(b"\0" * 100_000)
    headers = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}
    answers = running.ask(Asked(pieces=[bomb], headers=headers), Asked(pieces=[b"garbage"], headers=headers))
    assert [answer[0] for answer in answers] == [413, 400]
    statuses = [Status.FromString(body) for _, _, body in answers]
    assert "decompressed" in statuses[0].message
    assert "gzip" in statuses[1].message


def test_a_body_that_is_made_to_grow_is_refused_with_a_way_out(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_SMALL", 1000)
    monkeypatch.setattr(bodies, "_GROWTH", 2)
    packed = gzip.compress(json.dumps(request(span(1, 1, name="x" * 2000))).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    ((status, answered, body),) = running.ask(Asked(pieces=[packed], headers=headers))
    assert (status, "connection" in answered) == (413, False)
    assert "no compression" in json.loads(body)["message"]


def test_more_than_fits_is_told_to_come_again(running: Running) -> None:
    at_once = running.ask(Asked(pieces=None), Asked(pieces=None), Asked())
    assert [(status, headers.get("retry-after")) for status, headers, _ in at_once] == [
        (408, None),
        (408, None),
        (503, "1"),
    ]
    running.figures.waiting_bytes = 8193
    ((status, headers, body),) = running.ask(Asked())
    assert (status, headers["retry-after"]) == (429, "5")
    assert "wait to be written" in json.loads(body)["message"]
    running.figures.waiting_bytes = 0
    assert running.ask(Asked())[0][0] == 200


def test_a_token_is_wanted(tmp_path: Path) -> None:
    running = Running(tmp_path / "store", "secret")
    packed = [base64.b64encode(word).decode() for word in (b"any:secret", b"secret:any")]
    given = [
        "Bearer secret",
        f"Basic {packed[0]}",
        f"Basic {packed[1]}",
        "Basic !",
        "Basic ÿ",
        "Bearer ÿ",
        "Bearer other",
        "secret",
        "",
    ]
    answers = running.ask(
        *(Asked(headers={"content-type": "application/json", "authorization": one}) for one in given[:2])
    ) + [
        running.ask(Asked(headers={"content-type": "application/json", "authorization": one}))[0]
        for one in given[2:]
    ]
    assert [status for status, _, _ in answers] == [200, 200, *[401] * 7]
    assert answers[-1][1]["www-authenticate"] == "Bearer"
    assert running.ask(Asked("/health", method="GET", headers={}))[0][2] == b"{}"
    running.appender.close()


def test_a_bug_costs_its_request_and_nothing_else(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> Any:
        raise ZeroDivisionError("secret")

    with monkeypatch.context() as patched:
        patched.setattr(application, "count", fails)
        ((status, _, body),) = running.ask(Asked())
    assert (status, json.loads(body)) == (
        500,
        {"code": 2, "message": "a bug of the receiver: ZeroDivisionError"},
    )
    assert running.figures.last_error == "500: ZeroDivisionError: secret"
    assert running.ask(Asked())[0][0] == 200


def test_a_full_disk_is_said_and_gone_once_there_is_room(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(append, "_room", lambda store, wanted: 3 << 20)
        ((status, headers, body),) = running.ask(Asked())
    assert (status, headers["retry-after"]) == (503, "10")
    assert "full: 3 MiB are left" in json.loads(body)["message"]
    assert running.figures.last_error.startswith("503: the disk of")
    assert running.waiting() == (0, 0)
    assert running.ask(Asked())[0][0] == 200
    assert running.waiting() == (1, 1)


async def test_a_sender_that_gave_up_costs_nobody_else_an_answer(tmp_path: Path) -> None:
    running = Running(tmp_path / "store")
    received = Received("traces", "json", "identity", len(BODY), 1, BODY)
    futures = [running.appender.append(received) for _ in range(50)]
    given_up = [one for one in futures if one.cancel()]
    for one in futures:
        if one not in given_up:
            one.result(20)
    running.appender.append(received).result(20)
    running.appender.close()
    with open_inbox(running.store) as connection:
        assert backlog(connection).requests == 51 - len(given_up)


def test_a_store_that_is_gone_is_said_and_taken_up_once_it_is_back(running: Running) -> None:
    away = running.store.rename(running.store.with_name("away"))
    ((status, _, body),) = running.ask(Asked())
    assert status == 503
    assert str(running.store) in json.loads(body)["message"]
    away.rename(running.store)
    assert running.ask(Asked())[0][0] == 200
    assert running.waiting() == (1, 1)


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_nothing_is_taken_into_an_inbox_that_is_not_the_stores(running: Running, how: str) -> None:
    assert running.ask(Asked())[0][0] == 200
    if how == "deleted":
        (running.store / NAME).unlink()
    else:
        running.store.rename(running.store.with_name("away"))
        running.store.mkdir()
    ((status, _, body),) = running.ask(Asked())
    assert status == 503
    assert "was moved, replaced or emptied" in json.loads(body)["message"]
    assert running.ask(Asked())[0][0] == 200
    assert running.waiting() == (1, 1)


def test_the_health_page_has_the_figures(running: Running) -> None:
    running.ask(Asked())
    ((status, _, body),) = running.ask(Asked("/health", method="GET", headers={}))
    assert (status, json.loads(body)["spans"]) == (200, 1)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("127.0.0.1:4318", True),
        ("localhost:4318", True),
        ("[::1]:4318", True),
        ("192.0.2.7", True),
        ("evil.example", False),
        ("evil.example:4318", False),
        ("localhost.evil.example", False),
        ("[", False),
    ],
)
def test_the_health_page_has_no_figures_for_pages_of_other_names(
    running: Running, host: str, told: bool
) -> None:
    ((status, _, body),) = running.ask(Asked("/health", method="GET", headers={"host": host}))
    assert (status, "last_error" in json.loads(body)) == (200, told)
