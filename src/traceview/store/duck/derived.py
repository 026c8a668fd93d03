"""Figures of traces that are derived from their texts: found by one pass when first asked for, then kept.

They stand in a table beside the index, and in a file of the cache that is named by the source and by the version of
the rules. A source that grew is passed over only where a trace changed.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import Cancelled, TraceviewError
from traceview.store.duck.connection import Database, text
from traceview.store.duck.indexes import Index
from traceview.store.duck.trace_pass import pass_over_traces
from traceview.store.interface import CancelToken, Row
from traceview.store.provenance import COLUMNS
from traceview.text.facts import RULES_VERSION

FIELD = "unsourced"
TABLE = "memory.main.unsourced"
DIRECTORY = "derived"
_FUNCTION = "traceview.store.duck.trace_checks:count_unsourced"
_COLUMNS = tuple(name for name in COLUMNS if name != "error_message")
_CHECK_SECONDS = 0.1
_SHAPE = "trace_id VARCHAR, spans BIGINT, end_ns BIGINT, value BIGINT"


class Derived:
    """The table of the figure, filled in a thread of its own when it is first needed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = threading.Condition()
        self._identity: str | None = None
        self._running: str | None = None
        self._error: TraceviewError | OSError | None = None
        self._done = 0.0
        self._stop = CancelToken()
        self._thread: threading.Thread | None = None
        database.execute(f"CREATE TABLE {TABLE} ({_SHAPE})")

    def progress(self) -> float | None:
        """How far a running pass is (0..1), None without one."""
        return self._done if self._running is not None else None

    def need(self, index: Index, identity: str, token: CancelToken | None) -> None:
        """Wait until the table holds every trace of a source. Cancelling the token ends the wait, not the pass.

        Raises Cancelled, TraceviewError, OSError if the pass failed; the next call tries again.
        """
        with self._changed:
            while self._identity != identity:
                if token is not None:
                    token.check()
                self._stop.check()
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error
                if self._running is None:
                    self._running, self._done = identity, 0.0
                    self._thread = threading.Thread(
                        target=self._run, args=(index, identity), name="derive", daemon=True
                    )
                    self._thread.start()
                self._changed.wait(_CHECK_SECONDS)

    def attach(self, rows: Sequence[Row], token: CancelToken | None = None) -> None:
        """Give trace rows their figure; None where it is not known."""
        if self._identity is None and self._running is None:
            for row in rows:
                row[FIELD] = None
            return
        found = dict(
            self._database.fetch(
                f"SELECT trace_id, value FROM {TABLE} WHERE trace_id IN (SELECT unnest(?::VARCHAR[]))",
                [[row["trace_id"] for row in rows]],
                token,
            )
        )
        for row in rows:
            row[FIELD] = found.get(row["trace_id"])

    def close(self) -> None:
        """Stop what runs."""
        self._stop.cancel()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self, index: Index, identity: str) -> None:
        error: TraceviewError | OSError | None = None
        try:
            kept = _file(identity)
            if not self._load(kept):
                self._pass(index)
                self._keep(kept)
        except (TraceviewError, OSError) as failed:
            error = failed
        with self._changed:
            self._running = None
            if error is None:
                self._identity = identity
            elif not isinstance(error, Cancelled):
                self._error = error
            self._changed.notify_all()

    def _load(self, kept: Path) -> bool:
        """Take the table from the cache."""
        if not kept.is_file():
            return False
        with self._database.cursor(self._stop) as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"DELETE FROM {TABLE}")
            cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM read_parquet({text(str(kept))})")
            cursor.execute("COMMIT")
        with contextlib.suppress(OSError):
            os.utime(kept)
        return True

    def _pass(self, index: Index) -> None:
        changed = (
            f"NOT EXISTS (SELECT 1 FROM {TABLE} d WHERE d.trace_id = t.trace_id AND d.spans = t.spans "
            "AND d.end_ns IS NOT DISTINCT FROM t.end_ns)"
        )
        found = self._database.unique("memory.main.found")
        self._database.execute(f"CREATE TABLE {found} (trace_id VARCHAR, value BIGINT)")
        try:
            for results in pass_over_traces(
                self._database, index, _FUNCTION, _COLUMNS, self._stop, self._say, where=changed
            ):
                ids, values = [one[1] for one in results], [one[2] for one in results]
                self._database.execute(
                    f"INSERT INTO {found} SELECT unnest(?::VARCHAR[]), unnest(?::BIGINT[])", [ids, values]
                )
            with self._database.cursor(self._stop) as cursor:
                cursor.execute("BEGIN")
                cursor.execute(
                    f"DELETE FROM {TABLE} WHERE trace_id IN (SELECT trace_id FROM {found}) "
                    f"OR trace_id NOT IN (SELECT trace_id FROM {index.traces})"
                )
                cursor.execute(
                    f"INSERT INTO {TABLE} SELECT t.trace_id, t.spans, t.end_ns, f.value "
                    f"FROM {found} f JOIN {index.traces} t USING (trace_id)"
                )
                cursor.execute("COMMIT")
        finally:
            with contextlib.suppress(TraceviewError):
                self._database.execute(f"DROP TABLE {found}")

    def _say(self, done: float) -> None:
        self._done = done

    def _keep(self, kept: Path) -> None:
        """Write the table into the cache, whole or not at all; a full disk is no reason to fail."""
        aside = kept.with_name(f".{kept.name}.{os.getpid()}")
        try:
            self._database.execute(f"COPY {TABLE} TO {text(str(aside))} (FORMAT parquet)", token=self._stop)
            aside.replace(kept)
        except (TraceviewError, OSError):
            with contextlib.suppress(OSError):
                aside.unlink()


def _file(identity: str) -> Path:
    return private_dir(cache_dir() / DIRECTORY) / f"{identity}.{FIELD}-r{RULES_VERSION}.parquet"
