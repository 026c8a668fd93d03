"""Messages of model calls that stand in log records: joined to their spans wherever both stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from source_reading import FIXTURES

from traceview.sources.base import ReadReport
from traceview.sources.otlp import OtlpJson
from traceview.sources.probe import probe

SPANS = FIXTURES / "otel_genai" / "openai-legacy.otlp.jsonl"
LOGS = FIXTURES / "otel_genai" / "openai-legacy.logs.otlp.jsonl"


def read_together(*paths: Path) -> tuple[dict[str, dict[str, Any]], ReadReport]:
    report = ReadReport()
    probes = [probe(path) for path in paths]
    reader = OtlpJson().together(probes, report)
    rows = {row["span_id"]: row for one in probes for batch in reader.read(one, report) for row in batch}
    return rows, report


def plain_logs() -> dict[str, list[dict[str, Any]]]:
    """Log records by span id, read with nothing but json."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in LOGS.read_text().splitlines():
        for resource in json.loads(line)["resourceLogs"]:
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    found.setdefault(record["spanId"], []).append(record)
    return found


def check(rows: dict[str, dict[str, Any]]) -> None:
    logs = plain_logs()
    calls = [row for row in rows.values() if row["kind"] == "llm"]
    assert len(calls) == 33 and set(logs) <= {row["span_id"] for row in calls}
    for row in calls:
        names = [record["eventName"] for record in logs.get(row["span_id"], [])]
        asked = json.loads(row["input_messages"]) if row.get("input_messages") else []
        answered = json.loads(row["output_messages"]) if row.get("output_messages") else []
        assert len(asked) == sum(name != "gen_ai.choice" for name in names)
        assert len(answered) == names.count("gen_ai.choice")
        assert [message["role"] for message in asked] == [name.split(".")[1] for name in names[: len(asked)]]
        assert row["input_text"]
    answers = [json.loads(row["output_messages"]) for row in calls if row.get("output_messages")]
    parts = [part for messages in answers for message in messages for part in message["parts"]]
    texts = {part["content"] for part in parts if part["type"] == "text"}
    assert any("invoice" in text for text in texts)


@pytest.mark.parametrize("order", [(SPANS, LOGS), (LOGS, SPANS)])
def test_logs_of_another_file_are_joined_in_either_order(order: tuple[Path, ...]) -> None:
    rows, report = read_together(*order)
    check(rows)
    assert not report.skipped


@pytest.mark.parametrize("first", ["spans", "logs"])
def test_logs_in_the_same_file_are_joined(tmp_path: Path, first: str) -> None:
    both = [SPANS.read_text(), LOGS.read_text()]
    path = tmp_path / "both.jsonl"
    path.write_text("\n".join(both if first == "spans" else reversed(both)))
    rows, report = read_together(path)
    if first == "logs":
        check(rows)
        assert not report.skipped
    else:
        # records that come long after the spans of a file are told, not lost silently
        joined = sum(bool(row.get("input_messages")) for row in rows.values() if row["kind"] == "llm")
        assert joined == 33 or sum(report.skipped.values()) == 225


def test_logs_without_their_spans_and_other_logs_are_told(tmp_path: Path) -> None:
    other = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "started"}}, {}]}]}]}
    path = tmp_path / "logs.jsonl"
    path.write_text(f"{json.dumps(other)}\n{LOGS.read_text().splitlines()[0]}\n")
    _, report = read_together(path)
    assert report.skipped["log record that is no message of a model call"] == 2
    assert report.skipped["log record of a span that is not there"] >= 1


def test_details_and_evaluations_of_newer_writers_are_read(tmp_path: Path) -> None:
    def text(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    ids = {"traceId": "a" * 32, "spanId": "b" * 16}
    span = ids | {
        "name": "chat m",
        "startTimeUnixNano": "1795197274000000000",
        "endTimeUnixNano": "1795197275000000000",
        "attributes": [text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "m")],
    }
    asked = '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'
    answered = '[{"role":"assistant","parts":[{"type":"text","content":"hello"}]}]'
    records = [
        ids | {"eventName": "gen_ai.client.inference.operation.details", "timeUnixNano": "1795197274500000000",
               "attributes": [text("gen_ai.input.messages", asked), text("gen_ai.output.messages", answered)]},
        ids | {"timeUnixNano": "1795197274600000000",
               "attributes": [text("event.name", "gen_ai.evaluation.result"), text("gen_ai.evaluation.name", "tone"),
                              text("gen_ai.evaluation.score.label", "pass")]},
    ]  # fmt: skip
    path = tmp_path / "new.jsonl"
    path.write_text(
        json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
        + "\n"
        + json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    )
    rows, report = read_together(path)
    row = rows["b" * 16]
    assert (row["input_text"], row["output_text"]) == ("hi", "hello")
    assert json.loads(row["scores"])[0]["name"] == "tone" and not report.skipped
