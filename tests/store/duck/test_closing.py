"""Closing while queries run: they are cancelled, files are let go of, and no query begins afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from traceview.model.errors import Cancelled
from traceview.store.duck.connection import Database

ENDLESS = "SELECT count(*) FROM range(100000000) a, range(100000) b"


def test_queries_that_run_are_cancelled_by_closing() -> None:
    database, begun = Database(), threading.Barrier(4)

    def ask(_: int) -> None:
        with database.cursor() as cursor:
            begun.wait()
            cursor.execute(ENDLESS).fetchall()

    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(ask, number) for number in range(3)]
        begun.wait()
        database.close()
        for one in asked:
            with pytest.raises(Cancelled):
                one.result(10)
    with pytest.raises(Cancelled):
        database.fetch("SELECT 1")
    database.close()
