"""Targets on which a check failed, kept until one run gives them a score: rates of the others are told beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from traceview.judges.ledger.telling import ask_ledger, tell_ledger
from traceview.model.judges import JudgeDefinition, Judgement
from traceview.store.labels.rows import now

AT_ONCE = 1_000
"""About so many targets are written down in one transaction."""
LONGEST_MESSAGE = 300


class Failures(Struct, frozen=True):
    """How many targets of a version have no score, by the reason, and the words of the newest."""

    reasons: Mapping[str, int] = field(default_factory=dict)
    message: str = ""


def failures_of(connection: sqlite3.Connection, judge: str) -> dict[str, Failures]:
    """What stands without a score, by judge_hash: failed checks, and calls of a model that gave none."""
    told: dict[str, dict[str, int]] = {}
    statement = """
      SELECT judge_hash, coalesce(reason, outcome), count(*) FROM calls
      WHERE judge = ? AND outcome IN ('error', 'unscored') GROUP BY 1, 2
    """
    if _is_there(connection):
        statement += """
          UNION ALL SELECT judge_hash, reason, count(*) FROM failures WHERE judge = ? GROUP BY 1, 2
        """
    for judge_hash, reason, count in connection.execute(statement, (judge,) * statement.count("?")):
        told.setdefault(judge_hash, {})[reason] = count
    return {one: Failures(reasons, _message(connection, one)) for one, reasons in told.items()}


def failed_checks(connection: sqlite3.Connection, judge_hash: str) -> Failures:
    """The failed checks of a version."""
    if not _is_there(connection):
        return Failures()
    rows = connection.execute(
        "SELECT reason, count(*) FROM failures WHERE judge_hash = ? GROUP BY 1 ORDER BY 1", (judge_hash,)
    )
    return Failures(dict(rows.fetchall()), _message(connection, judge_hash))


class FailureWriter:
    """Writes down on which targets a judge's checks fail in a run, and takes back what has a score by now."""

    def __init__(self, labels: Path, judge: JudgeDefinition) -> None:
        """Raises BadInput where the ledger cannot be read."""
        self._labels = labels
        self._judge = judge
        self._before = bool(
            ask_ledger(labels, partial(failed_checks, judge_hash=judge.hash), Failures()).reasons
        )
        self._waiting: list[Judgement] = []

    def add(self, judgement: Judgement) -> None:
        """Take up what came of a target. Raises BadInput where the ledger cannot be written."""
        if judgement.outcome == "error" or self._before:
            self._waiting.append(judgement)
        if len(self._waiting) >= AT_ONCE:
            self.close()

    def close(self) -> None:
        """Write down what waits. Raises BadInput."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            tell_ledger(self._labels, partial(_note, judge=self._judge, judged=waiting))


def _note(connection: sqlite3.Connection, judge: JudgeDefinition, judged: Sequence[Judgement]) -> None:
    keys = [(judge.hash, one.target.kind, one.target.id, one.target.trace_id or "") for one in judged]
    connection.executemany(
        "DELETE FROM failures WHERE judge_hash = ? AND target_kind = ? AND target_id = ? AND trace_id = ?",
        keys,
    )
    time = now()
    connection.executemany(
        "INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*key, judge.name, one.reason or one.outcome, one.explanation[:LONGEST_MESSAGE], time)
            for key, one in zip(keys, judged, strict=True)
            if one.outcome == "error"
        ],
    )


def _message(connection: sqlite3.Connection, judge_hash: str) -> str:
    if not _is_there(connection):
        return ""
    found = connection.execute(
        "SELECT message FROM failures WHERE judge_hash = ? ORDER BY failed_at DESC LIMIT 1", (judge_hash,)
    ).fetchone()
    return "" if found is None else str(found[0])


def _is_there(connection: sqlite3.Connection) -> bool:
    """Whether the ledger has the table: one that was only read since an earlier version has not."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'failures'").fetchone()
    return found is not None
