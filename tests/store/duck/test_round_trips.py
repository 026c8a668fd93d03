"""How often the database is asked, and that what it gives is the same by row and by column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from traceview.store.duck.connection import _FEW_ROWS, Database
from traceview.store.interface import Engine, ListQuery


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets an entry for every cursor."""
    found: list[int] = []
    cursor = Database.cursor

    @contextmanager
    def counted(self: Database, token: Any = None) -> Iterator[Any]:
        found.append(1)
        with cursor(self, token) as one:
            yield one

    monkeypatch.setattr(Database, "cursor", counted)
    return found


@pytest.mark.parametrize(
    ("question", "times"),
    [
        (lambda engine: engine.first_page(ListQuery("traces"), 50), 1),
        (lambda engine: engine.first_page(ListQuery("spans"), 50), 1),
        (lambda engine: engine.trace("t1"), 2),
        (lambda engine: engine.thread("th1"), 2),
        (lambda engine: engine.stats(), 3),
    ],
    ids=["page of traces", "page of spans", "trace", "thread", "stats"],
)
def test_nobody_asks_for_scores_where_there_are_none(
    engine: Engine, asked: list[int], question: Callable[[Engine], object], times: int
) -> None:
    question(engine)
    asked.clear()
    question(engine)
    assert len(asked) == times


@pytest.mark.parametrize("count", [0, 1, _FEW_ROWS - 1, _FEW_ROWS, _FEW_ROWS + 1, 5_000])
def test_columns_are_the_rows_turned_over(count: int) -> None:
    database = Database()
    statement = f"""SELECT i, CASE WHEN i % 3 = 0 THEN i END AS some, NULL::VARCHAR AS none, 'text ' || i AS words,
        CASE WHEN i % 2 = 0 THEN [i::VARCHAR, NULL] END AS listed, i / 7 AS number, i % 2 = 0 AS flag
        FROM range({count}) t(i) ORDER BY i"""
    try:
        columns, rows = database.columns(statement), database.rows(statement)
        assert list(columns) == ["i", "some", "none", "words", "listed", "number", "flag"]
        assert [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] == rows
        assert len(rows) == count
    finally:
        database.close()
