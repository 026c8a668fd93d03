"""Runs in the ledger: who works on what, signs of life, and what the dead have left. Each function is one job."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from traceview.judges.ledger.lease import Lease, is_alive
from traceview.judges.ledger.records import Run
from traceview.store.labels.rows import now


def begin_run(connection: sqlite3.Connection, run: Run, lease: Lease) -> None:
    """Write down that this process works on a run."""
    connection.execute(
        """
        INSERT INTO runs (id, judge, metric, judge_hash, rule_hash, model, endpoint, mode, filter, started_at,
          budget_nanos, host, pid, boot, heartbeat)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (
            run.id,
            run.judge,
            run.metric,
            run.judge_hash,
            run.rule_hash,
            run.model,
            run.endpoint,
            run.mode,
            run.filter,
            run.started_at,
            run.budget_nanos,
            lease.host,
            lease.pid,
            lease.boot,
            time.time(),
        ),
    )


def beat(connection: sqlite3.Connection, run: str, phase: str, paused_until: float | None) -> str:
    """A sign of life; what somebody wants of the run: `run`, `pause` or `stop`."""
    connection.execute(
        "UPDATE runs SET heartbeat = ?, phase = ?, paused_until = ? WHERE id = ?",
        (time.time(), phase, paused_until, run),
    )
    found = connection.execute("SELECT wanted FROM runs WHERE id = ?", (run,)).fetchone()
    return "stop" if found is None else str(found[0])


def ask_of_run(connection: sqlite3.Connection, run: str, wanted: str) -> None:
    """Ask the process of a run to `run`, `pause` or `stop`: it looks every half second."""
    connection.execute("UPDATE runs SET wanted = ? WHERE id = ? AND ended_at IS NULL", (wanted, run))


def planned(
    connection: sqlite3.Connection, run: str, planned: int, already_done: int, estimate: int | None
) -> None:
    """Write down how many targets a run will judge, how many were judged before, and what that may cost."""
    connection.execute(
        "UPDATE runs SET planned = ?, already_done = ?, estimate_nanos = ?, phase = 'planned' WHERE id = ?",
        (planned, already_done, estimate, run),
    )


def set_budget(connection: sqlite3.Connection, run: str, nanos: int | None) -> None:
    """Write down the most that a run may cost."""
    connection.execute("UPDATE runs SET budget_nanos = ? WHERE id = ?", (nanos, run))


def end_run(
    connection: sqlite3.Connection, run: str, stopped_by: str | None, report: Mapping[str, Any]
) -> None:
    """Write down how a run ended. Calls that it did not send stay planned, for the next one."""
    settle_lost(connection, run)
    connection.execute(
        "UPDATE runs SET ended_at = ?, phase = 'ended', stopped_by = ?, report = ?, paused_until = NULL WHERE id = ?",
        (now(), stopped_by, json.dumps(report, ensure_ascii=False), run),
    )


def recover(connection: sqlite3.Connection) -> int:
    """Take note of runs whose process is gone: their calls that were on the way may have been paid (`unknown`).

    Calls of batches stay as they are, since a batch can be looked for. The number of calls that became unknown.
    """
    unknown = 0
    for run in connection.execute(
        "SELECT id, host, pid, boot, heartbeat FROM runs WHERE ended_at IS NULL"
    ).fetchall():
        if is_alive(run):
            continue
        unknown += settle_lost(connection, run["id"])
        connection.execute(
            "UPDATE runs SET ended_at = ?, phase = 'died', stopped_by = 'killed' WHERE id = ?",
            (now(), run["id"]),
        )
    return unknown


def settle_lost(connection: sqlite3.Connection, run: str) -> int:
    """Nobody will ever know what came of the calls of a run that are on the way now. How many they are."""
    return connection.execute(
        "UPDATE calls SET state = 'unknown', outcome = 'unknown' WHERE run = ? AND state = 'sent' AND batch IS NULL",
        (run,),
    ).rowcount
