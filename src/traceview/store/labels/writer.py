"""The one thread that writes: each batch of jobs is one transaction under the fair lock."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from traceview.files.lock import FileLock
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import LabelRow, ScoreSource, Target
from traceview.store.labels import connect
from traceview.store.labels import rows as codec
from traceview.store.labels.errors import Unsaved, unsaved
from traceview.store.labels.ids import uuid7
from traceview.store.labels.schema import COLUMNS

Result = TypeVar("Result")
BATCH = 256
IDS_PER_QUERY = 500

_INSERT = f"""
INSERT OR FAIL INTO main.labels ({COLUMNS.removeprefix("seq, ")}, imported)
VALUES ({", ".join("?" * 17)})
"""
_LATEST_OF_KEY = """
SELECT max(created_at) FROM labels
WHERE target_id = ? AND target_kind = ? AND trace_id IS ? AND name = ? AND source = ? AND annotator = ?
"""


class Clock:
    """The latest time among the rows of a file, asked for once and then only of the rows that came since."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Ask for all rows again: some were taken back, and their numbers will be given anew."""
        self._latest = ""
        self._seq = -1

    def latest(self, connection: sqlite3.Connection) -> str:
        """The latest created_at; empty if there is no row. At most too late, never too early."""
        table = "labels" if self._seq < 0 else "main.labels"
        found = connection.execute(f"SELECT max(created_at) FROM {table} WHERE seq > ?", (self._seq,))
        self._latest = max(self._latest, found.fetchone()[0] or "")
        self._seq = connection.execute("SELECT coalesce(max(seq), 0) FROM main.labels").fetchone()[0]
        return self._latest


class WriteTransaction:
    """What a job sees and does inside its transaction; nobody else writes meanwhile."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    @property
    def connection(self) -> sqlite3.Connection:
        """The writing connection inside its transaction, for statements on tables other than the labels."""
        return self._connection

    def rows(
        self, condition: str, parameters: Sequence[Any] = (), *, table: str = "labels"
    ) -> list[LabelRow]:
        """Rows of `labels` or of the view `current` that meet an SQL condition (with its ORDER BY and LIMIT)."""
        statement = f"SELECT {COLUMNS} FROM {table} WHERE {condition}"
        return [codec.from_db(row) for row in self._connection.execute(statement, parameters)]

    def append(self, rows: Sequence[LabelRow], *, imported: bool = False) -> tuple[LabelRow, ...]:
        """Add rows; an empty id or created_at is filled in. Raises BadInput for a row that cannot be stored.

        A time that is filled in is later than every time of the same key, also when the clock has run backwards.
        """
        now = codec.now()
        # Rows of one call that have one key are in order by their ids.
        untimed = not all(row.created_at for row in rows)
        newest = untimed and now > self._clock.latest(self._connection)
        stored = tuple(self._complete(row, now, newest) for row in rows)
        flag = int(imported)
        self._connection.executemany(_INSERT, [(*codec.checked(row), flag) for row in stored])
        return stored

    def _complete(self, row: LabelRow, now: str, newest: bool) -> LabelRow:
        """The row with target, id and time filled in; `newest` if no row in the file is as late as now."""
        target = codec.normal_target(row.target)
        created_at = codec.normal_time(row.created_at) if row.created_at else now
        if not (row.created_at or newest):
            key = (target.id, target.kind, target.trace_id, row.name, row.source, row.annotator)
            latest = self._connection.execute(_LATEST_OF_KEY, key).fetchone()[0]
            if latest is not None and latest >= created_at:
                created_at = codec.just_after(latest)
        # Several times faster than dataclasses.replace.
        return LabelRow(
            row.id or uuid7(),
            target,
            row.name,
            row.value,
            row.source,
            row.annotator,
            created_at,
            row.op,
            row.ref,
            row.reason,
            row.blind,
            row.session,
            row.definition_hash,
            row.action_id,
        )

    def last_action(self, source: ScoreSource, annotator: str) -> list[LabelRow]:
        """The rows of this annotator's newest action that is not undone; empty if there is none."""
        return self._action_of(
            """
            SELECT seq, action_id FROM main.labels AS done
            WHERE source = ? AND annotator = ? AND imported = 0 AND op IN ('set', 'clear') AND action_id IS NOT NULL
            AND coalesce((
              SELECT later.op FROM main.labels AS later WHERE later.ref = done.id
              ORDER BY later.created_at DESC, later.id DESC LIMIT 1
            ), 'redo') <> 'undo'
            ORDER BY seq DESC LIMIT 1
            """,
            (source, annotator),
        )

    def last_undo(self, source: ScoreSource, annotator: str) -> list[LabelRow]:
        """The rows of this annotator's newest undo that is not redone and has no action after it."""
        return self._action_of(
            """
            SELECT seq, action_id FROM main.labels AS undone
            WHERE source = ?1 AND annotator = ?2 AND imported = 0 AND op = 'undo' AND seq > coalesce((
              SELECT max(seq) FROM main.labels
              WHERE source = ?1 AND annotator = ?2 AND imported = 0 AND op IN ('set', 'clear')
            ), 0)
            AND id = (
              SELECT later.id FROM main.labels AS later WHERE later.ref = undone.ref
              ORDER BY later.created_at DESC, later.id DESC LIMIT 1
            )
            ORDER BY seq DESC LIMIT 1
            """,
            (source, annotator),
        )

    def _action_of(self, statement: str, parameters: tuple[ScoreSource, str]) -> list[LabelRow]:
        found = self._connection.execute(statement, parameters).fetchone()
        if found is None:
            return []
        seq, action_id = found
        # The rows of an action were written in one transaction: those of this annotator lie side by side.
        before = self._connection.execute(
            """
            SELECT seq FROM main.labels
            WHERE source = ? AND annotator = ? AND imported = 0 AND seq < ? AND action_id IS NOT ?
            ORDER BY seq DESC LIMIT 1
            """,
            (*parameters, seq, action_id),
        ).fetchone()
        condition = """
        source = ? AND annotator = ? AND imported = 0 AND seq > ? AND seq <= ? AND action_id = ? ORDER BY seq
        """
        first = before[0] if before is not None else 0
        return self.rows(condition, (*parameters, first, seq, action_id), table="main.labels")

    def rows_by_id(self, ids: Sequence[str]) -> list[LabelRow]:
        """The rows with these ids, in their order; ids that no row has are left out."""
        found: dict[str, LabelRow] = {}
        for start in range(0, len(ids), IDS_PER_QUERY):
            chunk = ids[start : start + IDS_PER_QUERY]
            rows = self.rows(f"id IN ({', '.join('?' * len(chunk))})", chunk)
            found.update((row.id, row) for row in rows)
        return [found[id] for id in ids if id in found]

    def current_of(self, target: Target, source: ScoreSource, annotator: str) -> list[LabelRow]:
        """The current rows of one source and annotator on a target."""
        condition = "target_id = ? AND target_kind = ? AND trace_id IS ? AND source = ? AND annotator = ?"
        parameters = (target.id, target.kind, target.trace_id, source, annotator)
        return self.rows(f"{condition} ORDER BY created_at, id", parameters, table="current")

    def last_target(self, source: ScoreSource, annotator: str, other_than: Sequence[Target]) -> Target | None:
        """The newest target with a value of this annotator's own, of the first one's kind and none of these."""
        excluded = {(target.kind, target.id, target.trace_id) for target in other_than}
        kind = other_than[0].kind
        found = self._connection.execute(
            """
            SELECT target_kind, target_id, trace_id FROM main.labels
            WHERE source = ? AND annotator = ? AND imported = 0 AND op = 'set' AND target_kind = ?
            AND name NOT IN ('note', 'correction', 'first_bad') ORDER BY seq DESC
            """,
            (source, annotator, kind),
        )
        return next((Target(*key) for key in found if key not in excluded), None)


class Writer:
    """Runs jobs in order, in one thread with the one writing connection."""

    def __init__(
        self,
        path: Path,
        prepare: Callable[[sqlite3.Connection], object],
        on_wait: Callable[[int], object] | None = None,
    ) -> None:
        self.path = path
        self._on_wait = on_wait
        real = path.resolve() if path.exists() else path
        self.lock = FileLock(real.with_name(real.name + ".lock"))
        self._prepare = prepare
        self._jobs: queue.SimpleQueue[tuple[Callable[[WriteTransaction], Any], Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread: threading.Thread | None = None
        self._state = threading.Condition()
        self._transacting = False
        self._suspensions = 0
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._restored: str | None = None
        self._clock = Clock()

    def submit(self, job: Callable[[WriteTransaction], Result]) -> Future[Result]:
        """Queue a job; its future is done after COMMIT."""
        future: Future[Result] = Future()
        # A label that was given is written: who no longer waits for it cannot cancel it.
        future.set_running_or_notify_cancel()
        with self._state:
            if self._closed:
                raise Unsaved(f"not saved: the label file {self.path} is closed")
            self._jobs.put((job, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="label-writer", daemon=True)
                self._thread.start()
        return future

    def close(self) -> None:
        """Run what is queued and stop. May be called again."""
        with self._state:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
            thread = self._thread
        if thread is not None:
            thread.join()

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Wait for the open transaction, then let none begin until the block ends."""
        with self._state:
            self._suspensions += 1
            self._state.wait_for(lambda: not self._transacting)
        try:
            yield
        finally:
            with self._state:
                self._suspensions -= 1
                self._state.notify_all()

    def _run(self) -> None:
        last = False
        while not last:
            first = self._jobs.get()
            if first is None:
                break
            batch = [first]
            while not self._begin_transacting(batch):
                with self._state:
                    self._state.wait_for(lambda: not self._suspensions)
            last = batch[-1] is None
        if self._connection is not None and connect.identity(self.path) is None:
            self._restore_at_the_end()
        self._disconnect()

    def _restore_at_the_end(self) -> None:
        with suppress(sqlite3.Error, OSError, BadInput), self.lock.hold():
            # Labels that were called saved do not go with a file that was removed meanwhile.
            self._restore()

    def _begin_transacting(self, batch: list[Any]) -> bool:
        """Write a batch, with whatever was queued while waiting for the lock; False if suspended before it began."""
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self.lock.hold(self._on_wait):
                with self._state:
                    if self._suspensions:
                        return False
                    self._transacting = True
                while len(batch) < BATCH and batch[-1] is not None:
                    try:
                        batch.append(self._jobs.get_nowait())
                    except queue.Empty:
                        break
                done = self._transact([entry for entry in batch if entry is not None])
        except Exception as error:  # noqa: BLE001 (whoever waits is told; the writer must live on)
            failure = error if isinstance(error, TraceviewError) else unsaved(error, self.path)
            if not isinstance(failure, Unsaved):
                cause = failure.__cause__
                brief = unsaved(cause, self.path).brief if isinstance(cause, OSError) else None
                failure = Unsaved(f"not saved: {failure.message}", hint=failure.hint, brief=brief)
            done = [(entry[1], None, failure) for entry in batch if entry is not None]
        finally:
            with self._state:
                self._transacting = False
                self._state.notify_all()
        for future, result, problem in done:
            if problem is None:
                future.set_result(result)
            else:
                future.set_exception(problem)
        return True

    def _transact(self, batch: list[Any]) -> list[tuple[Future[Any], Any, BaseException | None]]:
        """One transaction for the batch. A job that fails by itself is taken back alone."""
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        connection = None
        try:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            transaction = WriteTransaction(connection, self._clock)
            for job, future in batch:
                connection.execute("SAVEPOINT job")
                try:
                    done.append((future, job(transaction), None))
                except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                    if not isinstance(error, sqlite3.IntegrityError):
                        raise
                    self._take_back(connection)
                    done.append((future, None, Unsaved(f"not saved: {self.path}: {error}")))
                except Exception as error:  # noqa: BLE001 (handed to whoever waits for the future)
                    self._take_back(connection)
                    done.append((future, None, error))
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
            if connect.identity(self.path) != self._identity:
                # Replaced or removed meanwhile: what was written is in a file that nobody will open again.
                self._disconnect()
                raise Unsaved(
                    f"not saved: {self.path} was replaced or removed at this moment", hint="label again"
                )
        except (sqlite3.Error, UnicodeDecodeError) as error:
            failure = unsaved(error, self.path)
            self._disconnect()
            return [(future, None, failure) for _, future in batch]
        return done

    def _take_back(self, connection: sqlite3.Connection) -> None:
        """Undo what the job of now wrote, and nothing else."""
        connection.execute("ROLLBACK TO job")
        self._clock.forget()

    def _connected(self) -> sqlite3.Connection:
        """The writing connection; opened anew when the file was replaced or removed under it."""
        if self._connection is not None and connect.identity(self.path) != self._identity:
            self._restore()
            self._disconnect()
        if self._connection is None:
            connection = connect.open_writer(self.path)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self._identity = connect.identity(self.path)
            self._clock = Clock()
        return self._connection

    def _restore(self) -> None:
        """Write the file again from what this process still holds of it, if somebody removed it.

        A file that stands in its place was put there by somebody, and stays. Raises sqlite3.Error, OSError.
        """
        if (
            self._connection is None
            or self._connection.in_transaction
            or connect.identity(self.path) is not None
        ):
            return
        count = self._connection.execute("SELECT count(*) FROM main.labels").fetchone()[0]
        real = self.path.resolve()
        for side in ("-wal", "-shm"):
            # They belong to the file that was removed.
            real.with_name(real.name + side).unlink(missing_ok=True)
        try:
            connect.copy_database(self._connection, self.path)
        except sqlite3.Error as error:
            # The connection, which alone has the rows now, is kept.
            raise unsaved(error, self.path) from error
        self._restored = f"the label file was gone: written again with its {count:,} rows · {self.path}"

    def take_restored(self) -> str | None:
        """Once after it happened: that the file was removed and was written again, in words."""
        told, self._restored = self._restored, None
        return told

    def _disconnect(self) -> None:
        """Let go of the connection; an unfinished transaction is taken back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
