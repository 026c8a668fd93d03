"""Searches that walk the row groups: in the end what a look at every span finds, and on the way nothing else."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shop_data import span, write

from traceview.filters import parse
from traceview.filters.ast import (
    And,
    Compare,
    FullText,
    Node,
    Not,
    Or,
    Pattern,
    Presence,
    Quantified,
    Regex,
    Text,
)
from traceview.model.errors import Cancelled
from traceview.store.duck import text_walk
from traceview.store.interface import CancelToken, Engine, Level, ListQuery, SortKey
from traceview.store.open import open_engine

Open = Callable[..., Engine]
Row = dict[str, Any]

WORDS = (
    "refund",
    "Refund",
    "REFUND policy",
    "é",
    "É",
    "straße",
    "日本",
    "a_b",
    "100%",
    "\u212a",
    "k",
    "line\nbreak",
    "",
)
FILTERS = (
    "refund",
    "not refund",
    "é",
    "k",
    '"a_b"',
    '"100%"',
    "re*nd",
    '"line*break"',
    "日本 or status:error",
    "refund policy",
    "refund or not é",
    "not (refund é)",
    "-refund -é",
    "status:error refund",
    "status:error -refund",
    "input:refund",
    "input:none",
    "output:any",
    "not output:any",
    "output~/^re?fund/",
    "output~/(?i)É/",
    "input~/^$/ or refund",
    "any(span: kind:tool refund)",
    "any(span: kind:tool -refund)",
    "all(span: refund or é)",
    "none(span: refund)",
    "none(span: kind:tool) refund",
    "not any(span: kind:llm (refund or é))",
    "trace:t1 refund",
    "trace:t1,t2 -refund",
    "since:2020-01-01 refund",
    "attr.tier:gold",
    "attr.tier:none refund",
    "(status:error or refund) (é or input:none)",
)


@pytest.fixture(autouse=True)
def one_group_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every slice is a single row group."""
    monkeypatch.setattr(text_walk, "SLICE_SECONDS", 0.0)


texts = st.one_of(st.none(), st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join))
spans = st.builds(
    lambda trace, number, kind, start, status, message, given, said, tier, parent: span(
        f"t{trace}",
        f"s{number}",
        f"s{number - 1}" if parent and number else None,
        kind,
        start,
        thread_id=f"th{trace % 2}",
        status=status,
        error_message=message,
        input_text=given,
        output_text=said,
        attributes=tier,
    ),
    st.integers(0, 5),
    st.integers(0, 4),
    st.sampled_from(("llm", "tool", "chain")),
    st.one_of(st.none(), st.integers(0, 40).map(float)),
    st.sampled_from(("ok", "error")),
    st.sampled_from((None, None, "no refund")),
    texts,
    texts,
    st.sampled_from((None, '{"tier": "gold"}', '{"tier": "free", "tier2": "gold"}')),
    st.booleans(),
)


# A failing source is small as it is: making it smaller takes minutes.
@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    files=st.lists(st.lists(spans, min_size=1, max_size=14), min_size=1, max_size=3),
    in_order=st.booleans(),
    filters=st.lists(st.sampled_from(FILTERS), min_size=3, max_size=5, unique=True),
    level=st.sampled_from(("traces", "spans", "threads")),
)
def test_a_search_ends_with_what_a_look_at_every_span_finds(
    files: list[list[Row]], in_order: bool, filters: list[str], level: Level
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        paths = [
            _in_small_groups(Path(directory), f"part{number}", rows, in_order=in_order)
            for number, rows in enumerate(files)
        ]
        written = [row for path in paths for row in pq.read_table(path).to_pylist()]
        with _opened(paths) as engine:
            engine.wait_ready()
            for text in filters:
                node = parse(text)
                found = _streamed(engine, ListQuery(level, node))
                assert set(found) == _matching(written, node, level), text


@pytest.mark.parametrize("text", ["refund", "-refund", "status:error -refund", "any(span: kind:llm refund)"])
@pytest.mark.parametrize("level", ["traces", "spans"])
def test_a_search_that_was_interrupted_goes_on_where_it_stopped(
    tmp_path: Path, opening: Open, level: Level, text: str
) -> None:
    rows = [span(f"t{at // 3}", f"s{at}", None, "llm", at, status="error" if at % 5 else "ok",
                 output_text="a refund" if at % 7 == 0 else "no") for at in range(60)]  # fmt: skip
    engine = opening(_in_small_groups(tmp_path, "one", rows))
    query = ListQuery(level, parse(text))
    shares: list[float] = []
    for stop_at in (0.2, 0.5):
        token = CancelToken()
        with pytest.raises(Cancelled):
            for one in engine.search(query, token):
                shares.append(one.searched)
                if one.searched >= stop_at:
                    token.cancel()
    again = list(engine.search(query))
    assert again[0].searched == shares[-1] > shares[0]
    shown = engine.rows(again[0].selection, 0, 100).rows
    assert shown, "what was found before is there at once"
    assert {_id(level, row) for row in engine.rows(again[-1].selection, 0, 100).rows} == _matching(
        rows, query.filter, level
    )


def test_the_newest_come_first_and_what_is_sorted_otherwise_comes_at_the_end(
    tmp_path: Path, opening: Open
) -> None:
    rows = [span(f"t{at:02}", "s", None, "llm", at, output_text="refund") for at in range(30)]
    engine = opening(_in_small_groups(tmp_path, "one", rows))
    newest = list(engine.search(ListQuery("traces", parse("refund"))))
    first = engine.rows(newest[1].selection, 0, 9).rows
    assert [row["trace_id"] for row in first] == ["t29", "t28", "t27"]
    assert len(newest) > 8
    for query in (
        ListQuery("threads", parse("refund")),
        ListQuery("traces", parse("refund"), (SortKey("name"),)),
    ):
        *before, last = engine.search(query)
        assert [len(one.selection) for one in before] == [0] * len(before)
        assert list(last.selection.keys) == list(engine.select(query).keys)


def test_only_row_groups_that_can_matter_are_read(tmp_path: Path, opening: Open) -> None:
    rows = [span(f"t{at:02}", "s", None, "llm", at, output_text="refund") for at in range(30)]
    engine = opening(_in_small_groups(tmp_path, "one", rows))
    assert len(list(engine.search(ListQuery("traces", parse("trace:t04 refund"))))) <= 3
    assert len(list(engine.search(ListQuery("traces", parse("trace:t04 not refund"))))) <= 3
    assert len(list(engine.search(ListQuery("traces", parse("refund"))))) > 8


def test_one_search_answers_the_list_its_totals_and_another_order(
    tmp_path: Path, opening: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opening(write(tmp_path, "one", [span("t", "s", None, "llm", 1, output_text="refund")]))
    searched: list[object] = []
    search = text_walk.TextWalk._search

    def counted(walk: Any, groups: Any, token: Any) -> None:
        searched.append(groups)
        search(walk, groups, token)

    monkeypatch.setattr(text_walk.TextWalk, "_search", counted)
    query = ListQuery("traces", parse("refund"))
    assert [one.complete for one in engine.search(query)][-1]
    assert engine.totals(query).count == len(engine.select(query)) == 1
    assert len(engine.select(ListQuery("traces", parse("refund"), (SortKey("name"),)))) == 1
    assert engine.refresh_labels() is False
    assert len(searched) == 1


# What is compared with.


def _in_small_groups(directory: Path, name: str, rows: list[Row], *, in_order: bool = True) -> Path:
    """A Parquet file with row groups of three rows."""
    path = write(directory, name, rows)
    table = pq.read_table(path)
    if not in_order:
        table = table.take(random.Random(len(rows)).sample(range(len(rows)), len(rows)))
    pq.write_table(table, path, row_group_size=3)
    return path


class _opened:
    def __init__(self, paths: list[Path]) -> None:
        self._engine = open_engine([str(path) for path in paths])

    def __enter__(self) -> Engine:
        return self._engine

    def __exit__(self, *_: object) -> None:
        self._engine.close()


def _id(level: Level, row: Row) -> str:
    return f"{row['trace_id']}/{row['span_id']}" if level == "spans" else str(row[f"{level[:-1]}_id"])


def _streamed(engine: Engine, query: ListQuery) -> Iterator[str]:
    """The ids of the rows in the end; on the way the order holds, and nothing comes that does not stay."""
    parts = list(engine.search(query))
    last = list(parts[-1].selection.keys)
    assert parts[-1].complete and last == list(engine.select(query).keys)
    place = {key: at for at, key in enumerate(last)}
    before: set[int] = set()
    for part in parts:
        keys = list(part.selection.keys)
        assert [place[key] for key in keys] == sorted(place[key] for key in keys)
        assert before <= set(keys)
        before = set(keys)
    shares = [part.searched for part in parts]
    assert shares == sorted(shares) and shares[-1] == 1.0
    return iter([_id(query.level, row) for row in engine.rows(parts[-1].selection, 0, 1000).rows])


def _matching(rows: list[Row], node: Node | None, level: Level) -> set[str]:
    """The ids of the rows that match, found by looking at every span in Python."""
    assert node is not None
    last = {(row["trace_id"], row["span_id"]): row for row in rows}
    traces: dict[str, list[Row]] = {}
    for row in last.values():
        traces.setdefault(row["trace_id"], []).append(row)
    if level == "spans":
        return {
            f"{row['trace_id']}/{row['span_id']}"
            for members in traces.values()
            for row in members
            if _holds(node, [row], members)
        }
    if level == "traces":
        return {trace for trace, members in traces.items() if _holds(node, members, members)}
    threads: dict[str, list[Row]] = {}
    for members in traces.values():
        threads.setdefault(members[0]["thread_id"], []).extend(members)
    return {thread for thread, members in threads.items() if _holds(node, members, members)}


def _holds(node: Node, of: list[Row], trace: list[Row]) -> bool:
    """Whether a filter holds for a row of a list that stands for these spans."""
    if isinstance(node, And):
        return all(_holds(child, of, trace) for child in node.children)
    if isinstance(node, Or):
        return any(_holds(child, of, trace) for child in node.children)
    if isinstance(node, Not):
        return not _holds(node.child, of, trace)
    if isinstance(node, Quantified):
        held = [_holds(node.child, [row], trace) for row in trace]
        return {"any": any(held), "all": all(held), "none": not any(held)}[node.quantifier]
    if isinstance(node, Compare) and all(
        isinstance(value, Presence) and not value.present for value in node.values
    ):
        return not any(_says(Compare(node.field, ":", (Presence(True),), node.key), row) for row in of)
    return any(_says(node, row) for row in of)


def _says(node: FullText | Compare, row: Row) -> bool:
    if isinstance(node, FullText):
        return any(
            _found(node.value, row.get(name)) for name in ("input_text", "output_text", "error_message")
        )
    if node.field in ("input", "output"):
        return any(_found(value, row.get(f"{node.field}_text")) for value in node.values)
    if node.field == "attr":
        value = re.search(r'"tier": "(\w+)"', row.get("attributes") or "")
        wanted = node.values[0]
        return value is not None and (isinstance(wanted, Presence) or wanted == Text(value[1]))
    if node.field == "since":
        return row.get("start_time") is not None
    name = {"status": "status", "kind": "kind", "trace_id": "trace_id"}[node.field]
    return any(isinstance(value, Text) and row[name] == value.text for value in node.values)


def _found(value: object, text: str | None) -> bool:
    if isinstance(value, Presence):
        return bool(text)
    if text is None:
        return False
    if isinstance(value, Regex):
        return re.search(value.pattern, text, re.IGNORECASE if value.ignore_case else 0) is not None
    parts = value.parts if isinstance(value, Pattern) else (value.text,)  # type: ignore[attr-defined]
    return re.search(".*".join(map(re.escape, parts)), text, re.IGNORECASE | re.DOTALL) is not None
