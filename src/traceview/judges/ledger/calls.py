"""Calls in the ledger: planned, claimed, settled, finished. Each function is one job, all or nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.judges.ledger.file import damaged, json_in, packed, unpacked
from traceview.judges.ledger.records import (
    AnsweredCall,
    AttemptResult,
    PendingCall,
    Verdict,
)
from traceview.model.errors import BadInput
from traceview.model.labels import LabelValue, Target
from traceview.store.labels.rows import decode_value, encode_value, now, value_of_json

MOST_KEYS = 10_000
_PENDING = """
SELECT seq, call_key, target_kind, target_id, trace_id, input_hash, repeat_no, repeats, user, worst_nanos, attempt,
  system.body AS system, schema.body AS schema
FROM calls
JOIN texts AS system ON system.hash = system_hash
JOIN texts AS schema ON schema.hash = schema_hash
"""


class Cap(Struct, frozen=True):
    """The most that may be spent in a scope: `run:ID`, `judge:NAME:DAY` or `all:DAY`; None is no limit."""

    scope: str
    nanos: int | None


def pending(connection: sqlite3.Connection, run: str, after: int, limit: int) -> list[PendingCall]:
    """The next calls of a run that are to be sent, in order, after a number."""
    rows = connection.execute(
        f"{_PENDING} WHERE run = ? AND state = 'todo' AND seq > ? ORDER BY seq LIMIT ?", (run, after, limit)
    ).fetchall()
    return [_pending(row) for row in rows]


def _pending(row: sqlite3.Row) -> PendingCall:
    return PendingCall(
        seq=row["seq"],
        call_key=row["call_key"],
        target=Target(row["target_kind"], row["target_id"], row["trace_id"]),
        input_hash=row["input_hash"],
        repeat_no=row["repeat_no"],
        repeats=row["repeats"],
        system=unpacked(row["system"]),
        schema=unpacked(row["schema"]),
        user=unpacked(row["user"]),
        worst_nanos=row["worst_nanos"],
        attempt=row["attempt"],
    )


def claim(
    connection: sqlite3.Connection,
    run: str,
    call_key: str,
    max_tokens: int,
    reserve: int | None,
    caps: Sequence[Cap],
    batch: str | None = None,
) -> str | None:
    """Mark a call as sent and reserve the most that it can cost.

    None if it may be sent; the scope whose cap would be exceeded; `taken` if somebody else has it.
    """
    if reserve is not None:
        for cap in caps:
            if cap.nanos is not None and spent(connection, cap.scope) + reserve > cap.nanos:
                return cap.scope
    changed = connection.execute(
        "UPDATE calls SET state = 'sent', attempt = attempt + 1, batch = ? WHERE call_key = ? AND run = ? "
        "AND state = 'todo'",
        (batch, call_key, run),
    ).rowcount
    if not changed:
        return "taken"
    connection.execute(
        """
        INSERT INTO attempts (call_key, attempt, run, sent_at, max_tokens, reserved_nanos, scopes)
        SELECT call_key, attempt, run, ?, ?, ?, ? FROM calls WHERE call_key = ?
        """,
        (now(), max_tokens, reserve, json.dumps([cap.scope for cap in caps]), call_key),
    )
    _add_spend(connection, [cap.scope for cap in caps], reserve or 0)
    return None


def settle(
    connection: sqlite3.Connection,
    call_key: str,
    result: AttemptResult,
    *,
    state: str,
    verdict: Verdict | None = None,
) -> None:
    """Write down what came of the request that is on the way, and in which state its call is now.

    What may have been paid keeps its whole reservation, what was not paid gives it back.
    """
    nanos = {"yes": result.nanos, "no": 0, "maybe": None}[result.paid]
    attempt = settle_money(connection, call_key, nanos)
    usage = result.usage
    tokens = (usage.input, usage.cache_read, usage.cache_write, usage.output) if usage else (None,) * 4
    connection.execute(
        """
        UPDATE attempts SET done_at = ?, nanos = ?, status = ?, failure = ?, message = ?, request_id = ?, model = ?,
          input_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, output_tokens = ?, seconds = ?, reply = ?
        WHERE call_key = ? AND attempt = ?
        """,
        (
            now(),
            nanos,
            result.status,
            result.failure,
            result.message,
            result.request_id,
            result.model,
            *tokens,
            result.seconds,
            None if result.reply is None else packed(result.reply),
            call_key,
            attempt,
        ),
    )
    if verdict is None:
        connection.execute("UPDATE calls SET state = ? WHERE call_key = ?", (state, call_key))
        return
    value = None if verdict.value is None else encode_value(verdict.value)
    connection.execute(
        """
        UPDATE calls SET state = ?, outcome = ?, reason = ?, value = ?, explanation = ?, evidence = ?, parts = ?
        WHERE call_key = ?
        """,
        (
            state,
            verdict.outcome,
            verdict.reason,
            value,
            verdict.explanation or None,
            json.dumps(verdict.evidence, ensure_ascii=False) if verdict.evidence else None,
            json.dumps(dict(verdict.parts), ensure_ascii=False) if verdict.parts else None,
            call_key,
        ),
    )


def settle_money(connection: sqlite3.Connection, call_key: str, nanos: int | None) -> int:
    """Put what the last request of a call cost in the place of its reservation, in the scopes that it was made in.

    Whichever run settles it, and on whichever day. None leaves the reservation as it is. The number of the request.
    """
    row = connection.execute(
        """
        SELECT attempts.attempt AS attempt, reserved_nanos, scopes, attempts.run AS run, sent_at, judge
        FROM attempts JOIN calls USING (call_key)
        WHERE call_key = ? AND attempts.attempt = calls.attempt
        """,
        (call_key,),
    ).fetchone()
    reserved = row["reserved_nanos"]
    if reserved is not None and nanos is not None:
        _add_spend(connection, _scopes_of(row), nanos - reserved)
    return int(row["attempt"])


def _scopes_of(row: Mapping[str, Any]) -> list[str]:
    """The scopes of a reservation; those that follow from its run and its day where an older ledger kept none."""
    if row["scopes"] is not None:
        return [str(one) for one in json.loads(row["scopes"])]
    day = row["sent_at"][:10]
    return [f"run:{row['run']}", f"judge:{row['judge']}:{day}", f"all:{day}"]


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


def spent(connection: sqlite3.Connection, scope: str) -> int:
    """What was spent or is reserved in a scope, in billionths of a dollar."""
    row = connection.execute("SELECT nanos FROM spend WHERE scope = ?", (scope,)).fetchone()
    return 0 if row is None else int(row[0])


def _add_spend(connection: sqlite3.Connection, scopes: Sequence[str], nanos: int) -> None:
    if nanos:
        connection.executemany(
            """
            INSERT INTO spend VALUES (?, ?)
            ON CONFLICT (scope) DO UPDATE SET nanos = nanos + excluded.nanos
            """,
            [(scope, nanos) for scope in scopes],
        )


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
