"""Queries that do not fit beside each other are asked one after the other."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from traceview.model.errors import NotEnoughMemory
from traceview.store.duck.connection import Database
from traceview.store.open import open_engine

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


def test_a_single_text_of_many_megabytes_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    rows = (("big", "x" * 20_000_000), ("small", "a"))
    at = "2026-09-21T14:15:00Z"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "trace_id": name, "span_id": name, "parent_id": None, "name": "assistant", "start_time": at,
                    "end_time": at,
                    "attributes": {"openinference.span.kind": "AGENT", "input.value": "q", "output.value": text},
                }
            )
            + "\n"
            for name, text in rows
        )
    )  # fmt: skip
    engine = open_engine([str(path)])
    try:
        engine.wait_ready()
        for name, said in rows:
            (detail,) = engine.traces([name])
            assert engine.payloads(detail.spans)[0].output_text == said
    finally:
        engine.close()


def test_a_query_that_never_fits_is_said() -> None:
    database = Database(memory_limit="30MB")
    try:
        with pytest.raises(NotEnoughMemory, match="more memory"):
            database.fetch(GREEDY)
    finally:
        database.close()
