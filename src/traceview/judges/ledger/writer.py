"""The one thread that writes a ledger: jobs that come while one is written share the next commit."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from traceview.files.lock import FileLock
from traceview.judges.ledger.file import open_for_writing, unusable
from traceview.model.errors import BadInput, TraceviewError
from traceview.store.labels.connect import identity

Result = TypeVar("Result")
Job = Callable[[sqlite3.Connection], Result]

_BATCH = 512


class LedgerWriter:
    """Runs jobs, each all or nothing, in order; a future is done after the commit that its job is part of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def submit(self, job: Job[Result]) -> Future[Result]:
        """Queue a job. The future raises BadInput where nothing could be written."""
        future: Future[Result] = Future()
        self._jobs.put((job, future))
        return future

    def now(self, job: Job[Result]) -> Result:
        """Run a job and wait for the commit."""
        return self.submit(job).result()

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            entry = self._jobs.get()
            batch = []
            if entry is not None:
                batch.append(entry)
            while entry is not None and len(batch) < _BATCH:
                try:
                    entry = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if entry is not None:
                    batch.append(entry)
            last = entry is None
            if batch:
                self._write(batch)
        if self._connection is not None:
            self._connection.close()

    def _write(self, batch: list[tuple[Job[Any], Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._lock.hold():
                done = self._transact(batch)
        except Exception as error:  # noqa: BLE001 (whoever waits is told; the thread must live on)
            self._disconnect()
            failure = error if isinstance(error, TraceviewError) else unusable(error, self.path)
            done = [(future, None, failure) for _, future in batch]
        for future, result, problem in done:
            # whoever waited may have been cancelled: what was asked is done all the same
            with suppress(InvalidStateError):
                if problem is None:
                    future.set_result(result)
                else:
                    future.set_exception(problem)

    def _transact(
        self, batch: list[tuple[Job[Any], Future[Any]]]
    ) -> list[tuple[Future[Any], Any, BaseException | None]]:
        connection = self._connected()
        done: list[tuple[Future[Any], Any, BaseException | None]] = []
        connection.execute("BEGIN IMMEDIATE")
        for job, future in batch:
            connection.execute("SAVEPOINT job")
            try:
                done.append((future, job(connection), None))
            except sqlite3.OperationalError:
                raise
            except Exception as error:  # noqa: BLE001 (handed to whoever waits for the future)
                connection.execute("ROLLBACK TO job")
                done.append((future, None, error))
            connection.execute("RELEASE job")
        connection.execute("COMMIT")
        if identity(self.path) != self._identity:
            raise BadInput(
                f"{self.path} was replaced or removed while calls were being made",
                hint="what was paid since is not in it; run the judge again once it is back in its place",
            )
        return done

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_for_writing(self.path)
            connection.row_factory = sqlite3.Row
            self._connection = connection
            self._identity = identity(self.path)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
