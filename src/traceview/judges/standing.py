"""Which rows of a judge stand already: asked of the label store in batches, by target."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from traceview.model.judges import JudgeDefinition
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.writer import WriteTransaction

IDS_PER_QUERY = 500


def has_rows(connection: sqlite3.Connection, judge: JudgeDefinition) -> bool:
    """Whether there is any row of a judge."""
    found = connection.execute(
        "SELECT 1 FROM labels WHERE source = ? AND annotator = ? LIMIT 1", (judge.source, judge.name)
    )
    return found.fetchone() is not None


def scored_since(connection: sqlite3.Connection, judge: JudgeDefinition, day: str) -> int:
    """How many items a judge gave a score on a day (UTC), or later."""
    (count,) = connection.execute(
        """
        SELECT count(*) FROM (SELECT DISTINCT target_id, trace_id FROM labels
        WHERE source = ? AND annotator = ? AND name = ? AND created_at >= ?)
        """,
        (judge.source, judge.name, judge.metric, day),
    ).fetchone()
    return int(count)


def standing(
    connection: sqlite3.Connection, judge: JudgeDefinition, targets: Sequence[Target]
) -> dict[Target, list[str]]:
    """The ids of rows with the judge's metric, by target, the newest last; of targets whose last row sets a value."""
    found: dict[Target, list[str]] = {}
    unset: set[Target] = set()
    for start in range(0, len(targets), IDS_PER_QUERY):
        chunk = targets[start : start + IDS_PER_QUERY]
        rows = connection.execute(
            f"SELECT target_id, trace_id, id, op FROM labels WHERE target_id IN ({', '.join('?' * len(chunk))}) "
            "AND target_kind = ? AND name = ? AND source = ? AND annotator = ? ORDER BY created_at, id",
            (*(target.id for target in chunk), judge.scope, judge.metric, judge.source, judge.name),
        )
        for target_id, trace_id, id, op in rows:
            target = Target(judge.scope, target_id, trace_id)
            found.setdefault(target, []).append(id)
            (unset.discard if op == "set" else unset.add)(target)
    return {target: ids for target, ids in found.items() if target not in unset}


def current_of(
    transaction: WriteTransaction, judge: JudgeDefinition, targets: Sequence[Target]
) -> dict[Target, dict[str, LabelRow]]:
    """The current rows of a judge by target and name."""
    found: dict[Target, dict[str, LabelRow]] = {}
    for start in range(0, len(targets), IDS_PER_QUERY):
        chunk = targets[start : start + IDS_PER_QUERY]
        among = f"target_id IN ({', '.join('?' * len(chunk))}) AND target_kind = ? AND source = ? AND annotator = ?"
        values = (*(target.id for target in chunk), judge.scope, judge.source, judge.name)
        for row in transaction.rows(among, values, table="current"):
            found.setdefault(row.target, {})[row.name] = row
    return found
