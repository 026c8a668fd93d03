"""Rows kept by column are the rows they were made of, each made once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.model.span_rows import SpanRows, column

COLUMNS = {"span_id": ["a", "b", "c"], "tokens": [1, None, 3]}
ROWS = [{"span_id": "a", "tokens": 1}, {"span_id": "b", "tokens": None}, {"span_id": "c", "tokens": 3}]


def test_a_row_is_made_once() -> None:
    rows = SpanRows(COLUMNS)
    assert list(rows) == ROWS
    assert rows[1] is rows[-2] and list(rows)[1] is rows[1] and rows[1:2][0] is rows[1]
    with pytest.raises(IndexError):
        rows[3]


@given(st.integers(-9, 9) | st.none(), st.integers(-9, 9) | st.none(), st.integers(-3, 3).filter(bool))
def test_slices_are_those_of_a_list(start: int | None, stop: int | None, step: int) -> None:
    assert SpanRows(COLUMNS)[start:stop:step] == ROWS[start:stop:step]


@pytest.mark.parametrize("name", ["span_id", "tokens", "unknown"])
@pytest.mark.parametrize("rows", [SpanRows(COLUMNS), ROWS], ids=["by column", "dicts"])
def test_a_column_of_any_rows(rows: Any, name: str) -> None:
    assert list(column(rows, name)) == [row.get(name) for row in ROWS]


def test_rows_that_were_made_already_stay_what_they_are() -> None:
    made = [{"span_id": "a"}, {"span_id": "b", "name": "chat"}]
    rows = SpanRows.of(made)
    assert rows[0] is made[0] and "name" not in rows[0]
    assert list(rows.column("name")) == [None, "chat"] and rows.value(1, "name") == "chat"
    assert SpanRows.of(rows) is rows and len(SpanRows.of(())) == 0


def test_another_field_leaves_the_rows_as_they_were() -> None:
    rows = SpanRows(COLUMNS)
    assert rows.with_column("scores", [{}, {}, {"good": 1}])[2]["scores"] == {"good": 1}
    assert "scores" not in rows[2]
