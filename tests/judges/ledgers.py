"""Ledgers and calls to test with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from traceview.judges.hashing import call_key
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import PlannedCall, Run
from traceview.model.labels import Target
from traceview.store.labels.ids import uuid7
from traceview.store.labels.rows import now

JUDGE = ("links", "links", "a" * 64)


@contextmanager
def a_ledger(folder: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    ledger = Ledger(folder / "x.calls.db")
    try:
        yield ledger
    finally:
        ledger.close()


def a_run(**changed: object) -> Run:
    """A run of the judge `links`."""
    given = {
        "id": uuid7(),
        "judge": JUDGE[0],
        "metric": JUDGE[1],
        "judge_hash": JUDGE[2],
        "rule_hash": "r",
        "model": "claude-haiku-4-5",
        "endpoint": "http://127.0.0.1:1",
        "mode": "sync",
        "filter": "",
        "started_at": now(),
    }
    return Run(**(given | changed))  # type: ignore[arg-type]


def a_call(number: int, repeat: int = 0, worst: int | None = 1000) -> PlannedCall:
    """The call for trace `t<number>`."""
    target = Target("trace", f"t{number}")
    return PlannedCall(
        call_key(JUDGE[2], target, "i", repeat),
        target,
        "i",
        repeat,
        1,
        "system",
        "{}",
        f"user {number}",
        worst,
    )
