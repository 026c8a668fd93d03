"""Queries that do not fit beside each other are asked one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from traceview.store.duck.connection import Database, NotEnoughMemory

# One of these fits into 200 MB, two do not.
GREEDY = (
    "SELECT sum(len(v)) FROM "
    "(SELECT i % 600_000 AS k, list(i::VARCHAR) AS v FROM range(1_200_000) t(i) GROUP BY k)"
)


def test_greedy_queries_at_once_all_answer() -> None:
    alone = Database(memory_limit="200MB")
    try:
        assert alone.fetch(GREEDY) == [(1_200_000,)]
    finally:
        alone.close()
    database = Database(memory_limit="200MB")
    try:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: database.fetch(GREEDY), range(6)))
    finally:
        database.close()
    assert answers == [[(1_200_000,)]] * 6


def test_a_query_that_never_fits_is_said() -> None:
    database = Database(memory_limit="30MB")
    try:
        with pytest.raises(NotEnoughMemory, match="more memory"):
            database.fetch(GREEDY)
    finally:
        database.close()
