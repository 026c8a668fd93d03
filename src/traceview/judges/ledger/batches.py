"""Message batches in the ledger: which calls are in which, and what is not read yet. Each function is one job."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec import Struct

from traceview.judges.ledger.lease import is_alive
from traceview.judges.ledger.steps import TAKEN, Cap, Claim, claim, settle_money
from traceview.store.labels.rows import now


class Batch(Struct, frozen=True):
    """A batch: `name` is ours, `id` the endpoint's, None where a process died before it was written down.

    `doubtful` is one that was sent and never answered.
    """

    name: str
    run: str
    created_at: str
    calls: int
    id: str | None
    doubtful: bool = False


def begin_batch(
    connection: sqlite3.Connection,
    name: str,
    run: str,
    endpoint: str,
    calls: Sequence[tuple[str, int, int | None]],
    caps: Sequence[Cap],
) -> tuple[list[str], str | None]:
    """Claim calls (key, max_tokens, most that it can cost) for a batch, as many as the budgets allow.

    The keys that are in it, and the scope whose cap the next one would exceed.
    """
    claimed: list[str] = []
    refused = None
    for key, max_tokens, worst in calls:
        refused = claim(connection, Claim(run, key, max_tokens, worst, caps, name))
        if refused is None:
            claimed.append(key)
        elif refused != TAKEN:
            break
    if claimed:
        connection.execute(
            "INSERT INTO batches (name, run, endpoint, created_at, calls) VALUES (?, ?, ?, ?, ?)",
            (name, run, endpoint, now(), len(claimed)),
        )
    return claimed, None if refused == TAKEN else refused


def batch_created(connection: sqlite3.Connection, name: str, id: str) -> None:
    """Write down what the endpoint calls a batch."""
    connection.execute("UPDATE batches SET id = ?, state = 'created' WHERE name = ?", (id, name))


def batch_in_doubt(connection: sqlite3.Connection, name: str) -> None:
    """Write down that a batch was sent and nobody knows whether it was taken."""
    connection.execute("UPDATE batches SET doubtful = 1 WHERE name = ?", (name,))


def batch_held(connection: sqlite3.Connection, name: str, state: str, message: str) -> list[str]:
    """Write down that a batch was read, or is not to be found; its calls without a result may have been paid.

    They keep what was reserved for them, and are not sent again before somebody says so. Their keys.
    """
    left = sorted(keys_of(connection, name))
    connection.executemany(
        """
        UPDATE attempts SET done_at = ?, failure = 'no_result', message = ?
        WHERE call_key = ? AND attempt = (SELECT attempt FROM calls WHERE calls.call_key = attempts.call_key)
        """,
        [(now(), message, key) for key in left],
    )
    connection.execute(
        "UPDATE calls SET state = 'unknown', outcome = 'unknown', explanation = ? WHERE batch = ? AND state = 'sent'",
        (message, name),
    )
    connection.execute("UPDATE batches SET state = ? WHERE name = ?", (state, name))
    return left


def batch_lost(connection: sqlite3.Connection, name: str) -> list[str]:
    """Write down that a batch never was; its calls are planned again.

    They were not billed, so what was reserved for them is given back. Their keys.
    """
    rows = connection.execute("SELECT call_key FROM calls WHERE batch = ? AND state = 'sent'", (name,))
    attempts = settle_money(connection, {row["call_key"]: 0 for row in rows})
    connection.executemany(
        "UPDATE attempts SET done_at = ?, nanos = 0, failure = 'no_result' WHERE call_key = ? AND attempt = ?",
        [(now(), key, attempt) for key, attempt in attempts.items()],
    )
    connection.execute(
        "UPDATE calls SET state = 'todo', batch = NULL WHERE batch = ? AND state = 'sent'", (name,)
    )
    connection.execute("UPDATE batches SET state = 'lost' WHERE name = ?", (name,))
    return list(attempts)


def adopt_batches(connection: sqlite3.Connection, run: str, judge_hash: str) -> list[Batch]:
    """Take over the batches of a judge whose run has ended before they did, with their calls."""
    rows = connection.execute(
        """
        SELECT batches.*, runs.host, runs.pid, runs.boot, runs.heartbeat, runs.ended_at FROM batches
        JOIN runs ON runs.id = batches.run
        WHERE runs.judge_hash = ? AND batches.state IN ('creating', 'created')
        """,
        (judge_hash,),
    ).fetchall()
    found = []
    for row in rows:
        if row["run"] != run and row["ended_at"] is None and is_alive(row):
            continue
        connection.execute("UPDATE batches SET run = ? WHERE name = ?", (run, row["name"]))
        connection.execute("UPDATE calls SET run = ? WHERE batch = ? AND state = 'sent'", (run, row["name"]))
        found.append(
            Batch(row["name"], run, row["created_at"], row["calls"], row["id"], bool(row["doubtful"]))
        )
    return found


def known_ids(connection: sqlite3.Connection) -> set[str]:
    """The endpoint's ids of the batches that are in this ledger."""
    return {row[0] for row in connection.execute("SELECT id FROM batches WHERE id IS NOT NULL")}


def keys_of(connection: sqlite3.Connection, name: str) -> set[str]:
    """The keys of the calls that are in a batch and have no result yet."""
    return {
        row[0]
        for row in connection.execute(
            "SELECT call_key FROM calls WHERE batch = ? AND state = 'sent'", (name,)
        )
    }
