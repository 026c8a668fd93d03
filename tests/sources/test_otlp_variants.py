"""What files in the wild look like: torn, blank, foreign lines; every layout; every encoding; sparse indexes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from source_reading import FIXTURES, figures, read

from traceview.sources.base import Probe, ReadReport
from traceview.sources.otlp import OtlpJson
from traceview.sources.otlp.reading import BATCH
from traceview.sources.otlp.values import any_value, identifier, integer
from traceview.sources.probe import probe

ORIGINAL = FIXTURES / "openinference/openai.otlp.jsonl"
FIGURES = (92, 16, 8, 7, 33, 33, 18, 12, 14334, 1237)


def lines() -> list[bytes]:
    """The sample with one request per span."""
    documents = [json.loads(line) for line in ORIGINAL.read_bytes().splitlines()]
    return [json.dumps(request(span)).encode() for document in documents for span in spans_of(document)]


def spans_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        span
        for resource in document["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


def one_span(name: str = "s", number: int = 1, events: Any = (), **attributes: Any) -> dict[str, Any]:
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": name,
        "startTimeUnixNano": "1700000000000000001",
        "endTimeUnixNano": "1700000001000000002",
        "attributes": [attribute(key.replace("__", "."), value) for key, value in attributes.items()],
        "events": list(events),
    }


def request(*spans: dict[str, Any], scope: str = "lib") -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}]}]}


def row_of_attributes(tmp_path: Path, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    span = one_span(**more)
    span["attributes"] = [attribute(key, value) for key, value in attributes.items()]
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(request(span)))
    rows, report = read(path)
    assert len(rows) == 1 and not report.skipped
    return rows[0]


def test_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_bytes(b"\n".join(lines()) + b"\n" + lines()[0][:500])
    rows, report = read(path)
    assert figures(rows) == FIGURES
    assert sum(report.skipped.values()) == 1
    [(reason, places)] = report.places.items()
    assert "torn" in reason and places == [f"torn.jsonl:{len(lines()) + 1}"]


def test_bad_and_blank_lines_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    good = lines()
    path.write_bytes(
        b"\n".join([b"{oops", b"", *good[:3], b"  ", b'{"hello": 1}', b'"text"', b"[]", *good[3:]])
    )
    rows, report = read(path)
    assert figures(rows) == FIGURES
    assert [places for reason, places in report.places.items() if "not JSON" in reason] == [["mixed.jsonl:1"]]
    assert report.places["not an OTLP object"] == ["mixed.jsonl:7", "mixed.jsonl:8"]


def test_lines_without_an_end_between_them_are_read(tmp_path: Path) -> None:
    path = tmp_path / "joined.jsonl"
    good = lines()
    path.write_bytes(b"\n".join([good[0] + good[1] + b" " + good[2], *good[3:]]))
    rows, report = read(path)
    assert figures(rows) == FIGURES and not report.skipped


def test_invalid_utf8_is_replaced_and_said(tmp_path: Path) -> None:
    path = tmp_path / "bytes.jsonl"
    broken = json.dumps(request(one_span("n@me"))).encode().replace(b"@", b"\xff\xfe")
    path.write_bytes(json.dumps(request(one_span(number=2))).encode() + b"\n" + broken + b"\n")
    rows, report = read(path)
    assert [row["name"] for row in rows] == ["s", "n��me"]
    assert list(report.places.values()) == [["bytes.jsonl:2"]]


def test_nan_and_lone_surrogates_can_be_written_as_parquet(tmp_path: Path) -> None:
    path = tmp_path / "nan.jsonl"
    text = json.dumps(request(one_span("x", a=1.5, b="S"))).replace("1.5", "NaN").replace('"S"', '"\\ud800"')
    path.write_text(text + "\n")
    rows, _ = read(path)
    assert json.loads(rows[0]["attributes"]) == {"a": "NaN", "b": "�"}
    pa.array([rows[0]["attributes"]], pa.string())


@pytest.mark.parametrize(
    "layout", ["array", "array of lines", "one span per line", "spans as array", "crlf", "bom"]
)
def test_layouts(tmp_path: Path, layout: str) -> None:
    path = tmp_path / "layout.json"
    documents = [json.loads(line) for line in lines()]
    spans = [json.dumps(span).encode() for document in documents for span in spans_of(document)]
    path.write_bytes(
        {
            "array": lambda: json.dumps(documents, indent=1).encode(),
            "array of lines": lambda: b"[\n" + b",\n".join(lines()) + b"\n]\n",
            "one span per line": lambda: b"\n".join(spans),
            "spans as array": lambda: b"[" + b",".join(spans) + b"]",
            "crlf": lambda: b"\r\n".join(lines()),
            "bom": lambda: b"\xef\xbb\xbf" + b"\n".join(lines()),
        }[layout]()
    )
    rows, report = read(path)
    assert figures(rows) == FIGURES
    assert not report.skipped


def test_several_pretty_objects_and_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "pretty.json"
    whole = [json.dumps(request(one_span(number=number)), indent=2) for number in (1, 2, 3)]
    path.write_text("\n".join([*whole[:2], whole[2][:80]]))
    rows, report = read(path)
    assert [row["span_id"][-1] for row in rows] == ["1", "2"]
    assert sum(report.skipped.values()) == 1


@pytest.mark.parametrize("compression", ["gzip", "zstd", "utf-16", "utf-16-be"])
def test_compression(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "packed"
    data = ORIGINAL.read_bytes()
    path.write_bytes(
        gzip.compress(data)
        if compression == "gzip"
        else pa.compress(data, "zstd", asbytes=True)
        if compression == "zstd"
        else data.decode().encode(compression).join([b"\xfe\xff" if compression == "utf-16-be" else b"", b""])
    )
    rows, report = read(path)
    assert figures(rows) == FIGURES
    assert not report.skipped


def test_torn_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "torn.gz"
    packed = gzip.compress(b"\n".join(lines()))
    path.write_bytes(packed[: len(packed) // 2])
    rows, report = read(path)
    assert 0 < len(rows) < 92
    assert any("too early" in reason for reason in report.skipped)


def test_snake_case_and_instrumentation_library(tmp_path: Path) -> None:
    span = {
        "trace_id": "0" * 31 + "1",
        "span_id": "0" * 15 + "2",
        "parent_span_id": "0" * 16,
        "name": "old",
        "start_time_unix_nano": 1700000000000000001,
        "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
        "attributes": [{"key": "gen_ai.operation.name", "value": {"string_value": "chat"}}],
    }
    documents = [
        {"resource_spans": [{"scope_spans": [{"scope": {"name": "a"}, "spans": [span]}]}]},
        {
            "resourceSpans": [
                {
                    "instrumentationLibrarySpans": [
                        {
                            "instrumentationLibrary": {"name": "b"},
                            "spans": [{**span, "span_id": "0" * 15 + "3"}],
                        }
                    ]
                }
            ]
        },
    ]
    path = tmp_path / "old.jsonl"
    path.write_text("\n".join(map(json.dumps, documents)))
    rows, report = read(path)
    assert [row["scope_name"] for row in rows] == ["a", "b"]
    for row in rows:
        assert (row["kind"], row["status"], row["parent_id"], row["end_ns"]) == ("llm", "error", None, None)
        assert row["start_ns"] == 1700000000000000001
    assert not report.skipped


def test_span_delivered_twice_keeps_the_last(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    path.write_text("\n".join(json.dumps(request(one_span(name))) for name in ("first", "second")))
    rows, report = read(path)
    assert [row["name"] for row in rows] == ["second"]
    assert report.spans == 1
    assert report.places == {"span delivered more than once, the last one is kept": ["twice.jsonl:2"]}


def test_span_delivered_much_later_is_reported_and_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    numbers = [*range(1, 3 * BATCH), 1]
    path.write_text("\n".join(json.dumps(request(one_span(number=number))) for number in numbers))
    looked = probe(path)
    report = ReadReport()
    batches = list(OtlpJson().read(looked, report))
    assert [len(batch) for batch in batches] == [BATCH, BATCH, BATCH - 1]
    assert sum(report.skipped.values()) == 1
    assert report.spans == 3 * BATCH - 1


@pytest.mark.parametrize("again", [("1", None), (None, "1"), (None, None)])
def test_the_end_of_a_span_is_taken_however_much_later_it_is_delivered(
    tmp_path: Path, again: tuple[str | None, str | None]
) -> None:
    path = tmp_path / "late.jsonl"
    first, last = (one_span(number=1) | {"endTimeUnixNano": end} for end in again)
    others = [one_span(number=number) for number in range(2, 3 * BATCH)]
    path.write_text("\n".join(json.dumps(request(one)) for one in (first, *others, last)))
    rows, report = read(path)
    given = [row["end_ns"] is not None for row in rows if row["span_id"] == f"{1:016x}"]
    assert given == ([False, True] if again == (None, "1") else [again[0] is not None])
    assert sum(report.skipped.values()) == 1
    assert report.spans == 3 * BATCH - 1


def test_of_a_span_delivered_much_later_with_another_content_the_last_counts(tmp_path: Path) -> None:
    path = tmp_path / "late.jsonl"
    start = int(one_span()["startTimeUnixNano"])
    first, last = (one_span(number=1) | {"endTimeUnixNano": str(start + end)} for end in (5, 9))
    others = [one_span(number=number) for number in range(2, 3 * BATCH)]
    path.write_text("\n".join(json.dumps(request(one)) for one in (first, *others, last)))
    rows, report = read(path)
    assert [row["end_ns"] - start for row in rows if row["span_id"] == f"{1:016x}"] == [5, 9]
    assert dict(report.skipped) == {"span delivered again much later, the last one is kept": 1}
    assert report.spans == 3 * BATCH - 1


def test_an_open_version_does_not_take_the_place_of_an_ended_one(tmp_path: Path) -> None:
    path = tmp_path / "twice.jsonl"
    spans = (one_span("ended"), one_span("open") | {"endTimeUnixNano": "0"})
    path.write_text("\n".join(json.dumps(request(one)) for one in spans))
    rows, report = read(path)
    assert [row["name"] for row in rows] == ["ended"]
    assert sum(report.skipped.values()) == 1


def test_log_records_and_metrics_are_counted(tmp_path: Path) -> None:
    rows, report = read(FIXTURES / "otel_genai/openai-legacy.logs.otlp.jsonl")
    assert rows == []
    [(reason, count)] = report.skipped.items()
    assert reason == "log record of a span that is not there" and count > 100
    path = tmp_path / "metrics.jsonl"
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "a"}, {"name": "b"}]}]}]}
    path.write_text(json.dumps(metrics) + "\n" + json.dumps(request(one_span())))
    rows, report = read(path)
    assert len(rows) == 1 and list(report.skipped.values()) == [2]


def test_other_json_is_not_recognised(tmp_path: Path) -> None:
    for number, text in enumerate(
        [
            '{"trace_id": "a", "id": "b"}',
            '{"data": [{"traceID": "a"}]}',
            '{"text": "\\"resourceSpans\\": []"}',
            "[1]",
        ]
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        assert not OtlpJson().recognise(probe(path))
    assert not OtlpJson().recognise(Probe(tmp_path, "parquet", None, {}, b"", None, frozenset()))


def test_span_without_ids_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "ids.jsonl"
    path.write_text(json.dumps(request({**one_span(), "spanId": ""}, one_span(number=2))))
    rows, report = read(path)
    assert len(rows) == 1
    assert report.places == {"span without a trace id or span id": ["ids.jsonl:1"]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"intValue": "9007199254740993"}, 9007199254740993),
        ({"intValue": 5}, 5),
        ({}, None),
        ({"doubleValue": "Infinity"}, "Infinity"),
        ({"doubleValue": 1.5}, 1.5),
        ({"bytesValue": "AQI="}, "AQI="),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{"stringValue": "a"}, {}]}}, ["a", None]),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": False}}]}}, {"a": False}),
        ("bare", "bare"),
    ],
)
def test_any_values(value: Any, expected: Any) -> None:
    assert any_value(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AB" * 8, "ab" * 8),
        ("AAAAAAAAAAE=", "0000000000000001"),
        ("//////////8=", "f" * 16),
        ("0" * 16, None),
        ("", None),
        (None, None),
        ("free text", "free text"),
    ],
)
def test_ids(value: Any, expected: str | None) -> None:
    assert identifier(value, 8) == expected


def test_integers() -> None:
    assert [integer(value) for value in ("12", 12, 12.0, "1e3", "x", None)] == [12, 12, 12, 1000, None, None]


def test_openinference_indexes_are_sparse_and_numeric(tmp_path: Path) -> None:
    attributes = {"openinference.span.kind": "llm"}
    for number in (10, 2, 9):
        attributes[f"llm.input_messages.{number}.message.role"] = "user"
        attributes[f"llm.input_messages.{number}.message.content"] = f"m{number}"
    row = row_of_attributes(tmp_path, attributes)
    shown = [message["parts"][0]["content"] for message in json.loads(row["input_messages"])]
    assert shown == ["m2", "m9", "m10"]
    assert row["input_text"] == "m10"
    assert row["kind"] == "llm"


def test_openinference_tool_call_is_shown_once(tmp_path: Path) -> None:
    call = {"tool_call.id": "c1", "tool_call.function.name": "f", "tool_call.function.arguments": '{"a":1}'}
    attributes = {"openinference.span.kind": "LLM", "llm.output_messages.0.message.role": "assistant"}
    for prefix in ("contents.1", "tool_calls.0"):
        attributes |= {f"llm.output_messages.0.message.{prefix}.{key}": value for key, value in call.items()}
    attributes["llm.output_messages.0.message.contents.0.message_content.type"] = "text"
    attributes["llm.output_messages.0.message.contents.0.message_content.text"] = "wait"
    row = row_of_attributes(tmp_path, attributes)
    assert [part["type"] for part in json.loads(row["output_messages"])[0]["parts"]] == ["text", "tool_call"]
    assert row["output_text"] == "wait"


def test_tool_parameters_that_are_a_schema_are_no_arguments(tmp_path: Path) -> None:
    schema = '{"type": "object", "properties": {"q": {"type": "string"}}}'
    base = {
        "openinference.span.kind": "TOOL",
        "tool.name": "f",
        "input.value": '{"q": "x"}',
        "output.value": "y",
    }
    assert row_of_attributes(tmp_path, {**base, "tool.parameters": schema})["tool_args"] == '{"q": "x"}'
    row = row_of_attributes(tmp_path, {**base, "tool.parameters": '{"q": "z"}'})
    assert (row["tool_args"], row["tool_result"], row["input_text"]) == ('{"q": "z"}', "y", '{"q": "z"}')


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"openinference.span.kind": "Prompt", "gen_ai.operation.name": "chat"}, "chain"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"langfuse.observation.type": "event"}, "unknown"),
        ({"gen_ai.operation.name": "create_agent"}, "agent"),
        ({"gen_ai.operation.name": "update_memory"}, "tool"),
        ({"gen_ai.operation.name": "search_memory"}, "retriever"),
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.usage.input_tokens": 5}, "unknown"),
        ({"traceloop.span.kind": "task"}, "chain"),
        ({"llm.request.type": "rerank"}, "reranker"),
        ({"http.method": "POST"}, "unknown"),
    ],
)
def test_kinds(tmp_path: Path, attributes: dict[str, Any], kind: str) -> None:
    row = row_of_attributes(tmp_path, attributes)
    assert row["kind"] == kind
    if "fetch_response" in attributes.values():
        assert row.get("input_tokens") is None


def test_kind_by_name_only_for_failed_bare_spans(tmp_path: Path) -> None:
    failed = {**one_span("chat gpt-4o"), "status": {"code": 2}}
    own = {
        **one_span("chat turn", number=2),
        "status": {"code": 2},
        "attributes": [attribute("code.lineno", 3)],
    }
    path = tmp_path / "names.jsonl"
    path.write_text(json.dumps(request(failed, own, one_span("chat gpt-4o", number=3))))
    rows, _ = read(path)
    assert [row["kind"] for row in rows] == ["llm", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 80}, 100),
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.cache_creation.input_tokens": 80}, 90),
        ({"langfuse.observation.usage_details": '{"input": 100, "cache_read_input_tokens": 40}'}, 140),
        ({"langfuse.observation.usage_details": '{"input": 100, "input_cached_tokens": 40}'}, 100),
        ({"llm.token_count.prompt": 7.0, "openinference.span.kind": "LLM"}, 7),
    ],
)
def test_input_tokens_include_cached_ones(tmp_path: Path, usage: dict[str, Any], expected: int) -> None:
    assert row_of_attributes(tmp_path, usage)["input_tokens"] == expected


def test_time_to_first_token(tmp_path: Path) -> None:
    seconds = row_of_attributes(tmp_path, {"gen_ai.response.time_to_first_chunk": 0.25})
    assert seconds["ttft_ms"] == 250
    event = {"timeUnixNano": "1700000000500000001", "name": "First Token Stream Event"}
    row = row_of_attributes(tmp_path, {"openinference.span.kind": "LLM"}, events=[event])
    assert row["ttft_ms"] == 500


def test_response_id_inside_the_output(tmp_path: Path) -> None:
    row = row_of_attributes(tmp_path, {"openinference.span.kind": "LLM", "output.value": '{"id": "msg_1"}'})
    assert row["call_id"] == "msg_1"


def test_thread_skips_what_was_scrubbed(tmp_path: Path) -> None:
    scrubbed = {
        "session.id": "[Scrubbed due to 'session']",
        "metadata": '{"thread_id": "t", "prompt_version": 3}',
    }
    row = row_of_attributes(tmp_path, scrubbed)
    assert (row["thread_id"], row["prompt_version"]) == ("t", "3")


def test_langfuse_level_marks_an_error(tmp_path: Path) -> None:
    row = row_of_attributes(
        tmp_path,
        {
            "langfuse.observation.type": "span",
            "langfuse.observation.level": "ERROR",
            "langfuse.observation.status_message": "no stock",
        },
    )
    assert (row["status"], row["error_message"]) == ("error", "no stock")


def test_structured_messages_on_the_span(tmp_path: Path) -> None:
    span = one_span()
    part = {"kvlistValue": {"values": [attribute("type", "text"), attribute("content", "hi")]}}
    message = {
        "kvlistValue": {
            "values": [
                attribute("role", "user"),
                {"key": "parts", "value": {"arrayValue": {"values": [part]}}},
            ]
        }
    }
    span["attributes"] = [{"key": "gen_ai.input.messages", "value": {"arrayValue": {"values": [message]}}}]
    path = tmp_path / "structured.jsonl"
    path.write_text(json.dumps(request(span)))
    rows, _ = read(path)
    assert rows[0]["input_text"] == "hi"
    assert json.loads(rows[0]["input"]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]


def test_messages_and_scores_on_span_events(tmp_path: Path) -> None:
    events = [
        {"timeUnixNano": "1", "name": "gen_ai.user.message", "attributes": [attribute("content", "hi")]},
        {
            "timeUnixNano": "2",
            "name": "gen_ai.choice",
            "attributes": [attribute("message", '{"role": "assistant", "content": "yes"}')],
        },
        {
            "timeUnixNano": "3",
            "name": "gen_ai.evaluation.result",
            "attributes": [
                attribute("gen_ai.evaluation.name", "grounded"),
                attribute("gen_ai.evaluation.score.value", 0.5),
            ],
        },
    ]
    row = row_of_attributes(tmp_path, {"gen_ai.operation.name": "chat"}, events=events)
    assert (row["input_text"], row["output_text"]) == ("hi", "yes")
    assert json.loads(row["scores"])[0]["name"] == "grounded"


def test_embedding_vectors_are_no_text(tmp_path: Path) -> None:
    attributes = {
        "openinference.span.kind": "EMBEDDING",
        "embedding.embeddings.0.embedding.text": "words",
        "output.value": '{"data": [{"embedding": [0.1, 0.2]}]}',
    }
    row = row_of_attributes(tmp_path, attributes)
    assert (row["input_text"], row["output_text"]) == ("words", None)
