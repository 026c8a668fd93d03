"""Every named query with the index, beside the bare SQL for the same answer on the same tables.

The floor is DuckDB alone: a connection of its own in this process, with the settings that the engine has, that
attaches the same index file and fetches the rows as tuples. The two take turns, so that whatever else the machine does
meets both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.budgets.data import Data
from benchmarks.budgets.figures import Budget, Figure
from traceview.filters.parser import parse
from traceview.model.labels import Target
from traceview.store.duck.connection import connect, text
from traceview.store.duck.engine import DuckEngine
from traceview.store.interface import ListQuery, Row, Selection
from traceview.store.open import open_engine

PAGE = 50
LEAST_SECONDS = 0.4
"""A quick query is repeated for so long."""
NEWEST = "start_ns DESC NULLS LAST, trace_no DESC"
TOTALS = (
    "count(*), count(*) FILTER (status = 'error'), sum(input_tokens), sum(output_tokens), sum(cost_usd), "
    "sum(uncosted), quantile_cont(duration_ms, 0.5), quantile_cont(duration_ms, 0.95), quantile_cont(cost_usd, 0.95)"
)
PAYLOAD = "input, output, attributes, trace_id, span_id, kind, name, tool_name, error"

Ask = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Question:
    """A named query, and the bare statements that answer the same; `most_ms` is a budget beside the ratio."""

    name: str
    ask: Ask
    statements: tuple[str, ...]
    most_ms: float | None = None
    numbers: bool = False
    """Whether the answer is one column of numbers, fetched as an array."""


class Sides:
    """The engine, and DuckDB alone on the same index file."""

    def __init__(self, data: Data) -> None:
        """Builds the index if there is none."""
        self.data = data
        engine = open_engine([str(data.path)])
        assert isinstance(engine, DuckEngine)
        self.engine = engine
        engine.wait_ready()
        file = engine._queries().index.file
        assert file is not None, "a source this small has no index file"
        self.connection = connect()
        self.connection.execute(f"ATTACH {text(str(file))} AS indexed (READ_ONLY)")
        self.connection.execute("USE indexed")

    def close(self) -> None:
        """Let go of both."""
        self.connection.close()
        self.engine.close()

    def bare(self, question: Question) -> None:
        """Answer with DuckDB alone."""
        cursor = self.connection.cursor()
        cursor.execute("USE indexed")
        for statement in question.statements:
            found = cursor.execute(statement)
            if question.numbers:
                found.fetchnumpy()
            else:
                found.fetchall()
        cursor.close()

    def one(self, statement: str) -> Any:
        """The first value of an answer."""
        found = self.connection.execute(statement).fetchone()
        assert found is not None, statement
        return found[0]


def questions(sides: Sides) -> Iterator[Question]:
    """Every named query."""
    engine, data = sides.engine, sides.data
    yield from _lists(sides)
    for words, condition in FILTERS:
        query = ListQuery("traces", parse(words))
        yield Question(
            f"filter {words}: first page",
            lambda query=query: engine.first_page(query, PAGE),
            (f"SELECT * FROM traces t WHERE {condition} ORDER BY {NEWEST} LIMIT {PAGE}",),
            most_ms=200,
        )
        yield Question(
            f"filter {words}: totals",
            lambda query=query: engine.totals(query),
            (f"SELECT {TOTALS} FROM traces t WHERE {condition}", "SELECT count(*) FROM traces"),
        )
    yield from _items(sides)
    yield from _figures(engine)
    scan = f"read_parquet({text(str(data.path))}, file_row_number = true)"
    yield from _payloads(sides, scan)


FILTERS = (
    ("status:error", "status = 'error'"),
    ("latency>20s", "duration_ms > 20000"),
    ("prompt:support@v2", "len(list_filter(prompt_versions, lambda p: p.name = 'support' AND p.version = 'v2')) > 0"),
    ("tool:search_team", "list_contains(tools, 'search_team')"),
    ("user:u_17", "trace_no IN (SELECT trace_no FROM spans WHERE user_id = 'u_17')"),
    ("any(span: kind:tool status:error)",
     "trace_no IN (SELECT trace_no FROM spans WHERE kind = 'tool' AND status = 'error')"),
)  # fmt: skip


def _lists(sides: Sides) -> Iterator[Question]:
    engine = sides.engine
    for level, number, order in (
        ("traces", "trace_no", NEWEST),
        ("threads", "thread_no", "start_ns DESC NULLS LAST, thread_no DESC"),
        ("spans", "span_no", "start_ns DESC NULLS LAST, span_no DESC"),
    ):
        query = ListQuery(level)  # type: ignore[arg-type]
        yield Question(
            f"page of {level}, newest",
            lambda query=query: engine.first_page(query, PAGE),
            (f"SELECT * FROM {level} ORDER BY {order} LIMIT {PAGE}",),
        )
        selection = engine.select(query)
        middle = len(selection) // 2
        numbers = [int(one) for one in selection.keys[middle : middle + PAGE]]
        yield Question(
            f"page of {level}, in the middle",
            lambda selection=selection, middle=middle: engine.rows(selection, middle, PAGE),
            (_by_numbers(level, number, numbers),),
        )
        yield Question(
            f"select all {level}",
            lambda query=query: engine.select(query),
            (f"SELECT {number} FROM {level} ORDER BY {order}",),
            numbers=True,
        )
    failed: Selection = engine.select(ListQuery("traces", parse("status:error")))
    middle = len(failed) // 2
    numbers = [int(one) for one in failed.keys[middle : middle + PAGE]]
    yield Question(
        "page of a filter, in the middle",
        lambda: engine.rows(failed, middle, PAGE),
        (_by_numbers("traces", "trace_no", numbers),),
    )
    yield Question(
        "select status:error",
        lambda: engine.select(ListQuery("traces", parse("status:error"))),
        (f"SELECT trace_no FROM traces WHERE status = 'error' ORDER BY {NEWEST}",),
        numbers=True,
    )
    yield Question(
        "totals",
        lambda: engine.totals(ListQuery("traces")),
        (f"SELECT {TOTALS} FROM traces", "SELECT count(*) FROM traces"),
    )
    row_id = sides.one(f"SELECT trace_id FROM traces WHERE trace_no = {int(failed.keys[middle])}")
    yield Question(
        "position of a trace in a selection",
        lambda: engine.position(failed, row_id),
        (f"SELECT trace_no FROM traces WHERE trace_id = '{row_id}'",),
    )


def _by_numbers(table: str, number: str, numbers: list[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return (
        f"SELECT * FROM {table} WHERE {number} BETWEEN {min(numbers)} AND {max(numbers)} "
        f"AND {number} IN ({listed})"
    )


def _items(sides: Sides) -> Iterator[Question]:
    engine = sides.engine
    count = sides.one("SELECT count(*) FROM traces")
    usual = sides.one(
        f"SELECT trace_id FROM traces WHERE spans BETWEEN 8 AND 12 AND trace_no > {count // 2} LIMIT 1"
    )
    largest = sides.one("SELECT trace_id FROM traces ORDER BY spans DESC LIMIT 1")
    for what, trace_id, most_ms in (("", usual, 50.0), (" of 20,000 spans", largest, None)):
        number = sides.one(f"SELECT trace_no FROM traces WHERE trace_id = '{trace_id}'")
        start_ns = sides.one(f"SELECT start_ns FROM traces WHERE trace_no = {number}")
        yield Question(
            f"trace{what}",
            lambda trace_id=trace_id, start_ns=start_ns: engine.trace(trace_id, start_ns=start_ns),
            (
                f"SELECT * FROM traces WHERE trace_id = '{trace_id}' AND start_ns = {start_ns}",
                f"SELECT * FROM spans WHERE trace_no = {number} ORDER BY span_no",
            ),
            most_ms=most_ms,
        )
    thread = sides.one(
        f"SELECT thread_id FROM threads WHERE traces BETWEEN 4 AND 8 AND thread_no > {count // 8} LIMIT 1"
    )
    longest = sides.one("SELECT thread_id FROM threads ORDER BY traces DESC LIMIT 1")
    turns = sides.one("SELECT max(traces) FROM threads")
    for what, thread_id in (("", thread), (f" of {turns:,} traces", longest)):
        yield Question(
            f"thread{what}",
            lambda thread_id=thread_id: engine.thread(thread_id),
            (
                f"SELECT * FROM threads WHERE thread_id = '{thread_id}'",
                f"SELECT * FROM traces WHERE thread_id = '{thread_id}' ORDER BY start_ns, trace_no",
            ),
        )
    yield Question(
        "where input and output of a trace stand",
        lambda: engine.ends([usual]),
        (
            "SELECT s.* FROM spans s JOIN traces t USING (trace_no) WHERE "
            f"t.trace_id = '{usual}' QUALIFY s.span_no IN (min(s.span_no) OVER (), "
            "max(s.span_no) FILTER (s.kind = 'llm') OVER (), min(s.span_no) FILTER (s.kind = 'llm') OVER ()) "
            "ORDER BY s.span_no",
        ),
    )
    yield Question(
        "resolve a trace id",
        lambda: engine.resolve(usual),
        (f"SELECT trace_id FROM traces WHERE trace_id = '{usual}' LIMIT 6",
         f"SELECT thread_id FROM threads WHERE thread_id = '{usual}' LIMIT 6",
         f"SELECT span_id FROM spans WHERE span_id = '{usual}' LIMIT 6"),
    )  # fmt: skip
    ids = [
        one for (one,) in sides.connection.execute("SELECT trace_id FROM traces USING SAMPLE 1000").fetchall()
    ]
    listed = ", ".join(map(text, ids))
    targets = [Target("trace", one, None) for one in ids]
    yield Question(
        "which of 1,000 traces are missing",
        lambda: engine.missing(targets),
        (f"SELECT id FROM (SELECT unnest([{listed}]) AS id) ANTI JOIN traces ON trace_id = id",),
    )


def _figures(engine: DuckEngine) -> Iterator[Question]:
    span_sums = (
        "count(*), count(*) FILTER (status = 'error'), sum(input_tokens) FILTER (counted AND kind <> 'embedding'), "
        "sum(output_tokens) FILTER (counted AND kind <> 'embedding'), "
        "sum(cache_read_tokens) FILTER (counted AND kind <> 'embedding'), sum(cost_usd) FILTER (counted), "
        "count(*) FILTER (is_call AND cost_usd IS NULL)"
    )
    trace_sums = (
        "count(*), min(start_ns), max(start_ns), sum(spans), sum(errors), sum(input_tokens), sum(output_tokens), "
        "sum(cost_usd), sum(uncosted), count(*) FILTER (status = 'error'), count(duration_ms), count(ttft_ms), "
        "quantile_cont(duration_ms, [0.5, 0.95, 0.99]), quantile_cont(ttft_ms, [0.5, 0.95])"
    )
    cached = "SELECT sum(cache_read_tokens) FILTER (counted AND kind <> 'embedding') FROM spans"

    def units(unit: str) -> str:
        return (
            f"count(*) FILTER ({unit}), count(*) FILTER (status = 'error' AND {unit}), "
            f"count(duration_ms) FILTER ({unit}), count(ttft_ms) FILTER ({unit}), "
            f"quantile_cont(duration_ms, [0.5, 0.95, 0.99]) FILTER ({unit}), "
            f"quantile_cont(ttft_ms, [0.5, 0.95]) FILTER ({unit})"
        )

    yield Question(
        "stats of everything", lambda: engine.stats(), (f"SELECT {trace_sums} FROM traces", cached)
    )
    yield Question(
        "stats by model",
        lambda: engine.stats(None, ("model",)),
        (
            f"SELECT model, {span_sums}, {units('is_call')} FROM spans WHERE model <> '' GROUP BY model",
            "SELECT model, count(*), min(t.start_ns), max(t.start_ns) FROM (SELECT DISTINCT trace_no, model "
            "FROM spans WHERE model <> '') RIGHT JOIN traces t USING (trace_no) GROUP BY model",
            f"SELECT {span_sums}, {units('is_call')} FROM spans "
            "WHERE trace_no NOT IN (SELECT trace_no FROM spans WHERE model <> '')",
        ),
    )
    yield Question(
        "stats by tool",
        lambda: engine.stats(None, ("tool",)),
        (
            f"SELECT tool_name, {span_sums}, {units('true')} FROM spans WHERE tool_name <> '' GROUP BY 1",
            "SELECT v, count(*), min(start_ns), max(start_ns) "
            "FROM (SELECT unnest(tools) AS v, start_ns FROM traces) GROUP BY 1",
            f"SELECT {span_sums}, {units('true')} FROM spans "
            "WHERE trace_no IN (SELECT trace_no FROM traces WHERE len(tools) = 0)",
        ),
    )
    yield Question(
        "stats by user",
        lambda: engine.stats(None, ("user",), limit=100),
        (
            f"SELECT v, {trace_sums} FROM (SELECT DISTINCT trace_no, user_id AS v FROM spans WHERE user_id <> '') "
            "JOIN traces USING (trace_no) GROUP BY 1 ORDER BY count(*) DESC LIMIT 100",
            "SELECT user_id, sum(cache_read_tokens) FROM spans "
            "WHERE cache_read_tokens IS NOT NULL AND counted GROUP BY 1",
        ),
    )
    yield Question(
        "stats by status and hour",
        lambda: engine.stats(None, ("status",), "hour"),
        (f"SELECT status, start_ns // 3600000000000, {trace_sums} FROM traces GROUP BY 1, 2", cached),
    )
    yield Question(
        "prompts",
        lambda: engine.prompts(),
        (
            f"SELECT prompt_name, prompt_version, {span_sums} FROM spans GROUP BY 1, 2",
            f"SELECT p, {trace_sums} FROM (SELECT DISTINCT trace_no, unnest(prompt_versions) AS p FROM traces) "
            "JOIN traces USING (trace_no) GROUP BY 1",
        ),
    )
    yield Question(
        "info",
        lambda: engine.info(),
        (
            "SELECT count(*), sum(spans), sum(errors), count(*) FILTER (status = 'error'), sum(leaf_errors), "
            "sum(llm_calls), sum(input_tokens), sum(output_tokens), sum(cost_usd), sum(uncosted), min(start_ns), "
            "max(end_ns) FROM traces",
            "SELECT DISTINCT unnest(models) FROM traces",
            "SELECT DISTINCT unnest(prompt_versions) FROM traces",
            "SELECT kind, count(*) FROM spans GROUP BY kind",
            "SELECT model, count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd), "
            "count(*) FILTER (cost_computed), count(*) FILTER (cost_usd IS NULL) FROM spans WHERE is_call GROUP BY 1",
            "SELECT count(*) FROM threads",
            "SELECT thread_id FROM threads ORDER BY thread_no LIMIT 100",
        ),
    )
    for field, prefix, values in (
        ("models", "s", "SELECT unnest(models) AS v FROM traces"),
        ("tool_name", "s", "SELECT unnest(tools) AS v FROM traces"),
        ("user_id", "u_1", "SELECT user_id AS v FROM spans"),
        ("thread_id", "thread-1", "SELECT thread_id AS v FROM threads"),
        ("name", "s", "SELECT name AS v FROM spans"),
    ):
        yield Question(
            f"complete {field}",
            lambda field=field, prefix=prefix: engine.complete(field, prefix),
            (
                f"SELECT v, count(*) FROM ({values}) WHERE v ILIKE '%{prefix}%' GROUP BY v "
                f"ORDER BY starts_with(lower(v), '{prefix}') DESC, 2 DESC, v LIMIT 50",
            ),
        )


def _payloads(sides: Sides, scan: str) -> Iterator[Question]:
    engine = sides.engine
    count = sides.one("SELECT count(*) FROM traces")
    trace_id = sides.one(
        f"SELECT trace_id FROM traces WHERE spans BETWEEN 10 AND 12 AND trace_no > {count // 2} LIMIT 1"
    )
    spans: tuple[Row, ...] = engine.trace(trace_id).spans
    for what, chosen in (("one span", spans[3:4]), (f"a trace of {len(spans)} spans", spans)):
        rows = [int(one["row_no"]) for one in chosen]
        listed = ", ".join(map(str, rows))
        yield Question(
            f"payload of {what}",
            lambda chosen=chosen: engine.payloads(chosen),
            (
                f"SELECT file_row_number, {PAYLOAD} FROM {scan} WHERE file_row_number BETWEEN {min(rows)} "
                f"AND {max(rows)} AND file_row_number IN ({listed})",
            ),
            most_ms=50,
        )


def measured(sides: Sides, question: Question, runs: int) -> Figure:
    """Both sides in turns."""
    ours: list[Spent] = []
    bare: list[Spent] = []
    question.ask()
    sides.bare(question)
    begun = time.perf_counter()
    while len(ours) < runs or (time.perf_counter() - begun < LEAST_SECONDS and len(ours) < 20 * runs):
        ours.append(spent(question.ask))
        bare.append(spent(lambda: sides.bare(question)))
    budget = Budget(times=1.3, most=question.most_ms, cpu=True)
    return Figure(
        sides.data.name,
        question.name,
        "ms",
        tuple(one.wall for one in ours),
        tuple(one.wall for one in bare),
        budget,
        cpu=tuple(one.cpu for one in ours),
        cpu_floors=tuple(one.cpu for one in bare),
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of a piece of work: on the clock, and of the processors in all threads of this process."""

    wall: float
    cpu: float


def spent(work: Ask) -> Spent:
    """What a piece of work takes."""
    begun, busy = time.perf_counter(), time.process_time()
    work()
    return Spent((time.perf_counter() - begun) * 1000, (time.process_time() - busy) * 1000)


def figures(data: Data, runs: int, only: str = "") -> Iterator[Figure]:
    """A line for every named query whose name holds `only`."""
    sides = Sides(data)
    try:
        for question in questions(sides):
            if only in question.name:
                yield measured(sides, question, runs)
    finally:
        sides.close()
