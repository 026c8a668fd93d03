"""Calls and spending as they are listed and shown: what is held, what was sent and answered for a score."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from traceview.judges.ledger.calls import value_in
from traceview.judges.ledger.file import damaged, json_in, unpacked
from traceview.judges.ledger.lease import is_alive
from traceview.judges.running.money import dollars
from traceview.model.errors import BadInput

_MOST = 50
_NAMED = 4
_PREFIX = 8
"""Characters of an id that are enough to name it."""


def run_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every run, the newest first, with what came of its calls."""
    return [
        _run(connection, dict(row))
        for row in connection.execute("SELECT * FROM runs ORDER BY started_at DESC, id DESC")
    ]


def held_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The calls that may have been paid and were never answered, the oldest first."""
    rows = connection.execute(
        """
        SELECT calls.*, attempts.sent_at, attempts.reserved_nanos, attempts.failure, attempts.message, runs.host,
          runs.pid, runs.boot, runs.heartbeat, runs.ended_at
        FROM calls JOIN attempts ON attempts.call_key = calls.call_key AND attempts.attempt = calls.attempt
        LEFT JOIN runs ON runs.id = calls.run
        WHERE state IN ('sent', 'unknown') AND calls.batch IS NULL ORDER BY attempts.sent_at, calls.seq
        """
    )
    return [
        {
            "call_key": row["call_key"],
            "judge": row["judge"],
            "judge_hash": row["judge_hash"],
            "target_kind": row["target_kind"],
            "target_id": row["target_id"],
            "trace_id": row["trace_id"],
            "repeat": row["repeat_no"],
            "sent_at": row["sent_at"],
            "usd_at_most": dollars(row["reserved_nanos"]),
            "failure": row["failure"],
            "message": row["message"],
            "run": row["run"],
        }
        for row in rows
        if row["state"] == "unknown"
        or row["ended_at"] is not None
        or row["host"] is None
        or not is_alive(row)
    ]


def spend_rows(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """What each judge's calls cost by day (UTC), the newest first; what may have been paid counts whole."""
    found = []
    for row in connection.execute("SELECT scope, nanos FROM spend WHERE scope GLOB 'judge:*'"):
        _, judge, day = row["scope"].split(":", 2)
        found.append({"day": day, "judge": judge, "usd": dollars(row["nanos"])})
    return sorted(found, key=lambda one: (one["day"], one["judge"]), reverse=True)


def shown_calls(connection: sqlite3.Connection, id: str) -> list[dict[str, Any]]:
    """The calls that an id names, with every request that was made of them: id of a score, of a call, or of an item.

    Ids of scores and calls may be cut to their first eight characters, those of items to what only one of them begins
    with. Newest first, fifty at most. Raises BadInput where several items begin so.
    """
    for condition, value in (
        ("label = ? OR call_key = ?", id),
        ("label GLOB ? OR call_key GLOB ?", f"{_plain(id)}*" if len(id) >= _PREFIX else None),
        ("target_id = ? OR trace_id = ?", id),
    ):
        if value is None:
            continue
        rows = connection.execute(
            f"SELECT * FROM calls WHERE {condition} ORDER BY seq DESC LIMIT ?", (value, value, _MOST)
        ).fetchall()
        if rows:
            return [_call(connection, dict(row)) for row in rows]
    item = _item_of_prefix(connection, id)
    return shown_calls(connection, item) if item is not None else []


def _item_of_prefix(connection: sqlite3.Connection, prefix: str) -> str | None:
    """The one id of an item, or of its trace, that begins so. Raises BadInput where several do."""
    found: set[str] = set()
    if prefix:
        # a range, as ids may hold signs that mean something to LIKE and GLOB
        within = (prefix, prefix + "\U0010ffff", _MOST)
        for column in ("target_id", "trace_id"):
            found.update(
                row[0]
                for row in connection.execute(
                    f"SELECT DISTINCT {column} FROM calls WHERE {column} > ? AND {column} < ? LIMIT ?", within
                )
            )
    if len(found) > 1:
        some = sorted(found)
        more = ", ..." if len(some) > _NAMED else ""
        raise BadInput(
            f"{len(some)}{' or more' if len(some) >= _MOST else ''} items begin with {prefix}",
            hint=f"they are {', '.join(some[:_NAMED])}{more}",
        )
    return next(iter(found), None)


def _plain(id: str) -> str:
    return "".join(one for one in id if one.isalnum() or one == "-")


def _run(connection: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    outcomes: dict[str, int] = {}
    reasons: dict[str, dict[str, int]] = {}
    for state, outcome, reason, count in connection.execute(
        "SELECT state, outcome, reason, count(*) FROM calls WHERE run = ? GROUP BY 1, 2, 3", (row["id"],)
    ):
        name = outcome or state
        outcomes[name] = outcomes.get(name, 0) + count
        if reason:
            reasons.setdefault(name, {})[reason] = count
    spent = connection.execute("SELECT nanos FROM spend WHERE scope = ?", (f"run:{row['id']}",)).fetchone()
    names = (
        "id",
        "judge",
        "judge_hash",
        "model",
        "endpoint",
        "mode",
        "filter",
        "started_at",
        "ended_at",
        "phase",
    )
    alive = row["ended_at"] is None and is_alive(row)
    return {name: row[name] for name in names} | {
        "phase": row["phase"] if row["ended_at"] is not None or alive else "died",
        "stopped_by": row["stopped_by"],
        "planned": row["planned"],
        "already_done": row["already_done"],
        "calls": outcomes,
        "reasons": reasons,
        "usd": dollars(spent[0]) if spent is not None else 0.0,
        "usd_expected": dollars(row["estimate_nanos"]),
        "usd_budget": dollars(row["budget_nanos"]),
        "pid": row["pid"] if alive else None,
    }


def _call(connection: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _text(connection, row[f"{name}_hash"]) for name in ("system", "schema")}
    attempts = connection.execute(
        "SELECT * FROM attempts WHERE call_key = ? ORDER BY attempt", (row["call_key"],)
    ).fetchall()
    names = (
        "call_key", "judge", "metric", "judge_hash", "target_kind", "target_id", "trace_id", "input_hash", "run",
        "state", "outcome", "reason", "explanation", "label",
    )  # fmt: skip
    return {name: row[name] for name in names} | {
        "repeat": row["repeat_no"],
        "value": value_in(row),
        "evidence": json_in(row["evidence"], []),
        "parts": json_in(row["parts"], {}),
        "truncated": json_in(row["truncated"], []),
        "injection_suspected": bool(row["injection"]),
        "system": texts["system"],
        "user": unpacked(row["user"]),
        "schema": json_in(texts["schema"], {}),
        "attempts": [_attempt(dict(one)) for one in attempts],
    }


def _text(connection: sqlite3.Connection, hash: str) -> str:
    found = connection.execute("SELECT body FROM texts WHERE hash = ?", (hash,)).fetchone()
    if found is None:
        raise damaged("a text that calls share is missing")
    return unpacked(found[0])


def _attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "attempt", "run", "sent_at", "done_at", "max_tokens", "status", "failure", "message", "request_id", "model",
        "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "seconds",
    )  # fmt: skip
    text = unpacked(row["reply"]) if row["reply"] is not None else None
    reply: Any = text
    if text is not None:
        try:
            reply = json.loads(text)
        except (ValueError, RecursionError):
            reply = text
    return {name: row[name] for name in names} | {
        "usd": dollars(row["nanos"]),
        "usd_at_most": dollars(row["reserved_nanos"]),
        "reply": reply,
    }
