"""What a ledger tells those who only look: what came of a version's calls, what runs now, what was spent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from traceview.judges.calibration import Calls
from traceview.judges.ledger.file import json_in, ledger_path
from traceview.judges.ledger.lease import is_alive
from traceview.judges.ledger.ledger import Ledger
from traceview.model.labels import Target
from traceview.store.labels.rows import normal_target

Told = TypeVar("Told")


class RunState(Struct, frozen=True):
    """A run as it stands: `finished` of `planned` targets' calls are answered or given up.

    `phase` is what its process said last; `alive` whether that is still there. `nanos` is what was spent or may have
    been. Times are RFC 3339 in UTC.
    """

    id: str
    judge: str
    judge_hash: str
    phase: str
    wanted: str
    planned: int
    finished: int
    scored: int
    unscored: int
    failed: int
    nanos: int
    budget_nanos: int | None
    started_at: str
    ended_at: str | None
    stopped_by: str | None
    alive: bool

    @property
    def active(self) -> bool:
        """Whether it goes on, or waits to."""
        return self.ended_at is None and self.alive


def ask_ledger(labels: Path, question: Callable[[sqlite3.Connection], Told], default: Told) -> Told:
    """Ask the ledger beside a label file; `default` where there is none. Raises BadInput."""
    with closing(Ledger(ledger_path(labels), readonly=True)) as ledger:
        return ledger.read(question, default)


def tell_ledger(labels: Path, job: Callable[[sqlite3.Connection], Told]) -> Told:
    """Do one job in the ledger beside a label file, and wait for the commit. Raises BadInput."""
    with closing(Ledger(ledger_path(labels))) as ledger:
        return ledger.now(job)


def runs(connection: sqlite3.Connection, *, active: bool = False) -> tuple[RunState, ...]:
    """Every run, or those that have not ended, the one that was begun last first."""
    condition = "WHERE ended_at IS NULL" if active else ""
    found = connection.execute(f"SELECT * FROM runs {condition} ORDER BY started_at DESC, id DESC").fetchall()
    return tuple(_state(connection, row) for row in found)


def calls_of(connection: sqlite3.Connection, judge_hash: str) -> Calls:
    """What came of the calls of a version, and the targets of which it saw only a part."""
    scored = 0
    reasons: dict[str, dict[str, int]] = {"unscored": {}, "skipped": {}, "error": {}}
    for outcome, reason, count in connection.execute(
        """
        SELECT outcome, coalesce(reason, outcome), count(*) FROM calls
        WHERE judge_hash = ? AND outcome IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
        """,
        (judge_hash,),
    ):
        if outcome in reasons:
            reasons[outcome][reason] = count
        elif outcome in ("scored", "not_applicable"):
            scored += count
    cut = connection.execute(
        """
        SELECT DISTINCT target_kind, target_id, trace_id, truncated FROM calls
        WHERE judge_hash = ? AND truncated IS NOT NULL
        """,
        (judge_hash,),
    )
    truncated = frozenset(
        normal_target(Target(kind, id, trace)) for kind, id, trace, told in cut if json_in(told, [])
    )
    return Calls(scored, reasons["unscored"], reasons["skipped"], reasons["error"], truncated)


def spent_by_judge(connection: sqlite3.Connection) -> dict[str, int]:
    """What each judge's calls cost, in billionths of a dollar; what may have been paid counts whole."""
    rows = connection.execute(
        """
        SELECT judge, sum(coalesce(nanos, reserved_nanos, 0)) FROM attempts JOIN calls USING (call_key)
        GROUP BY judge
        """
    )
    return {judge: int(nanos or 0) for judge, nanos in rows}


def _state(connection: sqlite3.Connection, row: sqlite3.Row) -> RunState:
    counts = {"scored": 0, "unscored": 0, "error": 0}
    finished = 0
    for state, outcome, count in connection.execute(
        "SELECT state, outcome, count(*) FROM calls WHERE run = ? GROUP BY state, outcome", (row["id"],)
    ):
        finished += count if state not in ("todo", "sent") else 0
        name = "scored" if outcome == "not_applicable" else outcome
        if name in counts:
            counts[name] += count
    spent = connection.execute("SELECT nanos FROM spend WHERE scope = ?", (f"run:{row['id']}",)).fetchone()
    return RunState(
        row["id"],
        row["judge"],
        row["judge_hash"],
        row["phase"],
        row["wanted"],
        row["planned"],
        finished,
        counts["scored"],
        counts["unscored"],
        counts["error"],
        int(spent[0]) if spent is not None else 0,
        row["budget_nanos"],
        row["started_at"],
        row["ended_at"],
        row["stopped_by"],
        row["ended_at"] is None and is_alive(dict(row)),
    )
