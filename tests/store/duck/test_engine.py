"""An opened source end to end: figures, odd trees, payloads, labels, newer parts, index files, interrupts."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from benchmarks.clock import cpu_seconds
from shop_data import SECOND, shop, span, write

from traceview.filters import parse
from traceview.model.errors import BadInput, Cancelled
from traceview.model.labels import LabelRow, Target
from traceview.store.duck import lifecycle, queries
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.labels.store import CurrentChanges

FIXTURES = Path(__file__).parents[2] / "fixtures"

TRACES = ListQuery("traces")
SPANS = ListQuery("spans")

FIGURES = [
    ("phoenix/spans.parquet", 125, 16, 8, 10, 33, 18, 12, 13996, 1472),
    ("openinference/anthropic.otlp.jsonl", 125, 16, 8, 10, 33, 18, 12, 13996, 1472),
    ("openinference/openai.otlp.jsonl", 92, 16, 8, 7, 33, 18, 12, 14334, 1237),
    ("otel_genai/openai-latest.otlp.jsonl", 92, 16, 8, 7, 33, 18, 12, 14334, 1237),
]


@pytest.mark.parametrize("row", FIGURES, ids=lambda row: row[0])
def test_figures_of_real_files(opening: Any, row: tuple[Any, ...]) -> None:
    path, spans, traces, threads, errors, calls, tools, retrievers, tokens_in, tokens_out = row
    info = opening(FIXTURES / path).info()
    assert (info.spans, info.traces, info.threads, info.error_spans) == (spans, traces, threads, errors)
    assert info.llm_calls == calls
    assert (info.spans_by_kind["tool"], info.spans_by_kind["retriever"]) == (tools, retrievers)
    assert (info.input_tokens, info.output_tokens) == (tokens_in, tokens_out)


def test_a_trace_is_its_row_and_its_spans(engine: Engine) -> None:
    detail = engine.trace("t2")
    row = detail.trace
    assert [one["span_id"] for one in detail.spans] == ["a", "b", "c"]
    assert (row["errors"], row["leaf_errors"], row["status"], row["llm_calls"]) == (2, 1, "error", 1)
    assert row["input_preview"] == "no, I meant the OTHER order"
    assert row["duration_ms"] == 20_000
    assert detail.spans[1]["thread_id"] == "th1" and detail.spans[1]["prompt_version"] == "v2"
    assert not detail.maybe_incomplete
    with pytest.raises(BadInput, match="no trace 'nope'"):
        engine.trace("nope")


@pytest.mark.parametrize("at_once", [1, 2, 3, 8_192])
def test_spans_by_column_are_those_by_row(
    tmp_path: Path, opening: Any, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(queries, "SPANS_AT_ONCE", at_once)
    rows = [
        span("t", "root", None, "agent", 0, 9, tags=["vip", None, "eu"], temperature=0.5),
        # written twice: one is left out, and with it the number it had
        span("t", "call", "root", "llm", 1, 1, tags=[], input_tokens=2**53 + 1, cost_usd=0.1),
        span("t", "call", "root", "llm", 1, 1, tags=[], input_tokens=2**53 + 1, cost_usd=0.1),
        span("t", "late", "root", "tool", None, None),
        span("t", "tool", "root", "tool", 2, 1, status="error"),
    ]
    engine = opening(write(tmp_path / "data", "spans", [*shop(), *rows]))
    by_row = engine._database.rows(
        f"SELECT * FROM {engine._queries().index.spans} WHERE trace_id = 't' ORDER BY span_no"
    )
    spans = engine.trace("t").spans
    assert [{**row, "scores": {}} for row in by_row] == list(spans) and len(spans) == 4
    for row, given in zip(by_row, spans, strict=True):
        assert [type(value) for value in row.values()] == [type(given[name]) for name in row]


def test_the_start_of_a_trace_leads_to_it_and_a_wrong_one_does_no_harm(engine: Engine) -> None:
    detail = engine.trace("t2")
    start = detail.trace["start_ns"]
    for one in (start, start + 1, 0, None):
        found = engine.trace("t2", None, one)
        assert (found.trace, list(found.spans)) == (detail.trace, list(detail.spans))
    with pytest.raises(BadInput, match="no trace 'nope'"):
        engine.trace("nope", None, start)


def test_several_traces_are_each_as_it_is_alone_in_the_order_asked_for(engine: Engine) -> None:
    names = ["t4", "t1", "t2", "t1", "t3"]
    found = engine.traces(names)
    assert [one.trace["trace_id"] for one in found] == names
    for detail in found:
        alone = engine.trace(detail.trace["trace_id"])
        assert (detail.trace, list(detail.spans)) == (alone.trace, list(alone.spans))
    assert engine.traces([]) == ()
    with pytest.raises(BadInput, match="no trace 'nope'"):
        engine.traces(["t1", "nope"])


def test_a_thread_is_its_traces_in_order(engine: Engine) -> None:
    detail = engine.thread("th1")
    assert [one["trace_id"] for one in detail.traces] == ["t1", "t2"]
    assert (detail.thread["first_input"], detail.thread["last_output"]) == (
        "Where is my order?",
        "It is on its way.",
    )
    assert (detail.thread["traces"], detail.thread["spans"], detail.thread["errors"]) == (2, 6, 2)


def test_payloads_come_in_the_order_asked_for(engine: Engine) -> None:
    spans = list(engine.trace("t1").spans)[::-1]
    assert [one.output_text for one in engine.payloads(spans)] == [
        "shipped",
        "Let me look. 100% sure",
        "It is on its way.",
    ]


@pytest.mark.parametrize(
    ("target", "kind"), [("t1", "trace"), ("th2", "thread"), ("b", None), ("th", None), ("nothing", None)]
)
def test_resolves_ids_and_unique_prefixes(engine: Engine, target: str, kind: str | None) -> None:
    if kind is None:
        with pytest.raises(BadInput):
            engine.resolve(target)
    else:
        assert engine.resolve(target).kind == kind


def odd_trees() -> list[dict[str, Any]]:
    return [
        *(
            span("ring", one, other, start=at)
            for at, (one, other) in enumerate([("x", "y"), ("y", "z"), ("z", "x")])
        ),
        span("self", "s", "s"),
        span("orphans", "o1", "gone", start=1),
        span("orphans", "o2", "o1", start=2),
        span("backwards", "p", None, start=10, seconds=-5),
        span("backwards", "q", "p", start=1, seconds=1),
        span("timeless", "n", None, start=None),
        span("twice", "d", None, name="first", start=3),
        span("twice", "d", None, name="second", start=4),
    ]


def test_odd_trees_lose_no_span(tmp_path: Path, opening: Any) -> None:
    engine = opening(write(tmp_path / "data", "odd", odd_trees()))
    traces = {row["trace_id"]: row for row in engine.first_page(TRACES, 99).rows}
    assert {name: row["spans"] for name, row in traces.items()} == {
        "ring": 3, "self": 1, "orphans": 2, "backwards": 2, "timeless": 1, "twice": 1,
    }  # fmt: skip
    assert traces["orphans"]["root_span_id"] == "o1"
    assert traces["twice"]["name"] == "second"
    assert traces["timeless"]["start_ns"] is None
    backwards = {one["span_id"]: one["duration_ms"] for one in engine.trace("backwards").spans}
    assert backwards == {"p": None, "q": 1000.0}
    repeated = [one for one in engine.info().skipped if "more than once" in one.reason]
    assert [one.count for one in repeated] == [1]


class Labels:
    """A label store of a test: rows that can be added."""

    def __init__(self) -> None:
        self.rows: list[LabelRow] = []
        self.gone: list[LabelRow] = []

    def data_version(self) -> int:
        return len(self.rows) + len(self.gone)

    def current_changes(self, seq: int) -> CurrentChanges:
        keys = tuple((one.target, one.name, one.source, one.annotator) for one in self.gone)
        return CurrentChanges(len(self.rows), tuple(self.rows[seq:]), keys)


def label(trace: str, name: str, value: Any, annotator: str = "ann", **more: Any) -> LabelRow:
    return LabelRow(
        "", Target("trace", trace, trace), name, value, "human", annotator, "2026-01-01T00:00:00Z", **more
    )


def ids(engine: Engine, text: str) -> list[str]:
    selection = engine.select(ListQuery("traces", parse(text)))
    return sorted(row["trace_id"] for row in engine.rows(selection, 0, 99).rows)


def test_filters_and_rows_meet_labels(tmp_path: Path, opening: Any) -> None:
    labels = Labels()
    labels.rows = [label("t1", "good", True), label("t2", "good", False), label("t3", "note", "too short")]
    engine = opening(write(tmp_path / "data", "shop", shop()), labels=labels)
    assert (ids(engine, "score.good:pass"), ids(engine, "score.good.human:fail")) == (["t1"], ["t2"])
    assert ids(engine, "score.good.judge:fail") == []
    assert (ids(engine, "label:none"), ids(engine, "note:short"), ids(engine, "bad:any")) == (
        ["t3", "t4"],
        ["t3"],
        ["t2"],
    )
    assert (ids(engine, "score:any"), ids(engine, "score:none")) == (["t1", "t2"], ["t3", "t4"])
    assert engine.trace("t1").trace["scores"] == {"good": {"human": {"ann": True}}}

    generation = engine.generation
    assert not engine.refresh_labels()
    labels.rows.append(label("t4", "mode", ("made-up link", "rude"), "bob"))
    assert engine.refresh_labels() and engine.generation > generation
    assert ids(engine, 'mode:"made-up link"') == ["t4"]
    labels.gone.append(labels.rows[0])
    assert engine.refresh_labels()
    assert ids(engine, "score.good:pass") == []


@pytest.mark.parametrize(
    ("files", "counts", "repeated"),
    [
        (["phoenix"], {"brevity": 10, "correctness": 10, "hallucination": 4}, 24),
        (["mlflow"], {"groundedness": 4, "helpful": 5}, 18),
        (["mlflow/traces.jsonl"], {"groundedness": 4, "helpful": 5}, 0),
        (["opik"], {"user_rating": 13}, 13),
        (["langfuse"], {"answer_length_ok": 13}, 0),
    ],
)
def test_a_score_that_several_files_bring_counts_once(
    opening: Any, files: list[str], counts: dict[str, int], repeated: int
) -> None:
    engine = opening(*(FIXTURES / name for name in files))
    info = engine.info()
    assert {name: count for name, _, _, count, _ in info.brought} == counts
    told = {one.reason: one.count for one in info.skipped}
    assert told.get("scores written more than once: the newest counts", 0) == repeated
    assert list(engine.sql("SELECT count(*) FROM scores").rows) == [(sum(counts.values()),)]


def test_of_scores_of_one_author_the_newest_counts(tmp_path: Path, opening: Any) -> None:
    given = [("old", "09"), ("new", "11"), ("between", "10")]
    scores = json.dumps(
        [
            {"target": "trace", "name": "tone", "label": label, "source": "human", "author": "eve"}
            | {"time": f"2026-11-01T{hour}:00:00Z"}
            for label, hour in given
        ]
    )
    engine = opening(write(tmp_path / "data", "one", [span("t", "a", None, scores=scores)]))
    assert engine.trace("t").trace["scores"] == {"tone": {"import": {"human:eve": "new"}}}
    assert [row.value for row in engine.brought_scores("tone")] == ["new"]


def test_scores_that_the_source_brings(tmp_path: Path, opening: Any) -> None:
    scores = '[{"target": "trace", "name": "helpful", "value": 0.5, "source": "human", "author": "eve"}]'
    engine = opening(write(tmp_path / "data", "one", [span("t", "a", None, scores=scores)]))
    assert engine.trace("t").trace["scores"] == {"helpful": {"import": {"human:eve": 0.5}}}
    assert ids(engine, "score.helpful.import<0.7") == ["t"]


def wait_until(engine: Engine, generation: int) -> None:
    deadline = time.monotonic() + 30
    while engine.generation <= generation:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    engine.wait_ready()


def test_parts_that_arrive_later(tmp_path: Path, opening: Any) -> None:
    data = tmp_path / "data"
    write(data, "one", shop())
    engine = opening(data)
    old = engine.select(TRACES)
    assert not engine.refresh_source()
    write(data, "two", [span("t4", "late", "a", "tool", 301), span("t5", "a", None, start=400)])
    generation = engine.generation
    assert engine.refresh_source()
    wait_until(engine, generation)
    assert engine.trace("t4").trace["spans"] == 2
    assert [row["trace_id"] for row in engine.first_page(TRACES, 2).rows] == ["t5", "t4"]
    assert [row["trace_id"] for row in engine.rows(old, 0, 9).rows] == ["t4", "t3", "t2", "t1"]


def test_a_rewritten_file_never_gives_other_payloads(tmp_path: Path, opening: Any) -> None:
    path = write(tmp_path / "data", "one", shop())
    engine = opening(path)
    spans = engine.trace("t3").spans
    other = write(tmp_path / "other", "one", [span("x", "y", None, start=at) for at in range(9)])
    other.replace(path)
    with pytest.raises(BadInput, match="no longer where it was"):
        engine.payloads(spans)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even the shop is large enough for an index file and an early page."""
    monkeypatch.setattr(lifecycle, "SMALL_SPANS", 5)
    monkeypatch.setattr(lifecycle, "_DIRECT_SPANS", 5)


@pytest.mark.usefixtures("large")
def test_the_index_file_is_built_once(tmp_path: Path, opening: Any, cache: Path) -> None:
    path = write(tmp_path / "data", "shop", shop())
    first = opening(path)
    built = list((cache / "index").glob("*.duckdb"))
    assert (
        len(built) == 1 and [one.name for one in (cache / "index").iterdir() if "building" in one.name] == []
    )
    written = built[0].stat().st_ino
    second = opening(path)
    assert built[0].stat().st_ino == written
    assert first.info() == second.info()
    write(tmp_path / "data", "shop", [*shop(), span("t5", "a", None, start=900)])
    generation = second.generation
    assert second.refresh_source()
    wait_until(second, generation)
    assert second.info().traces == 5
    assert list(second.sql("SELECT count(*) FROM spans").rows) == [(9,)]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("order", ["sorted", "random"])
def test_the_early_page_shows_what_the_index_will(tmp_path: Path, opening: Any, order: str) -> None:
    parts = [[], [], []] if order == "random" else [[]]
    for number, row in enumerate(shop()):
        parts[number % len(parts)].append(row)
    for number, rows in enumerate(parts):
        write(tmp_path / "data", f"part{number}", rows)
    engine = opening(tmp_path / "data", wait=False)
    early = engine.first_page(TRACES, 2).rows
    engine.wait_ready()
    late = engine.first_page(TRACES, 2).rows
    hidden = ("trace_no", "first_span")
    assert [{k: v for k, v in row.items() if k not in hidden} for row in early] == [
        {k: v for k, v in row.items() if k not in hidden} for row in late
    ]


def test_cancelling_before_during_and_never(engine: Engine) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        engine.select(SPANS, token)
    token = CancelToken()
    timer = threading.Timer(0.2, token.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        list(
            engine.sql(
                "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range <> b.range", token
            ).rows
        )
    assert time.monotonic() - began < 5
    assert len(engine.select(SPANS, CancelToken())) == 8


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1; SELECT 2",
        "DROP TABLE spans",
        "COPY spans TO 'x.csv'",
        "ATTACH 'x.duckdb'",
        "PRAGMA version",
        "SET threads = 1",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT nothing FROM spans",
        "SELEC",
        "",
    ],
)
def test_sql_refuses_all_but_one_select(engine: Engine, statement: str) -> None:
    with pytest.raises(BadInput):
        list(engine.sql(statement).rows)


def test_sql_sees_the_columns_of_the_lists(engine: Engine) -> None:
    from traceview.model.rows import SPAN_COLUMNS, THREAD_COLUMNS, TRACE_COLUMNS

    for view, columns in (("spans", SPAN_COLUMNS), ("traces", TRACE_COLUMNS), ("threads", THREAD_COLUMNS)):
        assert engine.sql(f"FROM {view}").columns == columns
    assert list(
        engine.sql(
            "SELECT name, count(*) FROM traces JOIN spans USING (trace_id, name) GROUP BY 1 ORDER BY 1"
        ).rows
    )


def test_the_time_of_a_trace_grows_with_its_spans_and_no_faster(tmp_path: Path, opening: Any) -> None:
    def rows(trace_id: str, count: int) -> list[dict[str, Any]]:
        tools = range(1, count)
        return [span(trace_id, "root", None, "agent", 0, 100)] + [
            span(trace_id, f"s{n}", f"s{n // 2}" if n > 1 else "root", "tool", n / 1000, 0.01) for n in tools
        ]

    engine = opening(write(tmp_path / "data", "both", rows("small", 2_000) + rows("big", 20_000)))
    detail = engine.trace("big")
    assert len(detail.spans) == 20_000
    assert detail.spans[0]["start_ns"] + SECOND == detail.spans[1000]["start_ns"]
    small, big = (cpu_seconds(lambda name=name: engine.trace(name)) for name in ("small", "big"))
    assert big < 40 * small  # ten times the spans; a pair of each with each would be a hundred times


def test_completes_values_by_frequency(engine: Engine) -> None:
    assert engine.complete("model", "cl") == ("claude-x",)
    assert engine.complete("tool_name", "order") == ("get_order",)
    assert engine.complete("prompt_version", "v") == ("v1", "v2")


def test_prompts_have_their_figures(engine: Engine) -> None:
    rows = {row["prompt_version"]: row for row in engine.prompts()}
    assert (rows["v1"]["traces"], rows["v1"]["spans"], rows["v1"]["input_tokens"]) == (1, 3, 100)
    assert (rows["v2"]["errors"], rows["v2"]["tokens"]) == (2, 2020)
    assert [row["prompt_version"] for row in engine.prompts(parse("status:error"))] == ["v2"]


def test_sql_tells_times_with_all_digits(tmp_path: Path, opening: Any) -> None:
    row = {**span("t", "a", None), "start_ns": 1_790_000_000_123_456_789}
    engine = opening(write(tmp_path / "data", "one", [row]))
    found = engine.sql("SELECT start_time, start_time, ';' AS x FROM spans; -- all;")
    assert found.columns[0] == "start_time"
    assert next(iter(found.rows))[:2] == ("2026-09-21T14:13:20.123456789Z",) * 2


@pytest.mark.usefixtures("large")
def test_sql_reads_an_index_file_and_the_scores(tmp_path: Path, opening: Any) -> None:
    scores = '[{"target": "trace", "name": "helpful", "value": 0.5, "source": "human", "author": "eve"}]'
    rows = [*shop(), span("t9", "a", None, start=950, scores=scores)]
    engine = opening(write(tmp_path / "data", "shop", rows))
    assert list(engine.sql("SELECT scores FROM traces WHERE trace_id = 't9'").rows) == [
        ('{"helpful":{"import":{"human:eve":0.5}}}',)
    ]
    assert list(engine.sql("SELECT count(*), count(scores) FROM traces").rows) == [(5, 1)]


def test_one_failed_call_recorded_twice_is_one_leaf_error(tmp_path: Path, opening: Any) -> None:
    rows = [
        span("t", "root", None, "agent", 0, 9, status="error"),
        span("t", "own", "root", "llm", 1, 2, status="error", call_id="c1", input_text="hi", input_tokens=5),
        span("t", "sdk", "root", "llm", 1, 2, status="error", call_id="c1"),
        span("t", "other", "root", "llm", 4, 2, status="error", call_id="c2"),
    ]
    trace = opening(write(tmp_path / "data", "one", rows)).trace("t")
    assert (trace.trace["errors"], trace.trace["leaf_errors"]) == (4, 2)
    assert {one["span_id"] for one in trace.spans if one["leaf_error"]} == {"own", "other"}
