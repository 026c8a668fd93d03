"""Large files of every format, made of the sample files: their records again and again, each time with other ids."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fixtures import FIXTURES

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 30_720

_IDS = re.compile(
    rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"  # the beginning of a UUID
    rb"|(?<![0-9a-zA-Z.])(?!\d{16})[0-9a-f]{8}(?=[0-9a-f]{24}(?![0-9a-f])|[0-9a-f]{8}(?![0-9a-f]))"  # and of 128 or 64
    rb'|(?<=")[A-Za-z0-9+/]{4}(?=[A-Za-z0-9+/]{18}=="|[A-Za-z0-9+/]{7}=")'  # the same in base64
    rb"|(?<=msg_)\w{4}|(?<=toolu_)\w{4}"
)


class Template:
    """A text whose ids may be others."""

    def __init__(self, text: bytes) -> None:
        self._pieces: list[bytes] = []
        """What lies between ids, and at odd places one byte for each id: how many of its digits are replaced."""
        end = 0
        for found in _IDS.finditer(text):
            self._pieces += [text[end : found.start()], bytes([found.end() - found.start()])]
            end = found.end()
        self._pieces.append(text[end:])

    def copy(self, number: int) -> bytes:
        """The text with the beginnings of its ids replaced by a number."""
        ids = {
            b"\x08": b"%08x" % number,
            b"\x04": b"".join(_DIGITS[number >> shift & 63] for shift in (18, 12, 6, 0)),
        }
        pieces = self._pieces.copy()
        pieces[1::2] = [ids[piece] for piece in pieces[1::2]]
        return b"".join(pieces)


_DIGITS = [bytes([byte]) for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ab"]


def copies(text: bytes, spans_each: int, spans: int) -> Iterator[bytes]:
    """As many copies of a text as hold about this many spans."""
    template = Template(text)
    for number in range(max(1, round(spans / spans_each))):
        yield template.copy(number)


def lines(name: str, spans_each: int) -> Callable[[Path, int], Path]:
    """A maker of a file of JSON lines."""

    def make(folder: Path, spans: int) -> Path:
        path = folder / f"{name.replace('/', '-')}"
        text = (FIXTURES / name).read_bytes().rstrip(b"\n") + b"\n"
        with path.open("wb") as out:
            out.writelines(copies(text, spans_each, spans))
        return path

    return make


def array(name: str, spans_each: int, begin: bytes = b"[", end: bytes = b"]") -> Callable[[Path, int], Path]:
    """A maker of one document with one array, out of a sample of JSON lines or of such a document."""

    def make(folder: Path, spans: int) -> Path:
        path = folder / f"{name.replace('/', '-')}.json"
        text = (FIXTURES / name).read_bytes().strip()
        text = text[len(begin) : -len(end)] if text.startswith(begin) else b",".join(text.splitlines())
        with path.open("wb") as out:
            out.write(begin)
            for number, copy in enumerate(copies(text, spans_each, spans)):
                out.write((b",\n" if number else b"") + copy)
            out.write(end)
        return path

    return make


def one_request(folder: Path, spans: int) -> Path:
    """OTLP as one object with many resources."""
    path = folder / "one.otlp.json"
    begin, end = b'{"resourceSpans": [', b"]}"
    sample = (FIXTURES / "openinference" / "openai.otlp.jsonl").read_bytes().splitlines()
    resources = (one for line in sample for one in json.loads(line)["resourceSpans"])
    text = b",".join(json.dumps(one).encode() for one in resources)
    with path.open("wb") as out:
        out.write(begin)
        for number, copy in enumerate(copies(text, 92, spans)):
            out.write((b",\n" if number else b"") + copy)
        out.write(end)
    return path


def protobuf(folder: Path, spans: int) -> Path:
    """OTLP in protobuf, messages with their lengths before them, as the Collector writes them."""
    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    path = folder / "otlp.binpb"
    sample = (FIXTURES / "otlp_variants" / "protobuf-json-mapping.base64-ids.jsonl").read_bytes()
    requests = [
        ParseDict(json.loads(line), ExportTraceServiceRequest(), ignore_unknown_fields=True)
        for line in sample.splitlines()
    ]
    with path.open("wb") as out:
        for number in range(max(1, round(spans / 92))):
            head = number.to_bytes(4, "big")
            for request in requests:
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        for span in scope.spans:
                            span.trace_id = head + span.trace_id[4:]
                            span.span_id = head + span.span_id[4:]
                            span.parent_span_id = span.parent_span_id and head + span.parent_span_id[4:]
                message = request.SerializeToString()
                out.write(len(message).to_bytes(4, "big") + message)
    return path


def opik(folder: Path, spans: int) -> Path:
    """Trace files of Opik, one a line."""
    path = folder / "opik.jsonl"
    files = sorted((FIXTURES / "opik" / "opik_exports_json").rglob("trace_*.json"))
    text = b"".join(json.dumps(json.loads(file.read_bytes())).encode() + b"\n" for file in files)
    with path.open("wb") as out:
        out.writelines(copies(text, 79, spans))
    return path


def chats(folder: Path, spans: int) -> Path:
    """Conversations, one a line."""
    path = folder / "chats.jsonl"
    with path.open("w") as out:
        for number in range(spans):
            messages = [
                {"role": "system", "content": "You help at an e-bike shop. " * 8},
                {"role": "user", "content": f"Where is my order {number}?"},
                {"role": "assistant", "content": "It left our warehouse this morning. " * 6},
            ]
            told = {"id": f"chat-{number}", "messages": messages, "model": "gpt-4o-mini"}
            out.write(json.dumps(told) + "\n")
    return path


def table(suffix: str) -> Callable[[Path, int], Path]:
    """A maker of a table with recognisable columns."""

    def make(folder: Path, spans: int) -> Path:
        import pyarrow as pa
        import pyarrow.csv
        import pyarrow.parquet

        path = folder / f"table.{suffix}"
        # In pieces: what this process has held would count as the memory of the import that it starts.
        schema = _table_of(range(1)).schema
        writer = pa.csv.CSVWriter(path, schema) if suffix == "csv" else pa.parquet.ParquetWriter(path, schema)
        with writer:
            for start in range(0, spans, ROW_GROUP):
                writer.write_table(_table_of(range(start, min(spans, start + ROW_GROUP))))
        return path

    return make


def _table_of(numbers: range) -> pa.Table:
    import pyarrow as pa

    return pa.table(
        {
            "trace_id": [f"t{number // 5}" for number in numbers],
            "span_id": [f"s{number}" for number in numbers],
            "parent_id": pa.array(
                [None if number % 5 == 0 else f"s{number - number % 5}" for number in numbers], pa.string()
            ),
            "name": [f"step {number % 5}" for number in numbers],
            "start_time": [
                f"2026-11-20T10:{number // 60000 % 60:02}:00.{number % 1000:03}Z" for number in numbers
            ],
            "latency_ms": [number % 977 for number in numbers],
            "model": pa.array(
                ["gpt-4o-mini" if number % 5 == 1 else None for number in numbers], pa.string()
            ),
            "input_tokens": [number % 1000 for number in numbers],
            "input": [f"Where is my order {number}? " * 10 for number in numbers],
            "output": ["It left our warehouse this morning. " * 12 for _ in numbers],
        }
    )


def phoenix(folder: Path, spans: int) -> Path:
    """Phoenix's table of spans."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "phoenix.parquet"
    sample = pq.read_table(FIXTURES / "phoenix" / "spans.parquet")
    templates = {
        name: [None if one is None else Template(one.encode()) for one in sample[name].to_pylist()]
        for name in ("context.trace_id", "context.span_id", "parent_id", "__index_level_0__")
        if name in sample.schema.names
    }
    with pq.ParquetWriter(path, sample.schema) as writer:
        held = []
        for number in range(max(1, round(spans / sample.num_rows))):
            copy = sample
            for name, ids in templates.items():
                made = [None if one is None else one.copy(number).decode() for one in ids]
                field = copy.schema.field(name)
                copy = copy.set_column(copy.schema.get_field_index(name), field, pa.array(made, field.type))
            held.append(copy)
            if len(held) == 100:
                writer.write_table(pa.concat_tables(held))
                held = []
        if held:
            writer.write_table(pa.concat_tables(held))
    return path


FORMATS: dict[str, Callable[[Path, int], Path]] = {
    "OTLP JSON": lines("openinference/openai.otlp.jsonl", 92),
    "OTLP JSON, GenAI": lines("otel_genai/openai-latest.otlp.jsonl", 92),
    "OTLP JSON, Langfuse": lines("langfuse/sdk-openai.otlp.jsonl", 92),
    "OTLP JSON, OpenLLMetry": lines("openllmetry/anthropic-current.otlp.jsonl", 140),
    "OTLP JSON, one object": one_request,
    "OTLP protobuf": protobuf,
    "Langfuse": lines("langfuse/blob_export.documented_layout/observations_v2.jsonl", 92),
    "Langfuse, one array": array("langfuse/blob_export.documented_layout/observations_v2.jsonl", 92),
    "LangSmith": lines("langsmith/runs.jsonl", 79),
    "Opik": opik,
    "Braintrust": lines("braintrust/project_logs.jsonl", 92),
    "MLflow": lines("mlflow/traces.jsonl", 79),
    "MLflow, one array": array("mlflow/traces.json", 79),
    "Jaeger": array(
        "jaeger/otel-genai.jaeger-ui.json",
        92,
        b'{"data": [',
        b'], "total": 0, "limit": 0, "offset": 0, "errors": null}',
    ),
    "Claude Code": lines("claude_code/199b493e-153a-46aa-95e8-d3fe07bea288.jsonl", 14),
    "chat logs": chats,
    "Phoenix": phoenix,
    "CSV": table("csv"),
    "Parquet": table("parquet"),
}
"""What makes a file of about so many spans in a folder, by the name of its format."""
