"""Columns of many names and types, read through the mapping in DuckDB and compared with canonical values."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_BY_NAME, COLUMN_NAMES
from traceview.sources.names import choose, normalised
from traceview.sources.open import open_sources
from traceview.sources.sql import as_time
from traceview.sources.visible import LARGEST_JSON
from traceview.store.duck.connection import MEMORY_LIMIT

IDS = {"trace_id": ["t"], "span_id": ["s"], "input": ["i"]}
DATABASE = duckdb.connect()
"""Made once: that takes longer than to read a table."""
BASE_NS = 1_767_225_600_123_456_789  # 2026-01-01T00:00:00.123456789Z


def write(path: Path, columns: dict[str, Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def read(path: Path, fields: list[str], overrides: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Canonical rows; times as integer nanoseconds."""
    relation = open_sources([str(path)], overrides).relations[0]
    picked = ", ".join(
        f'epoch_ns("{name}") AS "{name}"' if COLUMN_BY_NAME[name].type == "TIMESTAMP_NS" else f'"{name}"'
        for name in fields
    )
    with DATABASE.cursor() as connection:
        result = connection.execute(f"SELECT {picked} FROM ({relation.select(COLUMN_NAMES)})")
        return [dict(zip(fields, row, strict=True)) for row in result.fetchall()]


def value_of(tmp_path: Path, column: str, values: Any, field: str) -> Any:
    """The canonical value that one column with one value gives."""
    columns = {name: value for name, value in IDS.items() if name not in choose([column])}
    path = write(tmp_path / "t.parquet", {**columns, column: values})
    return read(path, [field])[0][field]


@pytest.mark.parametrize(
    ("column", "values", "field", "expected"),
    [
        ("traceId", ["ABC"], "trace_id", "ABC"),
        ("context.span_id", ["x1"], "span_id", "x1"),
        ("parentSpanId", ["0000000000000000"], "parent_id", None),
        ("parent_run_id", [""], "parent_id", None),
        ("parent_span_id", ["00ab"], "parent_id", "00ab"),
        ("Session_ID", ["c9"], "thread_id", "c9"),
        ("conversationId", [17], "thread_id", "17"),
        ("user_id", [3.0], "user_id", "3"),
        ("user_id", pa.array([uuid.UUID(int=1).bytes], pa.binary(16)), "user_id", "0" * 31 + "1"),
        ("prompt_version", [7], "prompt_version", "7"),
        ("prompt_version", ["2026-05"], "prompt_version", "2026-05"),
        ("llm.model_name", ["m"], "model", "m"),
        ("model_name", ["m"], "model", "m"),
        ("prompt_tokens", [float("nan")], "input_tokens", None),
        ("prompt_tokens", [12.0], "input_tokens", 12),
        ("inputTokens", ["1,234"], "input_tokens", 1234),
        ("completion_tokens", pa.array([5], pa.int32()), "output_tokens", 5),
        ("total cost", ["$0.25"], "cost_usd", 0.25),
        ("cost", [float("inf")], "cost_usd", None),
        ("cost_usd", [decimal.Decimal("0.125")], "cost_usd", 0.125),
        ("time_to_first_token", [0.5], "ttft_ms", 500.0),
        ("ttft_ms", [250], "ttft_ms", 250.0),
        ("run_type", ["LLM"], "kind", "llm"),
        ("type", ["GENERATION"], "kind", "llm"),
        ("span_kind", ["CHAT_MODEL"], "kind", "llm"),
        ("kind", ["Retriever "], "kind", "retriever"),
        ("kind", ["SPAN_KIND_INTERNAL"], "kind", "unknown"),
        ("name", ["execute_tool search"], "kind", "tool"),
        ("name", ["chat gpt-4o"], "kind", "llm"),
        ("name", ["chat turn"], "kind", "unknown"),
        ("model", ["gpt"], "kind", "llm"),
        ("status", ["STATUS_CODE_ERROR"], "status", "error"),
        ("status", ["StatusCode.OK"], "status", "ok"),
        ("status", ["success"], "status", "ok"),
        ("status", ["timed out"], "status", "error"),
        ("status", ["UNSET"], "status", "unset"),
        ("status", ["running"], "status", "unset"),
        ("status_code", [2], "status", "error"),
        ("status_code", [1], "status", "ok"),
        ("status_code", [0], "status", "unset"),
        ("status_code", [503], "status", "error"),
        ("status_code", ["200"], "status", "ok"),
        ("success", [False], "status", "error"),
        ("level", ["ERROR"], "status", "error"),
        ("error", [True], "status", "error"),
        ("error", [False], "status", "ok"),
        ("error", ["boom"], "status", "error"),
        ("error", ["boom"], "error_message", "boom"),
        ("error", [""], "status", "unset"),
        ("error", ["None"], "status", "unset"),
        ("error", ['{"type": "T", "message": "m"}'], "error_message", "m"),
        ("error", ['{"type": "T", "message": "m"}'], "error_type", "T"),
        ("error", [{"type": "T", "message": "m"}], "error_message", "m"),
        ("exception", ["E"], "error_message", "E"),
        ("status_message", ["fine"], "status", "unset"),
        ("error_message", ["bad"], "status", "error"),
        ("tags", [["a", "b"]], "tags", ["a", "b"]),
        ("tags", ["a, b,,"], "tags", ["a", "b"]),
        ("tags", ['["a"]'], "tags", ["a"]),
        ("tags", pa.array([None], pa.string()), "tags", None),
        ("question", ["q?"], "input_text", "q?"),
        ("answer", ["a!"], "output_text", "a!"),
        ("output", [{"answer": "x"}], "output", '{"answer":"x"}'),
        ("output", [{"answer": "x"}], "output_text", "x"),
        ("metadata", [{"a": 1}], "metadata", '{"a":1}'),
        ("finish_reasons", [["stop"]], "finish_reason", "stop"),
    ],
)
def test_one_column(tmp_path: Path, column: str, values: Any, field: str, expected: Any) -> None:
    assert value_of(tmp_path, column, values, field) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ('"quoted \\"x\\""', 'quoted "x"'),
        ('{"question": "q?"}', "q?"),
        ('{"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"two"}]}', "one"),
        ('[{"role":"user","content":"one"},{"role":"user","content":"two"}]', "two"),
        (
            '[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]}]',
            "a\nb",
        ),
        ('[{"role":"user","parts":[{"type":"text","content":"p"}]}]', "p"),
        ('{"messages":[[{"lc":1,"kwargs":{"type":"human","content":"h"}}]]}', "h"),
        ('{"content":[{"type":"text","text":"block"}]}', "block"),
        ("{not json", "{not json"),
        ("[1] a footnote", "[1] a footnote"),
        ('{"x": 1}', '{"x": 1}'),
        ("[]", "[]"),
        ("null", "null"),
    ],
)
def test_the_visible_text_of_an_input(tmp_path: Path, text: str, expected: str) -> None:
    path = write(tmp_path / "t.parquet", {"trace_id": ["t"], "input": [text]})
    assert read(path, ["input", "input_text"]) == [{"input": text, "input_text": expected}]


def test_json_of_many_megabytes_is_its_own_text_and_needs_no_more_room(tmp_path: Path) -> None:
    text = json.dumps({"answer": "x" * LARGEST_JSON})
    path = write(tmp_path / "t.parquet", {"trace_id": ["t"], "output": [text]})
    assert read(path, ["output_text"]) == [{"output_text": text}]
    rows = [{"number": number, "text": "words", "flags": [True, None, 1.5]} for number in range(500_000)]
    huge = json.dumps({"answer": "yes", "rows": rows})
    path = write(tmp_path / "huge.parquet", {"trace_id": ["t"], "output": [huge]})
    relation = open_sources([str(path)]).relations[0]
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": ""}) as connection:
        found = connection.execute(
            f"SELECT strlen(output_text) FROM ({relation.select(COLUMN_NAMES)})"
        ).fetchall()
    assert found == [(len(huge),)]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.timestamp("s"), 1_767_225_600, 1_767_225_600 * 10**9),
        (pa.timestamp("ms"), 1_767_225_600_123, 1_767_225_600_123 * 10**6),
        (pa.timestamp("us"), 1_767_225_600_123_456, 1_767_225_600_123_456 * 10**3),
        (pa.timestamp("ns"), BASE_NS, BASE_NS),
        (pa.timestamp("ns", "UTC"), BASE_NS, BASE_NS),
        (pa.timestamp("us", "America/New_York"), BASE_NS // 1000, BASE_NS // 1000 * 1000),
        (pa.date32(), dt.date(2026, 1, 1), 1_767_225_600 * 10**9),
        (pa.int64(), 1_767_225_600, 1_767_225_600 * 10**9),
        (pa.int64(), 1_767_225_600_123, 1_767_225_600_123 * 10**6),
        (pa.int64(), 1_767_225_600_123_456, 1_767_225_600_123_456 * 10**3),
        (pa.int64(), BASE_NS, BASE_NS),
        (pa.float64(), 1_767_225_600.25, 1_767_225_600_250_000_000),
        (pa.float64(), float("nan"), None),
        (pa.float64(), 1e300, None),
        (pa.string(), "2026-01-01T00:00:00.123456789Z", BASE_NS),
        (pa.string(), "2026-01-01 00:00:00.123456789", BASE_NS),
        (pa.string(), "2026-01-01T02:00:00.123456789+02:00", BASE_NS),
        (pa.string(), "2025-12-31T19:00:00.123456789-0500", BASE_NS),
        (pa.string(), "2026-01-01 00:00:00.123456+00:00", BASE_NS // 1000 * 1000),
        (pa.string(), "2026-01-01", 1_767_225_600 * 10**9),
        (pa.string(), "1767225600.25", 1_767_225_600_250_000_000),
        (pa.string(), str(BASE_NS), BASE_NS),
        (pa.string(), "yesterday", None),
        (pa.string(), "", None),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_times_of_every_type(tmp_path: Path, kind: Any, value: Any, expected: Any, zone: str) -> None:
    """The session's zone never moves a time."""
    path = tmp_path / "t.parquet"
    write(path, {"trace_id": ["t"], "input": ["i"], "timestamp": pa.array([value], kind)})
    relation = open_sources([str(path)]).relations[0]
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        row = connection.execute(
            f"SELECT epoch_ns(start_time) FROM ({relation.select(COLUMN_NAMES)})"
        ).fetchone()
    assert row == (expected,)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(10**17 * 3, 10**17 * 40),
    st.sampled_from([("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)]),
    st.sampled_from(["BIGINT", "VARCHAR"]),
)
def test_the_unit_of_an_epoch_is_seen_from_its_size(ns: int, unit: tuple[str, int], kind: str) -> None:
    number = ns // unit[1]
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT epoch_ns({as_time('x', kind)}) FROM (SELECT $1::{kind} AS x)", [str(number)]
        )
        assert row.fetchone() == (number * unit[1],)


@settings(max_examples=60, deadline=None)
@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_zone_of_an_iso_text(moment: dt.datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))
    expected = (zoned - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000
    with duckdb.connect() as connection:
        query = f"SELECT epoch_ns({as_time('x', 'VARCHAR')}) FROM (SELECT $1::VARCHAR AS x)"
        assert connection.execute(query, [zoned.isoformat()]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("column", "values", "nanoseconds"),
    [
        ("latency_ms", [1500], 1_500_000_000),
        ("latency_s", [1.5], 1_500_000_000),
        ("duration_seconds", [2], 2_000_000_000),
        ("duration_ns", [77], 77),
        ("duration", [1500], 1_500_000_000),
        ("latency", [1.5], 1_500_000_000),
        ("latency", [1500.5], 1_500_500_000),
        ("duration", [1_500_000_000], 1_500_000_000),
        ("elapsed", pa.array([dt.timedelta(seconds=3)]), 3_000_000_000),
        ("latency_ms", [-1], None),
    ],
)
def test_a_duration_gives_the_end(tmp_path: Path, column: str, values: Any, nanoseconds: int | None) -> None:
    path = tmp_path / "t.parquet"
    write(path, {**IDS, "start_time": pa.array([BASE_NS], pa.timestamp("ns")), column: values})
    expected = None if nanoseconds is None else BASE_NS + nanoseconds
    assert read(path, ["start_time", "end_time"]) == [{"start_time": BASE_NS, "end_time": expected}]


@pytest.mark.parametrize(
    ("total", "read_tokens", "written", "expected"),
    [(100, 40, 10, 100), (10, 40, 5, 55), (10, None, None, 10), (None, 40, 0, None), (50, 50, 0, 50)],
)
def test_cached_tokens_are_part_of_the_input(
    tmp_path: Path, total: int | None, read_tokens: int | None, written: int | None, expected: int | None
) -> None:
    columns = {
        "input_tokens": pa.array([total], pa.int64()),
        "cache_read_input_tokens": pa.array([read_tokens], pa.int64()),
        "cache_creation_input_tokens": pa.array([written], pa.int64()),
    }
    path = write(tmp_path / "t.parquet", {**IDS, **columns})
    assert read(path, ["input_tokens"]) == [{"input_tokens": expected}]


@pytest.mark.parametrize(
    "feedback",
    [
        pa.array([[{"name": "good", "score": 1.0, "comment": "c", "source": "HUMAN"}]]),
        pa.array([[{"key": "good", "value": "1", "reason": "c", "annotator_kind": "human"}]]),
        pa.array(['[{"name":"good","score":1,"explanation":"c","source":{"type":"human"}}]']),
        pa.array([{"good": {"score": 1, "comment": "c", "source": "human"}}]),
    ],
)
def test_feedback_of_any_shape(tmp_path: Path, feedback: pa.Array) -> None:
    # Columns called as what the SQL calls its own.
    others = {"item": ["a"], "items": ["b"], "name": ["c"]}
    path = write(tmp_path / "t.parquet", {**IDS, **others, "feedback": feedback, "parent_id": ["p"]})
    scores = json.loads(read(path, ["scores"])[0]["scores"])
    assert scores == [
        {
            "target": "span",
            "name": "good",
            "value": 1.0,
            "label": None,
            "comment": "c",
            "source": "human",
            "author": None,
            "correction": None,
            "time": None,
        }
    ]


def test_feedback_as_a_map_of_numbers_and_labels(tmp_path: Path) -> None:
    values = ['{"grounded": 0.5, "tone": "rude", "ok": true, "absent": null}']
    path = write(tmp_path / "t.parquet", {**IDS, "feedback": values})
    scores = json.loads(read(path, ["scores"])[0]["scores"])
    assert [(item["name"], item["value"], item["label"]) for item in scores] == [
        ("grounded", 0.5, None),
        ("tone", None, "rude"),
        ("ok", 1.0, None),
    ]
    assert {item["target"] for item in scores} == {"trace"}


@pytest.mark.parametrize("value", [[[]], ["[]"], pa.array([None], pa.string()), [""], ["no json"]])
def test_no_feedback_is_null(tmp_path: Path, value: Any) -> None:
    kind = pa.list_(pa.struct([("name", pa.string())])) if value == [[]] else None
    path = write(tmp_path / "t.parquet", {**IDS, "feedback": pa.array(value, kind)})
    assert read(path, ["scores"]) == [{"scores": None}]


def test_other_columns_and_the_attributes_column_are_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        {
            **{name: values * 2 for name, values in IDS.items()},
            "attributes": ['{"a": null, "b": {"c": [1]}}', None],
            "customer tier": ["gold", None],
            "ratio": [float("nan"), 0.5],
            "blob": [b"\x01\xff", None],
        },
    )
    rows = read(path, ["attributes"])
    assert json.loads(rows[0]["attributes"]) == {
        "a": None,
        "b": {"c": [1]},
        "customer tier": "gold",
        "blob": "01ff",
    }
    assert json.loads(rows[1]["attributes"]) == {"ratio": 0.5}


def test_attribute_keys_stand_in_for_missing_columns(tmp_path: Path) -> None:
    attributes = {
        "openinference.span.kind": "LLM",
        "session.id": "c1",
        "llm.model_name": "m",
        "llm.token_count.prompt": 9,
        "input.value": '{"question": "q"}',
    }
    path = write(
        tmp_path / "t.parquet",
        {"trace_id": ["t"], "span_id": ["s"], "start_time": [1], "attributes": [json.dumps(attributes)]},
    )
    fields = ["kind", "thread_id", "model", "input_tokens", "input", "input_text"]
    assert list(read(path, fields)[0].values()) == ["llm", "c1", "m", 9, '{"question": "q"}', "q"]


def test_rows_without_ids_get_stable_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "chat.parquet", {"input": ["a", "b"], "output": ["c", "d"]})
    rows = read(path, ["trace_id", "span_id", "input"])
    assert [row["span_id"] for row in rows] == ["chat:0", "chat:1"]
    assert [row["trace_id"] for row in rows] == ["chat:0", "chat:1"]


def test_single_missing_ids_are_filled(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        {"trace_id": ["t", None, None], "span_id": ["a", "b", None], "input": ["x", "y", "z"]},
    )
    rows = read(path, ["trace_id", "span_id"])
    assert [(row["trace_id"], row["span_id"]) for row in rows] == [("t", "a"), ("b", "b"), ("t:2", "t:2")]


def test_bare_columns_stay_bare(tmp_path: Path) -> None:
    """DuckDB prunes row groups by statistics only where the expression is the column itself."""
    path = write(
        tmp_path / "t.parquet",
        {**IDS, "start_time": pa.array([BASE_NS], pa.timestamp("ns")), "model": ["m"], "input_tokens": [1]},
    )
    mapping = open_sources([str(path)]).relations[0].mapping
    for name in ("trace_id", "span_id", "start_time", "model", "input_tokens", "input"):
        assert mapping.expressions[name] == f'"{name}"'
    assert (mapping.start_column, mapping.start_type) == ("start_time", "TIMESTAMP_NS")


def test_overrides(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        {
            **IDS,
            "release": ["r7"],
            "model": ["m"],
            "meta": ['{"a": {"b": "deep"}, "c.d": "dotted"}'],
            "took": [2],
        },
    )
    fields = ["prompt_version", "model", "user_id", "environment"]
    chosen = {"prompt_version": "release", "model": "", "user_id": "meta.a.b", "env": "meta.c.d"}
    assert list(read(path, fields, chosen)[0].values()) == ["r7", None, "deep", "dotted"]
    # a column that fed one field and now feeds another is no longer in the first
    assert read(path, ["model", "name"], {"name": "model"}) == [{"model": None, "name": "m"}]


def test_an_override_gives_the_unit(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {**IDS, "start_time": [BASE_NS], "duration": [3]})
    assert read(path, ["end_time"])[0]["end_time"] == BASE_NS + 3 * 10**6
    assert read(path, ["end_time"], {"latency_s": "duration"})[0]["end_time"] == BASE_NS + 3 * 10**9


@pytest.mark.parametrize(
    ("overrides", "message", "hint"),
    [
        ({"modle": "m"}, "there is no field 'modle'", "did you mean model?"),
        ({"model": "trace_idd"}, "has no column 'trace_idd'", "did you mean trace_id?"),
        ({"model": "zzz"}, "has no column 'zzz'", "the columns are trace_id, span_id, input"),
    ],
)
def test_wrong_overrides(tmp_path: Path, overrides: dict[str, str], message: str, hint: str) -> None:
    path = write(tmp_path / "t.parquet", IDS)
    with pytest.raises(BadInput) as caught:
        open_sources([str(path)], overrides)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_any_table_can_be_mapped_by_hand(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {"frage": ["f"], "antwort": ["a"], "wer": ["w"]})
    with pytest.raises(BadInput, match="they are frage, antwort, wer") as caught:
        open_sources([str(path)])
    assert "--map" in (caught.value.hint or "")
    rows = read(
        path, ["input", "output", "user_id"], {"input": "frage", "output": "antwort", "user_id": "wer"}
    )
    assert rows == [{"input": "f", "output": "a", "user_id": "w"}]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("traceId", "trace_id"),
        ("TraceID", "trace_id"),
        ("context.span_id", "context_span_id"),
        ("attributes.llm.model_name", "llm_model_name"),
        ("Total Cost (USD)", "total_cost_usd"),
        ("attributes", "attributes"),
    ],
)
def test_names_are_compared_as_snake_case(name: str, expected: str) -> None:
    assert normalised(name) == expected


def test_a_column_feeds_one_field_only() -> None:
    chosen = choose(["id", "trace_id", "prompt", "response", "type", "name", "timestamp", "created_at"])
    assert chosen == {
        "span_id": "id",
        "trace_id": "trace_id",
        "input": "prompt",
        "output": "response",
        "kind": "type",
        "name": "name",
        "start_time": "timestamp",
    }


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.integers() | st.text(max_size=5), max_size=4))
def test_hostile_column_names_and_values_never_break_the_sql(extra: dict[str, Any]) -> None:
    """Quotes, semicolons, braces and control characters in names are names."""
    seen = {name.lower() for name in IDS}
    columns: dict[str, Any] = dict(IDS)
    for name, value in extra.items():
        clean = name.encode("utf-8", "ignore").decode().replace("\0", "")
        if clean and clean.lower() not in seen and abs(value if isinstance(value, int) else 0) < 2**63:
            seen.add(clean.lower())
            text = value if isinstance(value, int) else value.encode("utf-8", "ignore").decode()
            columns[clean] = [text]
    with duckdb.connect() as connection:
        import tempfile

        with tempfile.TemporaryDirectory() as directory:
            relation = open_sources([str(write(Path(directory) / "t.parquet", columns))]).relations[0]
            row = connection.execute(relation.select(["trace_id", "attributes"])).fetchone()
    assert row is not None
    assert row[0] == "t"
