"""The first bad step: found by filters, counted behind the last good one, on the sample data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from traceview.annotation import Annotator
from traceview.annotation.transitions import START, step_of, transitions
from traceview.cli.main import main
from traceview.definitions.feedback import VERDICT
from traceview.filters.errors import FilterError
from traceview.filters.parser import parse
from traceview.model.labels import Target
from traceview.store.interface import Engine, ListQuery
from traceview.store.labels.store import LabelStore
from traceview.store.names import check_names
from traceview.store.open import open_engine

SAMPLE = str(Path(__file__).parents[2] / "sample_data" / "traces.parquet")


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, LabelStore, dict[str, str]]]:
    """The sample data; three traces marked at their first search, one at its root, one at a span that is gone."""
    store = LabelStore.open(tmp_path_factory.mktemp("labels") / "a.labels.db")
    engine = open_engine((SAMPLE,), labels=store)
    engine.wait_ready()
    annotator = Annotator(store, [VERDICT], "ann")
    query = ListQuery("traces", parse("tool:search_docs"))
    found = [row["trace_id"] for row in engine.rows(engine.select(query), 0, 5).rows]
    spans: dict[str, str] = {}
    for number, trace_id in enumerate(found):
        rows = engine.trace(trace_id).spans
        search = next(row for row in rows if row.get("tool_name") == "search_docs")
        span_id = "gone" if number == 4 else str(rows[0]["span_id"] if number == 3 else search["span_id"])
        annotator.set_value([Target("trace", trace_id, trace_id)], "first_bad", span_id)
        spans[trace_id] = span_id
    engine.refresh_labels()
    yield engine, store, spans
    engine.close()
    store.close()


def ids(engine: Engine, text: str, level: str = "traces") -> set[str]:
    node = parse(text)
    check_names(engine, node, text, level, [VERDICT])
    selection = engine.select(ListQuery(level, node))
    name = "trace_id" if level == "traces" else "span_id"
    return {row[name] for row in engine.rows(selection, 0, 100).rows}


def test_filters_find_the_first_bad_step_by_kind_tool_and_name(marked) -> None:
    engine, _, spans = marked
    searched = set(list(spans)[:3])
    assert ids(engine, "bad:retriever") == ids(engine, "bad:search_docs") == searched
    assert ids(engine, "bad:any") == set(list(spans)[:4])
    assert ids(engine, "bad:retriever", "spans") == {spans[one] for one in searched}
    assert ids(engine, "bad:llm") == set()
    assert set(engine.complete("bad", "")) >= {"retriever", "search_docs", "agent"}
    with pytest.raises(FilterError, match="no label here is called"):
        ids(engine, "bad:nothing_is_called_so")


def test_steps_are_counted_behind_the_last_good_one(marked) -> None:
    engine, store, spans = marked
    found = transitions(engine, store.current())
    assert (found.marked, found.missing) == (5, 1)
    assert [(one.good, one.bad, len(one.trace_ids)) for one in found.rows] == [
        ("llm", "retriever search_docs", 3),
        (START, "agent goal-assistant", 1),
    ]
    assert set(found.rows[0].trace_ids) == set(list(spans)[:3])


def test_the_table_is_printed_and_narrowed_by_a_filter(marked) -> None:
    _, store, spans = marked
    words = ["labels", "transitions", SAMPLE, "--labels", str(store.path), "--json"]
    out = CliRunner().invoke(main, words)
    rows = [json.loads(line) for line in out.stdout.splitlines()]
    assert (rows[0]["last_good"], rows[0]["first_bad"], rows[0]["traces"]) == (
        "llm",
        "retriever search_docs",
        3,
    )
    assert "1 marks are on spans" in out.stderr
    one = next(iter(spans))
    narrowed = CliRunner().invoke(main, [*words, "-f", f"trace:{one}"])
    assert [json.loads(line)["trace_ids"] for line in narrowed.stdout.splitlines()] == [[one]]


@pytest.mark.parametrize(
    ("span", "step"),
    [
        ({"kind": "llm", "name": "chat x"}, "llm"),
        ({"kind": "tool", "name": "n", "tool_name": "search"}, "tool search"),
        ({"kind": "retrieval", "name": "docs"}, "retrieval docs"),
        ({}, "unknown"),
    ],
)
def test_a_step_is_called_by_what_tells_most(span: dict[str, str], step: str) -> None:
    assert step_of(span) == step
