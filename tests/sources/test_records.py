"""Records of no known tool: CSV, JSON lines and arrays as tables, chat logs as model calls; scores beside spans."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source_reading import FIXTURES, read

from traceview.sources.base import ReadReport
from traceview.sources.given import given_by
from traceview.sources.probe import probe
from traceview.sources.records import nanoseconds, of_seconds, records
from traceview.sources.registry import FORMATS, SCORE_FORMATS, detect
from traceview.store.interface import Engine, ListQuery
from traceview.store.open import open_engine


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEVIEW_CACHE_DIR", str(tmp_path / "cache"))


def opened(*paths: Path, **more: Any) -> Engine:
    engine = open_engine([str(path) for path in paths], **more)
    engine.wait_ready()
    return engine


def spans(engine: Engine) -> list[dict[str, Any]]:
    return sorted(
        engine.rows(engine.select(ListQuery("spans")), 0, 1000).rows, key=lambda row: row["span_id"]
    )


ROW = {
    "span_id": "s1", "trace_id": "t1", "model": "gpt-4o-mini", "input_tokens": 100, "output_tokens": 10,
    "latency_ms": 120.5, "prompt": "What is it?", "completion": "It is this.", "parsed_output": {"a": 1},
    "status": "ok", "error": None, "metadata": {"tier": "gold"},
}  # fmt: skip


def test_rows_of_a_dataclass_are_model_calls(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    failed = ROW | {"span_id": "s2", "status": "error", "error": "RateLimitError: slow down"}
    path.write_text(f"{json.dumps(ROW)}\n{json.dumps(failed)}\nnonsense\n[1]\n" + '{"span_id": "torn')
    engine = opened(path)
    try:
        first, second = spans(engine)
        (payload, _) = engine.payloads([first, second])
        info = engine.info()
    finally:
        engine.close()
    assert (first["kind"], first["model"], first["input_tokens"]) == ("llm", "gpt-4o-mini", 100)
    assert (second["status"], second["error_type"]) == ("error", "RateLimitError")
    assert payload.input_text == "What is it?" and payload.output_text == "It is this."
    assert payload.metadata == {"tier": "gold"} and payload.attributes["parsed_output"]
    assert info.files == (str(path),)
    assert sorted(one.count for one in info.skipped) == [1, 1, 1]
    assert all(one.where and one.where.startswith("rows.jsonl:") for one in info.skipped)


def test_a_csv_keeps_quotes_lines_and_leading_zeros(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    rows = [["id", "timestamp", "question", "answer", "session_id", "zip", "tokens_in"]]
    rows += [
        [f"r{n}", f"2026-11-0{n + 1} 10:00:00", f'A "quoted"\nline {n}, yes', "b", "th", "0123", n]
        for n in range(3)
    ]
    with gzip.open(path, "wt", newline="") as stream:
        csv.writer(stream, delimiter=";").writerows([*rows, ["torn", "2026"]])
    engine = opened(path)
    try:
        found = spans(engine)
        payload = engine.payloads(found[:1])[0]
        info = engine.info()
    finally:
        engine.close()
    assert [row["span_id"] for row in found] == ["r0", "r1", "r2"]
    assert payload.input_text == 'A "quoted"\nline 0, yes'
    assert payload.attributes["zip"] == "0123"
    assert [row["input_tokens"] for row in found] == [0, 1, 2]
    assert [one.reason for one in info.skipped] == ["a row of 2 cells under a heading of 7"]
    assert info.threads == 1


def test_json_log_lines_give_calls_of_their_trace(tmp_path: Path) -> None:
    lines = [
        {"ts": 1795197311.5 + n, "level": "error" if n else "info", "msg": "call", "trace_id": "abc",
         "model": "claude-haiku-4-5", "usage": {"input_tokens": 10, "output_tokens": 3}}
        for n in range(2)
    ]  # fmt: skip
    path = tmp_path / "app.log"
    path.write_text("\n".join(map(json.dumps, lines)))
    engine = opened(path)
    try:
        found = sorted(spans(engine), key=lambda row: row["start_ns"])
    finally:
        engine.close()
    assert [(row["name"], row["kind"], row["status"], row["input_tokens"]) for row in found] == [
        ("call", "llm", "unset", 10),
        ("call", "llm", "error", 10),
    ]
    assert found[0]["start_ns"] == 1795197311_500_000_000 and found[0]["trace_id"] == "abc"


def test_a_column_is_named_where_the_guess_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps({"wer": "x", "frage": "Was?", "sagt": "Das."}))
    engine = opened(path, overrides={"span_id": "wer", "input": "frage", "output": "sagt"})
    try:
        (row,) = spans(engine)
        payload = engine.payloads([row])[0]
    finally:
        engine.close()
    assert row["span_id"] == "x" and payload.input_text == "Was?" and payload.output_text == "Das."


TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
CHATS: list[dict[str, Any]] = [
    {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
        "conversation_id": "c",
    },
    {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
    {"prompt": "hi", "completion": "hello"},
]


@pytest.mark.parametrize("record", CHATS)
def test_a_chat_log_is_a_call_a_line_with_stable_ids(tmp_path: Path, record: dict[str, Any]) -> None:
    path = tmp_path / "chat.jsonl"
    path.write_text(f"{json.dumps(record)}\n{json.dumps(record)}\n" + '{"other": 1}\n')
    rows, report = read(path)
    again, _ = read(path)
    assert rows == again and len({row["span_id"] for row in rows}) == 2
    for row in rows:
        assert (row["kind"], row["input_text"], row["output_text"]) == ("llm", "hi", "hello")
        assert row["thread_id"] == record.get("conversation_id")
    assert sum(report.skipped.values()) == 1


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-20T17:54:55.738802Z", 1795197295_738802000),
        ("2026-11-20 17:54:55.738802+00:00", 1795197295_738802000),
        ("2026-11-20 17:54:55.123456789", 1795197295_123456789),
        ("2026-11-20T18:54:55+01:00", 1795197295_000000000),
        (1795197295_000000001, 1795197295_000000001),
        ("yesterday", None),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
        (True, None),
    ],
)
def test_times_of_records(text: Any, ns: int | None) -> None:
    assert nanoseconds(text) == ns


def test_seconds_are_told_to_the_microsecond() -> None:
    assert of_seconds(1795197311.749592) == 1795197311_749592000
    assert of_seconds("1795197311.5") == 1795197311_500000000
    assert of_seconds("x") is None and of_seconds(float("nan")) is None and of_seconds(-1) is None


@pytest.mark.parametrize(
    ("writer", "name", "by"),
    [
        ("HUMAN", "x", "human"), ("ANNOTATION", "x", "human"), ("app", "x", "human"), ("LLM", "user_score", "llm"),
        ("API", "groundedness", "code"), ("API", "user_score", "user"), ("sdk", "user_rating", "user"),
        (None, "thumbs_up", "user"), (None, "csat", "user"), (None, "user_intent_match", "code"),
    ],
)  # fmt: skip
def test_who_gave_a_score(writer: str | None, name: str, by: str) -> None:
    assert given_by(writer, name) == by


OF_PHOENIX = {
    ("brevity", "import", "code"): 10,
    ("correctness", "import", "human"): 10,
    ("hallucination", "import", "llm"): 4,
}
SCORED = {
    ("langsmith/runs.jsonl", "langsmith/feedback.jsonl"): {("user_score", "user", "user"): 13},
    ("langfuse/blob_export.documented_layout",): {("answer_length_ok", "import", "code"): 13},
    ("phoenix/spans.parquet", "phoenix/annotations.parquet"): OF_PHOENIX,
    ("phoenix/spans.parquet", "phoenix/annotations.csv"): OF_PHOENIX,
}


@pytest.mark.parametrize("names", SCORED)
def test_scores_of_files_of_their_own_find_their_spans(names: tuple[str, ...]) -> None:
    engine = opened(*(FIXTURES / name for name in names))
    try:
        info = engine.info()
    finally:
        engine.close()
    assert {one[:3]: one[3] for one in info.brought} == SCORED[names]
    assert not info.skipped


BROKEN = [
    b"\xff\xfe\x00garbage", b'{"a":', b"[" * 5000, b'{"id": NaN}', b'"text"', b"[[[[]]]]", b'{"data": "x"}',
    b'{"trace": [], "spans": {}}', '{"id": "\ud800"}'.encode("utf-8", "surrogatepass"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "braintrust/project_logs.jsonl", "langsmith/runs.jsonl", "mlflow/traces.jsonl",
        "langfuse/blob_export.documented_layout/observations_v2.jsonl",
        "claude_code/199b493e-153a-46aa-95e8-d3fe07bea288.jsonl",
    ],
)  # fmt: skip
def test_a_foreign_line_costs_only_itself(tmp_path: Path, name: str) -> None:
    whole, _ = read(FIXTURES / name)
    lines = (FIXTURES / name).read_bytes().splitlines()
    middle = len(lines) // 2
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b"\n".join([*lines[:middle], *BROKEN, *lines[middle:], b'{"id": "torn']))
    rows, report = read(path)
    known = {(row["trace_id"], row["span_id"]) for row in whole}
    assert {(row["trace_id"], row["span_id"]) for row in rows} >= known
    assert sum(report.skipped.values()) >= len(BROKEN) - 2
    assert all(":" in place for places in report.places.values() for place in places)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
READERS = [one for one in FORMATS if hasattr(one, "read") and one.name not in ("otlp", "phoenix")]
KEYS = (
    "id", "span_id", "root_span_id", "trace_id", "name", "type", "start_time", "end_time", "input", "output",
    "inputs", "outputs", "metadata", "metrics", "error", "tags", "usage", "usage_details", "extra", "events",
    "trace", "spans", "info", "data", "scores", "feedback_scores", "messages", "message", "content", "level",
    "model", "dotted_order", "parent_run_id", "span_parents", "span_attributes", "timestamp", "sessionId",
    "uuid", "references", "logs", "processes", "traceID", "spanID",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(st.dictionaries(st.sampled_from(KEYS), anything, max_size=10), min_size=1, max_size=4))
def test_no_reader_fails_on_any_record(
    tmp_path_factory: pytest.TempPathFactory, lines: list[dict[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in lines))
    seen = probe(path)
    for reader in READERS:
        report = ReadReport()
        for batch in reader.read(seen, report):  # type: ignore[union-attr]
            assert all(row["trace_id"] and row["span_id"] for row in batch)
    for scores in SCORE_FORMATS:
        list(scores.read_scores(seen, ReadReport()))
    list(records(seen, ReadReport()))


@pytest.mark.parametrize(
    "name", sorted(str(path.relative_to(FIXTURES)) for path in FIXTURES.rglob("*.json*") if path.is_file())
)
def test_every_sample_file_is_recognised_or_told_apart(name: str) -> None:
    if "project.json" in name:
        return
    assert detect(probe(FIXTURES / name)).name
