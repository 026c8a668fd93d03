"""From the inbox into parts: mapped as files are, once, whatever is killed and when.

A part is planned in the inbox, written under that plan's mark, and done in the transaction that removes its requests.
A plan that is found at the start is carried out again unless the part with its mark is there. Spans that come again
as they were are left out as long as the inbox remembers them (200,000 spans) and their part is there; one with another
content takes the place of the earlier, but an open one never that of an ended one. Messages in log records wait for
their span, and a span that is written already is written again with them: of a span in several parts the last counts.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from traceview.ingest.directory import StoreDirectory
from traceview.ingest.listen.batch import Batch
from traceview.ingest.listen.bodies import Undecodable, decode, decompress
from traceview.ingest.listen.inbox import Backlog, backlog, open_inbox, place_of, writing
from traceview.model.errors import TraceviewError
from traceview.sources.base import ReadReport
from traceview.sources.part_names import with_mark
from traceview.sources.parts import PART_BYTES, ROW_GROUP_ROWS, write_rows, write_table

_REMEMBERED_SPANS = 200_000
_WAITING_EVENTS = 200_000
_WAITING_NS = 24 * 3600 * 10**9
_ATTEMPTS = 3
"""How many processes begin a plan and die of it; then it is made smaller, down to one request, which is kept."""

_NO_SPAN = "log record of a span that did not come"


class Drained(Struct, frozen=True):
    """What one step did: requests taken from the inbox, the part if there is one, what was left out."""

    requests: int
    spans: int
    """Spans in the part."""
    part: str | None
    repeated: int
    """Spans that came again and said nothing new."""
    replaced: int
    """Spans that came again with another content, which counts from now on."""
    completed: int
    """Spans that were written again with the messages of log records that came after them."""
    failed: int
    """Requests that could not be read; they are kept in the inbox."""
    skipped: dict[str, int]


@dataclass
class _Plan:
    no: int
    first: int
    last: int
    attempts: int
    new: bool
    failed: dict[int, str] = field(default_factory=dict)


class Drain:
    """Turns what is in the inbox into parts, one at a time. One process at a time has a drain of a store."""

    def __init__(self, store: Path) -> None:
        """Raises BadInput, sqlite3.Error, OSError."""
        self._store = StoreDirectory(store)
        self._connection = open_inbox(store)
        self._place = place_of(store)
        self._plan: _Plan | None = None
        """What this process has begun: tried again, it is the same attempt."""
        self._hindered = False

    def begin(self) -> None:
        """Give a new store a part without spans, so that an app can open it and wait for the first. Raises OSError."""
        if not self._store.parts():
            self._store.publish(lambda path: write_rows([], path))

    def close(self) -> None:
        """Give room in the file back, and close it."""
        with suppress(sqlite3.Error, OSError, TraceviewError):
            if self._plan is not None and self._hindered:
                # a full disk is no fault of the requests: who comes next begins them as if for the first time
                with writing(self._store.path, self._connection):
                    self._connection.execute(
                        "UPDATE parts SET attempts = attempts - 1 WHERE no = ?", (self._plan.no,)
                    )
            self._connection.execute("PRAGMA incremental_vacuum")
        self._connection.close()

    def is_there(self) -> bool:
        """Whether what this drain has open is the store's inbox still."""
        return place_of(self._store.path) == self._place

    def backlog(self) -> Backlog:
        """What waits now."""
        return backlog(self._connection)

    def step(self) -> Drained | None:
        """Write one part of what waits; None if nothing does.

        Raises OSError, sqlite3.Error, BadInput where the store cannot be written; the same is tried again then, as
        often as it takes.
        """
        plan = self._plan = self._plan or self._begun() or self._planned()
        if plan is None:
            return None
        try:
            drained = self._carry_out(plan)
        except (OSError, sqlite3.Error, TraceviewError):
            self._hindered, plan.new = True, False
            raise
        self._plan, self._hindered = None, False
        return drained

    def _begun(self) -> _Plan | None:
        """A plan that was begun and not finished."""
        row = self._connection.execute(
            "SELECT no, first_id, last_id, attempts FROM parts WHERE spans IS NULL ORDER BY no"
        ).fetchone()
        if row is None:
            return None
        no, first, last, attempts = row
        plan = _Plan(no, first, last, attempts, new=False)
        if plan.attempts >= _ATTEMPTS:
            self._shrink(plan)
        with writing(self._store.path, self._connection):
            self._connection.execute(
                "UPDATE parts SET last_id = ?, attempts = ? WHERE no = ?",
                (plan.last, plan.attempts + 1, plan.no),
            )
        return plan

    def _shrink(self, plan: _Plan) -> None:
        """Have half of the requests in the plan; one alone is not tried again."""
        ids = [one for (one,) in self._connection.execute(_SELECT_IDS, (plan.first, plan.last))]
        if len(ids) == 1:
            plan.failed[ids[0]] = f"it ended the process that reads it {plan.attempts} times"
        elif ids:
            plan.last = ids[len(ids) // 2 - 1]
            plan.attempts = 1

    def _planned(self) -> _Plan | None:
        """A plan for as many of the oldest requests as make one part."""
        first = last = None
        spans = size = 0
        for number, items, more in self._connection.execute(
            "SELECT id, items, size FROM requests WHERE failed IS NULL ORDER BY id"
        ):
            if first is not None and (spans + items > ROW_GROUP_ROWS or size + more > PART_BYTES):
                break
            first, last = number if first is None else first, number
            spans, size = spans + items, size + more
        if first is None or last is None:
            return None
        with writing(self._store.path, self._connection):
            inserted = self._connection.execute(
                "INSERT INTO parts (name, first_id, last_id, attempts) VALUES ('', ?, ?, 1)", (first, last)
            )
        assert inserted.lastrowid is not None
        return _Plan(inserted.lastrowid, first, last, 1, new=True)

    def _carry_out(self, plan: _Plan) -> Drained:
        report = ReadReport()
        batch = Batch(self._store.path, self._connection, plan.no, report)
        requests = 0
        # messages first: they are joined to the spans of the same part
        for signal in ("logs", "traces"):
            for (number,) in self._connection.execute(
                f"{_SELECT_IDS} AND signal = ?", (plan.first, plan.last, signal)
            ).fetchall():
                encoding, compression, body = self._connection.execute(
                    "SELECT encoding, compression, body FROM requests WHERE id = ?", (number,)
                ).fetchone()
                requests += 1
                if number not in plan.failed:
                    self._read(number, signal, encoding, compression, body, batch, plan)
        batch.complete_earlier()
        part = self._publish(batch, plan)
        with writing(self._store.path, self._connection):
            self._finish(plan, batch, part)
        return Drained(
            requests=requests,
            spans=batch.spans,
            part=part,
            repeated=batch.repeated,
            replaced=batch.replaced,
            completed=batch.completed,
            failed=len(plan.failed),
            skipped=dict(report.skipped),
        )

    def _read(
        self,
        number: int,
        signal: str,
        encoding: Any,
        compression: str,
        body: bytes,
        batch: Batch,
        plan: _Plan,
    ) -> None:
        """Take one request; one that cannot be read stays in the inbox, with the reason."""
        try:
            request = decode(signal, encoding, decompress(body, compression))
            if signal == "logs":
                batch.add_messages(number, request)
            else:
                batch.add_spans(number, request)
        except (OSError, sqlite3.Error):
            raise
        except Undecodable as error:
            plan.failed[number] = str(error)
        except Exception as error:  # noqa: BLE001 - what was acknowledged is kept whatever is wrong with it
            plan.failed[number] = f"{type(error).__name__}: {error}"

    def _publish(self, batch: Batch, plan: _Plan) -> str | None:
        """The name of the plan's part, which is written unless it is there; None without spans."""
        if not batch.spans:
            return None
        # the inbox and the plan's number tell the part from every other
        inbox = self._connection.execute("SELECT value FROM facts WHERE name = 'inbox'").fetchone()[0]
        mark = f"{inbox}-{plan.no}"
        part = None if plan.new else with_mark(self._store.path.iterdir(), mark)
        if part is None:
            table = batch.table()
            part = self._store.publish(lambda path: write_table(table, path), mark=mark)
        return part.name

    def _finish(self, plan: _Plan, batch: Batch, part: str | None) -> None:
        """Say that the part is there, and forget its requests."""
        run = self._connection
        for number, reason in plan.failed.items():
            run.execute("UPDATE requests SET failed = ? WHERE id = ?", (reason, number))
        run.execute(
            "DELETE FROM requests WHERE id BETWEEN ? AND ? AND failed IS NULL", (plan.first, plan.last)
        )
        run.execute("UPDATE parts SET name = ?, spans = ? WHERE no = ?", (part or "", batch.spans, plan.no))
        batch.remember()
        self._forget(batch)

    def _forget(self, batch: Batch) -> None:
        """Keep what is remembered of spans and what waits for them within bounds."""
        run = self._connection
        kept = 0
        for no, spans in run.execute(
            "SELECT no, spans FROM parts WHERE spans IS NOT NULL ORDER BY no DESC"
        ).fetchall():
            kept += spans
            if kept > _REMEMBERED_SPANS + ROW_GROUP_ROWS:
                run.execute("DELETE FROM written WHERE part <= ?", (no,))
                run.execute("DELETE FROM parts WHERE no <= ?", (no,))
                break
        waiting = run.execute("SELECT count(*) FROM waiting").fetchone()[0]
        gone = run.execute(
            "DELETE FROM waiting WHERE received_ns < ?", (time.time_ns() - _WAITING_NS,)
        ).rowcount
        if waiting - gone > _WAITING_EVENTS:
            gone += run.execute(
                "DELETE FROM waiting WHERE received_ns <= (SELECT received_ns FROM waiting ORDER BY received_ns "
                "LIMIT 1 OFFSET ?)",
                (waiting - gone - _WAITING_EVENTS - 1,),
            ).rowcount
        if gone:
            batch.report.skip(_NO_SPAN, "", gone)


_SELECT_IDS = "SELECT id FROM requests WHERE id BETWEEN ? AND ? AND failed IS NULL"
