"""Payloads that a recorder cut, masked, hashed or stored elsewhere are marked; whole ones are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from source_reading import FIXTURES, read
from test_plain import otlp_row, table_rows

from traceview.sources.kept import payload_state

MESSAGES = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "a long question " * 40}]}])


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("What is truncated here? The log was truncated.", None),
        ("an answer ... [truncated]", "cut"),
        ("an answer…[truncated, 12034 chars total]", "cut"),
        ("an answer <truncated due to size exceeding limit>", "cut"),
        ("an answer [TRUNCATED]", "cut"),
        ("an answer ...truncated", "cut"),
        ("an answer [1024 characters omitted]", "cut"),
        ('[{"role":"user","content":"words [truncated]"}]', "cut"),
        (MESSAGES[:300], "cut"),
        ('{"a":1}', None),
        ("{not json, only a brace", None),
        ("x" * 4096, "cut"),
        ("x" * 4097, None),
        ("__REDACTED__", "masked"),
        ('{"messages":[{"role":"user","content":"__REDACTED__"}], "more": "' + "x" * 300 + '"}', "masked"),
        ("[REDACTED]", "masked"),
        ("<redacted>", "masked"),
        ("[Scrubbed due to 'password']", "masked"),
        ("why is my order redacted", None),
        ("0" * 64, "hashed"),
        ("sha256:9f86d081884c7d659a2feaa0c55ad015", "hashed"),
        ("md5 of a file", None),
        ("s3://bucket/traces/1.json", "elsewhere"),
        ("mlflow-artifacts:/1/traces/tr-1/artifacts/inputs.json", "elsewhere"),
        ("@@@langfuseMedia:type=image/png|id=1|source=bytes@@@", "elsewhere"),
        ("https://example.com/what-is-this", None),
        ("copy s3://bucket/a to s3://bucket/b", None),
        ("", None),
        ("   ", None),
    ],
)
def test_marks_in_texts(text: str, state: str | None) -> None:
    assert payload_state({"input": text}) == (state and f"input {state}")
    assert payload_state({"output_messages": text}) == (state and f"output {state}")


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({"input.value": "x", "input.value.truncated": True}, "input cut"),
        ({"input.value": "x", "input.value.truncated": False}, None),
        ({"gen_ai.completion.truncated": True}, "output cut"),
        ({"truncated": True}, "payload cut"),
        ({"llm.prompt_sha256": "9f86d0", "llm.completion_hash": "aa11"}, "input hashed, output hashed"),
        ({"input.value": "x", "llm.prompt_sha256": "9f86d0"}, None),
        ({"gen_ai.input.messages_ref": "s3://b/i", "gen_ai.output.messages_ref": "s3://b/o"},
         "input elsewhere, output elsewhere"),
        ({"git.commit.hash": "abc", "openlit.agent.version_hash": "1"}, None),
        ({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.completion": 4}, "content off"),
        ({"openinference.span.kind": "LLM", "llm.model_name": "m"}, None),
    ],
)  # fmt: skip
def test_attributes_that_say_it(tmp_path: Path, attributes: dict[str, Any], state: str | None) -> None:
    assert otlp_row(tmp_path, "call", attributes).get("payload_state") == state


def test_columns_of_a_table_that_say_it(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {"trace_id": ["t", "u"], "input": ["a", "b"], "input_truncated": [True, False]}
    pq.write_table(pa.table({**columns, "completion_sha256": ["9f86", None]}), path)
    states = [row["payload_state"] for row in table_rows(path)]
    assert states == ["input cut, output hashed", None]


def test_whole_sample_files_lack_nothing() -> None:
    for name in (
        "openinference/openai",
        "langfuse/sdk-openai",
        "openlit/anthropic",
        "otel_genai/openai-latest",
    ):
        rows, _ = read(FIXTURES / f"{name}.otlp.jsonl")
        assert not any(row.get("payload_state") for row in rows), name
    # content stands in another file, which is not there
    rows, _ = read(FIXTURES / "otel_genai/openai-legacy.otlp.jsonl")
    assert {row.get("payload_state") for row in rows if row["kind"] == "llm"} == {"content off", None}
