"""Calls that are planned: added to the ledger, or found there as they stand. Each function is one job."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence

from traceview.judges.ledger.file import packed
from traceview.judges.ledger.lease import is_alive
from traceview.judges.ledger.records import Place, PlannedCall
from traceview.store.labels.rows import now

_INSERT = """
INSERT OR IGNORE INTO calls (call_key, run, judge, metric, judge_hash, target_kind, target_id, trace_id, input_hash,
  repeat_no, repeats, created_at, system_hash, schema_hash, user, truncated, injection, worst_nanos)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def plan(
    connection: sqlite3.Connection,
    run: str,
    names: tuple[str, str, str],
    calls: Sequence[PlannedCall],
    *,
    retry_unknown: bool,
    batch: bool = False,
) -> list[Place]:
    """Add the calls of a run (judge, metric and judge_hash are `names`); where each of them stands.

    What another run planned and did not send is taken over once that run has ended, as is what failed without being
    paid.
    """
    created_at = now()
    places: list[Place] = []
    alive: dict[str, bool] = {}
    kept: dict[str, str] = {}
    for call in calls:
        hashes = []
        for text in (call.system, call.schema):
            if text not in kept:
                kept[text] = keep_text(connection, text)
            hashes.append(kept[text])
        target = call.target
        added = connection.execute(
            _INSERT,
            (
                call.call_key,
                run,
                *names,
                target.kind,
                target.id,
                target.trace_id,
                call.input_hash,
                call.repeat_no,
                call.repeats,
                created_at,
                *hashes,
                packed(call.user),
                json.dumps(call.truncated) if call.truncated else None,
                int(call.injection),
                call.worst_nanos,
            ),
        ).rowcount
        places.append("new" if added else _place(connection, run, call, hashes, alive, retry_unknown, batch))
    return places


def _place(
    connection: sqlite3.Connection,
    run: str,
    call: PlannedCall,
    hashes: Sequence[str],
    alive: dict[str, bool],
    retry_unknown: bool,
    batch: bool,
) -> Place:
    """Where a call stands that is in the ledger already; taken over if it may be sent."""
    found = connection.execute(
        "SELECT run, state, batch FROM calls WHERE call_key = ?", (call.call_key,)
    ).fetchone()
    state = found["state"]
    if state == "done":
        return "done"
    if state == "sent" and found["batch"] is not None:
        is_others = _is_run_alive(connection, found["run"], alive)
        return "batched" if batch and not is_others else "elsewhere"
    if found["run"] != run and state in ("todo", "sent") and _is_run_alive(connection, found["run"], alive):
        return "elsewhere"
    if state == "sent" or (state == "unknown" and not retry_unknown):
        return "held"
    connection.execute(
        """
        UPDATE calls SET run = ?, state = 'todo', outcome = NULL, reason = NULL, batch = NULL, system_hash = ?,
          schema_hash = ?, user = ?, worst_nanos = ?, repeats = ?
        WHERE call_key = ?
        """,
        (run, *hashes, packed(call.user), call.worst_nanos, call.repeats, call.call_key),
    )
    return "new"


def _is_run_alive(connection: sqlite3.Connection, run: str, known: dict[str, bool]) -> bool:
    if run not in known:
        row = connection.execute(
            "SELECT host, pid, boot, heartbeat, ended_at FROM runs WHERE id = ?", (run,)
        ).fetchone()
        known[run] = row is not None and row["ended_at"] is None and is_alive(row)
    return known[run]


def forget_planned(connection: sqlite3.Connection, run: str) -> int:
    """Take out what a run planned and nobody ever sent: it was not wanted after all. How many they were."""
    return connection.execute(
        "DELETE FROM calls WHERE run = ? AND state = 'todo' AND attempt = 0", (run,)
    ).rowcount


def keep_text(connection: sqlite3.Connection, text: str) -> str:
    """Keep a text that many calls share; its hash."""
    hash = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    connection.execute("INSERT OR IGNORE INTO texts VALUES (?, ?)", (hash, packed(text)))
    return hash
