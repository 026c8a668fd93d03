"""Which items a rule has looked at, and as what they were: what has changed since is looked at again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from traceview.model.labels import Target


def looked_at(connection: sqlite3.Connection, judge_hash: str) -> dict[str, str]:
    """What a judge has looked at: the state of each item by its key."""
    rows = connection.execute(
        "SELECT target_id, fingerprint FROM looked_at WHERE judge_hash = ?", (judge_hash,)
    )
    return {row[0]: row[1] for row in rows}


def note_looked_at(connection: sqlite3.Connection, judge_hash: str, seen: Mapping[str, str]) -> None:
    """Write down what a judge has looked at."""
    connection.executemany(
        "INSERT OR REPLACE INTO looked_at VALUES (?, ?, ?)",
        [(judge_hash, key, told) for key, told in seen.items()],
    )


def forget_looked_at(connection: sqlite3.Connection, judge_hash: str, keys: Sequence[str]) -> None:
    """Forget items that no rule will look at again."""
    connection.executemany(
        "DELETE FROM looked_at WHERE judge_hash = ? AND target_id = ?", [(judge_hash, key) for key in keys]
    )


def judged_on_day(connection: sqlite3.Connection, judge: str, day: str) -> int:
    """How many items a judge was asked about on a day (UTC)."""
    row = connection.execute(
        """
        SELECT count(DISTINCT target_kind || char(31) || coalesce(trace_id, '') || char(31) || target_id) FROM calls
        WHERE judge = ? AND attempt > 0 AND substr(created_at, 1, 10) = ?
        """,
        (judge, day),
    ).fetchone()
    return int(row[0])


def key_of(target: Target) -> str:
    """A target as the key of what was looked at."""
    return target.id if target.kind != "span" else f"{target.trace_id}\x1f{target.id}"
