"""A ledger that is open: jobs go to its writer, questions to a connection that only reads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from traceview.judges.ledger.file import open_for_reading, unusable
from traceview.judges.ledger.writer import LedgerWriter
from traceview.model.errors import BadInput

Result = TypeVar("Result")


class Ledger:
    """One ledger file, made by the first job. Methods may be called from any thread."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        self._writer = None if readonly else LedgerWriter(path)
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()

    def submit(self, job: Callable[[sqlite3.Connection], Result]) -> Future[Result]:
        """Queue a job; its future is done after the commit. Raises BadInput."""
        if self._writer is None:
            raise BadInput(f"{self.path} was opened for reading only")
        return self._writer.submit(job)

    def now(self, job: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a job and wait for the commit."""
        return self.submit(job).result()

    def read(self, question: Callable[[sqlite3.Connection], Result], default: Result) -> Result:
        """Ask what is committed; `default` where there is no ledger yet. Raises BadInput."""
        with self._reading:
            if self._reader is None:
                self._reader = open_for_reading(self.path)
            if self._reader is None:
                return default
            try:
                return question(self._reader)
            except sqlite3.Error as error:
                raise unusable(error, self.path) from error

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        # whoever closes last tidies the log away, and that must be the one that may write
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        if self._writer is not None:
            self._writer.close()
