"""Calls that are claimed before they are sent and settled afterwards, many at once: few statements for all of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from traceview.judges.ledger.file import packed
from traceview.judges.ledger.records import AttemptResult, Verdict
from traceview.store.labels.rows import encode_value, now

TAKEN = "taken"


class Cap(Struct, frozen=True):
    """The most that may be spent in a scope: `run:ID`, `judge:NAME:DAY` or `all:DAY`; None is no limit."""

    scope: str
    nanos: int | None


class Claim(Struct, frozen=True):
    """A call that is to be sent. `reserve` is the most that it can cost, None where there is no price."""

    run: str
    call_key: str
    max_tokens: int
    reserve: int | None
    caps: Sequence[Cap]
    batch: str | None = None


class Settlement(Struct, frozen=True):
    """What came of the request that is on the way, and in which state its call is now.

    What may have been paid keeps its whole reservation, what was not paid gives it back.
    """

    call_key: str
    result: AttemptResult
    state: str
    verdict: Verdict | None = None

    @property
    def nanos(self) -> int | None:
        """What it cost; None where nobody knows."""
        return {"yes": self.result.nanos, "no": 0, "maybe": None}[self.result.paid]


def write_steps(
    connection: sqlite3.Connection, settlements: Sequence[Settlement], claims: Sequence[Claim]
) -> list[str | None]:
    """Settle, then claim, in one job; what `claim` says of each."""
    settle_all(connection, settlements)
    return claim_all(connection, claims)


def claim(connection: sqlite3.Connection, one: Claim) -> str | None:
    """Mark a call as sent and reserve the most that it can cost.

    None if it may be sent; the scope whose cap would be exceeded; TAKEN if somebody else has it.
    """
    return claim_all(connection, [one])[0]


def claim_all(connection: sqlite3.Connection, claims: Sequence[Claim]) -> list[str | None]:
    """What `claim` says of each of several calls; those before it count in what is left for a call."""
    if not claims:
        return []
    money = _Money(connection)
    free = _free(connection, [one.call_key for one in claims])
    answers: list[str | None] = []
    taken: list[Claim] = []
    for one in claims:
        answer: str | None = TAKEN
        if free.get(one.call_key) == one.run:
            answer = money.exceeded(one)
            if answer is None:
                del free[one.call_key]
                taken.append(one)
                money.add([cap.scope for cap in one.caps], one.reserve or 0)
        answers.append(answer)
    connection.executemany(
        "UPDATE calls SET state = 'sent', attempt = attempt + 1, batch = ? WHERE call_key = ?",
        [(one.batch, one.call_key) for one in taken],
    )
    connection.executemany(
        """
        INSERT INTO attempts (call_key, attempt, run, sent_at, max_tokens, reserved_nanos, scopes)
        SELECT call_key, attempt, run, ?, ?, ?, ? FROM calls WHERE call_key = ?
        """,
        [
            (now(), one.max_tokens, one.reserve, json.dumps([cap.scope for cap in one.caps]), one.call_key)
            for one in taken
        ],
    )
    money.write()
    return answers


def settle(connection: sqlite3.Connection, one: Settlement) -> None:
    """Write down what came of a request."""
    settle_all(connection, [one])


def settle_all(connection: sqlite3.Connection, settlements: Sequence[Settlement]) -> None:
    """Write down what came of several requests."""
    if not settlements:
        return
    attempts = settle_money(connection, {one.call_key: one.nanos for one in settlements})
    connection.executemany(
        """
        UPDATE attempts SET done_at = ?, nanos = ?, status = ?, failure = ?, message = ?, request_id = ?, model = ?,
          input_tokens = ?, cache_read_tokens = ?, cache_write_tokens = ?, output_tokens = ?, seconds = ?, reply = ?
        WHERE call_key = ? AND attempt = ?
        """,
        [(*_told(one), one.call_key, attempts[one.call_key]) for one in settlements],
    )
    connection.executemany(
        "UPDATE calls SET state = ? WHERE call_key = ?",
        [(one.state, one.call_key) for one in settlements if one.verdict is None],
    )
    connection.executemany(
        """
        UPDATE calls SET state = ?, outcome = ?, reason = ?, value = ?, explanation = ?, evidence = ?, parts = ?
        WHERE call_key = ?
        """,
        [(one.state, *_said(one.verdict), one.call_key) for one in settlements if one.verdict is not None],
    )


def settle_money(connection: sqlite3.Connection, nanos: Mapping[str, int | None]) -> dict[str, int]:
    """Put what the last requests of calls cost in the place of their reservations, in the scopes they were made in.

    Whichever run settles them, and on whichever day. None leaves a reservation as it is. The numbers of the requests.
    """
    rows = connection.execute(
        """
        SELECT call_key, attempts.attempt AS attempt, reserved_nanos, scopes, attempts.run AS run, sent_at, judge
        FROM json_each(?) AS asked
        JOIN calls ON calls.call_key = asked.value
        JOIN attempts USING (call_key, attempt)
        """,
        (json.dumps(list(nanos)),),
    ).fetchall()
    money = _Money(connection)
    for row in rows:
        cost, reserved = nanos[row["call_key"]], row["reserved_nanos"]
        if reserved is not None and cost is not None:
            money.add(_scopes_of(row), cost - reserved)
    money.write()
    return {row["call_key"]: int(row["attempt"]) for row in rows}


def spent(connection: sqlite3.Connection, scope: str) -> int:
    """What was spent or is reserved in a scope, in billionths of a dollar."""
    row = connection.execute("SELECT nanos FROM spend WHERE scope = ?", (scope,)).fetchone()
    return 0 if row is None else int(row[0])


class _Money:
    """What is spent in the scopes of one job: read once, written once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._spent: dict[str, int] = {}
        self._more: dict[str, int] = {}

    def exceeded(self, one: Claim) -> str | None:
        """The scope whose cap a call would exceed."""
        if one.reserve is None:
            return None
        for cap in one.caps:
            if cap.nanos is None:
                continue
            if cap.scope not in self._spent:
                self._spent[cap.scope] = spent(self._connection, cap.scope)
            if self._spent[cap.scope] + self._more.get(cap.scope, 0) + one.reserve > cap.nanos:
                return cap.scope
        return None

    def add(self, scopes: Sequence[str], nanos: int) -> None:
        """Count so much more (or less) in these scopes."""
        for scope in scopes:
            self._more[scope] = self._more.get(scope, 0) + nanos

    def write(self) -> None:
        """Write down what was counted."""
        self._connection.executemany(
            """
            INSERT INTO spend VALUES (?, ?)
            ON CONFLICT (scope) DO UPDATE SET nanos = nanos + excluded.nanos
            """,
            [(scope, nanos) for scope, nanos in self._more.items() if nanos],
        )


def _free(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, str]:
    """The runs of those of the calls that wait to be sent."""
    rows = connection.execute(
        """
        SELECT call_key, run FROM json_each(?) AS asked JOIN calls ON calls.call_key = asked.value
        WHERE state = 'todo'
        """,
        (json.dumps(list(keys)),),
    )
    return {row[0]: row[1] for row in rows}


def _scopes_of(row: Mapping[str, Any]) -> list[str]:
    """The scopes of a reservation; those that follow from its run and its day where an older ledger kept none."""
    if row["scopes"] is not None:
        return [str(one) for one in json.loads(row["scopes"])]
    day = row["sent_at"][:10]
    return [f"run:{row['run']}", f"judge:{row['judge']}:{day}", f"all:{day}"]


def _told(one: Settlement) -> tuple[Any, ...]:
    """What a request came to, as the columns of `attempts` from `done_at` on."""
    result, usage = one.result, one.result.usage
    tokens = (usage.input, usage.cache_read, usage.cache_write, usage.output) if usage else (None,) * 4
    return (
        now(),
        one.nanos,
        result.status,
        result.failure,
        result.message,
        result.request_id,
        result.model,
        *tokens,
        result.seconds,
        None if result.reply is None else packed(result.reply),
    )


def _said(verdict: Verdict) -> tuple[Any, ...]:
    """A verdict, as the columns of `calls` from `outcome` on."""
    return (
        verdict.outcome,
        verdict.reason,
        None if verdict.value is None else encode_value(verdict.value),
        verdict.explanation or None,
        json.dumps(verdict.evidence, ensure_ascii=False) if verdict.evidence else None,
        json.dumps(dict(verdict.parts), ensure_ascii=False) if verdict.parts else None,
    )
