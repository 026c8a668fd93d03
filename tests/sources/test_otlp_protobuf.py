"""OTLP in protobuf: the same rows as of the JSON, however the messages lie in the file."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from source_reading import FIXTURES, read

from traceview.model.errors import BadInput
from traceview.sources.otlp.wire import framing
from traceview.sources.probe import probe
from traceview.sources.registry import detect

SAMPLE = FIXTURES / "openinference/openai.otlp.jsonl"


def in_base64(value: Any) -> Any:
    """The ids as protobuf's own JSON mapping has them."""
    if isinstance(value, dict):
        return {
            key: base64.b64encode(bytes.fromhex(item)).decode() if key in IDS else in_base64(item)
            for key, item in value.items()
        }
    return [in_base64(item) for item in value] if isinstance(value, list) else value


IDS = ("traceId", "spanId", "parentSpanId")


def requests() -> list[bytes]:
    """The sample with one request for each span."""
    found = []
    for line in SAMPLE.read_bytes().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    one = {
                        "resource": resource["resource"],
                        "scopeSpans": [{"scope": scope["scope"], "spans": [span]}],
                    }
                    found.append(json.dumps({"resourceSpans": [one]}).encode())
    return found


LINES = requests()
MESSAGES = [
    ParseDict(
        in_base64(json.loads(line)), ExportTraceServiceRequest(), ignore_unknown_fields=True
    ).SerializeToString()
    for line in LINES
]


def framed(messages: list[bytes]) -> bytes:
    return b"".join(len(message).to_bytes(4, "big") + message for message in messages)


def zstd(messages: list[bytes]) -> list[bytes]:
    return [pa.compress(message, "zstd", asbytes=True) for message in messages]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bare.binpb", MESSAGES[0]),
        ("joined.pb", b"".join(MESSAGES)),
        ("collector.proto", framed(MESSAGES)),
        ("collector.proto.gz", gzip.compress(framed(MESSAGES))),
        ("collector-zstd", framed(zstd(MESSAGES))),
        ("collector-json-zstd", framed(zstd(LINES))),
    ],
    # compressed bytes hold the time of day: no part of a name
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_are_those_of_the_json(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    rows, report = read(path)
    expected = {(row["trace_id"], row["span_id"]): row for row in read(SAMPLE)[0]}
    assert not report.skipped and report.spans == len(rows)
    assert len(rows) == (1 if name == "bare.binpb" else len(expected))
    for row in rows:
        assert row == expected[row["trace_id"], row["span_id"]]


def test_a_torn_message_and_a_foreign_one_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "torn.proto"
    path.write_bytes(
        framed([MESSAGES[0], b"\x0a\xff\xff\xff\xff", MESSAGES[1]]) + framed([MESSAGES[2]])[:-20]
    )
    rows, report = read(path)
    assert len(rows) == 2
    assert [places for _, places in sorted(report.places.items())] == [
        ["torn.proto, message 2"], ["torn.proto, message 4"],
    ]  # fmt: skip


def test_without_the_package_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spans.pb"
    path.write_bytes(MESSAGES[0])
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.collector.trace.v1.trace_service_pb2", None)
    with pytest.raises(BadInput) as raised:
        read(path)
    assert ".[listen]" in str(raised.value.hint)


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_other_bytes_are_no_requests(data: bytes) -> None:
    if data[:1] not in (b"\n", b"\0"):
        assert framing(data) is None


def test_a_text_that_begins_with_an_empty_line_is_none(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("\n\x14\nsome words, and more\n")
    with pytest.raises(BadInput):
        detect(probe(path))
