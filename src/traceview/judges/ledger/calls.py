"""Calls in the ledger: those that wait, those that were answered. Each function is one job, all or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from traceview.judges.ledger.file import damaged, json_in, unpacked
from traceview.judges.ledger.records import AnsweredCall, PendingCall, Verdict
from traceview.model.errors import BadInput
from traceview.model.labels import LabelValue, Target
from traceview.store.labels.rows import decode_value, value_of_json

MOST_KEYS = 10_000
_PENDING = """
SELECT seq, call_key, target_kind, target_id, trace_id, input_hash, repeat_no, repeats, user, worst_nanos, attempt,
  system.body AS system, schema.body AS schema
FROM calls
JOIN texts AS system ON system.hash = system_hash
JOIN texts AS schema ON schema.hash = schema_hash
"""


def pending(connection: sqlite3.Connection, run: str, after: int, limit: int) -> list[PendingCall]:
    """The next calls of a run that are to be sent, in order, after a number."""
    rows = connection.execute(
        f"{_PENDING} WHERE run = ? AND state = 'todo' AND seq > ? ORDER BY seq LIMIT ?", (run, after, limit)
    ).fetchall()
    # what is fixed is the same for most of them
    fixed = {body: unpacked(body) for body in {row[name] for row in rows for name in ("system", "schema")}}
    return [_pending(row, fixed) for row in rows]


def _pending(row: sqlite3.Row, fixed: Mapping[bytes, str]) -> PendingCall:
    return PendingCall(
        seq=row["seq"],
        call_key=row["call_key"],
        target=Target(row["target_kind"], row["target_id"], row["trace_id"]),
        input_hash=row["input_hash"],
        repeat_no=row["repeat_no"],
        repeats=row["repeats"],
        system=fixed[row["system"]],
        schema=fixed[row["schema"]],
        user=unpacked(row["user"]),
        worst_nanos=row["worst_nanos"],
        attempt=row["attempt"],
    )


def give_up(connection: sqlite3.Connection, call_key: str, state: str, verdict: Verdict) -> None:
    """Write down the outcome of a call of which no request is on the way."""
    connection.execute(
        "UPDATE calls SET state = ?, outcome = ?, reason = ? WHERE call_key = ?",
        (state, verdict.outcome, verdict.reason, call_key),
    )


def put_labels(connection: sqlite3.Connection, labels: Mapping[str, str]) -> None:
    """Write down which score row was made of which calls: `labels` are ids by call key."""
    connection.executemany(
        "UPDATE calls SET label = ? WHERE call_key = ?", [(label, key) for key, label in labels.items()]
    )


_ANSWERED = """
SELECT calls.*, attempts.model AS model FROM calls
LEFT JOIN attempts ON attempts.call_key = calls.call_key AND attempts.attempt = calls.attempt
"""


def answered_of(connection: sqlite3.Connection, keys: Sequence[str]) -> list[AnsweredCall]:
    """The calls of these keys that were answered."""
    found: list[AnsweredCall] = []
    for start in range(0, len(keys), 500):
        chunk = keys[start : start + 500]
        marks = ", ".join("?" * len(chunk))
        rows = connection.execute(
            f"{_ANSWERED} WHERE calls.call_key IN ({marks}) AND state = 'done'", list(chunk)
        )
        found += [answered(row) for row in rows]
    return found


def unscored_keys(connection: sqlite3.Connection, judge_hash: str, limit: int = MOST_KEYS) -> list[str]:
    """Calls of a judge with a verdict that no score row was made of yet."""
    rows = connection.execute(
        """
        SELECT call_key FROM calls
        WHERE state = 'done' AND label IS NULL AND judge_hash = ? AND outcome IN ('scored', 'not_applicable') LIMIT ?
        """,
        (judge_hash, limit),
    )
    return [row[0] for row in rows]


def answered(row: Mapping[str, Any]) -> AnsweredCall:
    """A row of `calls` with the model of its last reply."""
    parts = json_in(row["parts"], {})
    return AnsweredCall(
        call_key=row["call_key"],
        run=row["run"],
        judge=row["judge"],
        metric=row["metric"],
        judge_hash=row["judge_hash"],
        target=Target(row["target_kind"], row["target_id"], row["trace_id"]),
        input_hash=row["input_hash"],
        repeat_no=row["repeat_no"],
        repeats=row["repeats"],
        verdict=Verdict(
            row["outcome"],
            row["reason"],
            value_in(row),
            row["explanation"] or "",
            tuple(json_in(row["evidence"], [])),
            {name: value_of_json(value) for name, value in parts.items()},
        ),
        label=row["label"],
        truncated=tuple(json_in(row["truncated"], [])),
        injection=bool(row["injection"]),
        model=row["model"],
    )


def value_in(row: Mapping[str, Any]) -> LabelValue:
    """The value in a row of `calls`, None where it has none."""
    try:
        return None if row["value"] is None else decode_value(row["value"])
    except (BadInput, TypeError):
        raise damaged("the value of a call cannot be read") from None


def siblings(connection: sqlite3.Connection, keys: Sequence[str]) -> list[list[Mapping[str, Any]]]:
    """The repeats of the questions that these calls ask, together by question and in their order: rows of `calls`."""
    found: list[list[Mapping[str, Any]]] = []
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            continue
        rows = connection.execute(
            f"""
            {_ANSWERED} JOIN calls AS asked ON asked.call_key = ?
            WHERE calls.target_id = asked.target_id AND calls.target_kind = asked.target_kind
            AND calls.trace_id IS asked.trace_id AND calls.judge_hash = asked.judge_hash
            AND calls.input_hash = asked.input_hash AND calls.repeat_no < asked.repeats
            ORDER BY calls.repeat_no
            """,
            (key,),
        ).fetchall()
        found.append(list(rows))
        seen.update(row["call_key"] for row in rows)
    return found


def schema_of(connection: sqlite3.Connection, call_key: str) -> str | None:
    """The schema of the reply to a call; None if there is no such call."""
    row = connection.execute(
        "SELECT body FROM texts JOIN calls ON hash = schema_hash WHERE call_key = ?", (call_key,)
    ).fetchone()
    return None if row is None else unpacked(row[0])


def last_error(connection: sqlite3.Connection, run: str) -> str | None:
    """The class and the words of the newest error among the calls of a run that came to nothing; None without any."""
    found = connection.execute(
        """
        SELECT calls.reason, attempts.message FROM calls JOIN attempts USING (call_key)
        WHERE calls.run = ? AND calls.outcome = 'error' ORDER BY attempts.done_at DESC, attempts.attempt DESC LIMIT 1
        """,
        (run,),
    ).fetchone()
    return None if found is None else ": ".join(str(one) for one in found if one)
