"""`traceview sql`: one SELECT over spans, traces, threads and scores, in a database that can do nothing else."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from traceview.model.errors import BadInput
from traceview.store.duck import mirror
from traceview.store.duck.connection import Database, connect, first_line, friendly, text
from traceview.store.interface import CancelToken, Level, SqlResult

if TYPE_CHECKING:
    from traceview.store.duck.queries import Queries

_MEMORY = "300MB"
_BATCH = 1024
LEVELS: tuple[Level, ...] = ("spans", "traces", "threads")

_TIME = "make_timestamp_ns({0}_ns) AS {0}_time"

SPANS = f"""SELECT trace_id, span_id, parent_id, thread_id, name, kind, {_TIME.format("start")}, {_TIME.format("end")},
    duration_ms, status, error_type, error_message, model, provider, prompt_name, prompt_version, input_tokens,
    output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, ttft_ms, user_id, tags,
    duplicate_of FROM {{0}}"""

TRACES = """SELECT t.trace_id, t.thread_id, t.name, make_timestamp_ns(t.start_ns) AS start_time, t.duration_ms, t.spans,
    t.errors, t.leaf_errors, t.status, t.input_tokens, t.output_tokens, t.cost_usd, t.models, t.prompt_versions,
    t.input_preview, t.output_preview, c.scores
    FROM {0} t LEFT JOIN (
        SELECT target_id, CAST(json_group_object(name, sources) AS JSON) AS scores FROM (
            SELECT target_id, name, json_group_object(source, annotators) AS sources FROM (
                SELECT target_id, name, source, json_group_object(annotator, CAST(json AS JSON)) AS annotators
                FROM {1} WHERE target_kind = 'trace' GROUP BY ALL
            ) GROUP BY ALL
        ) GROUP BY ALL
    ) c ON c.target_id = t.trace_id"""

THREADS = f"""SELECT thread_id, traces, spans, errors, first_input, last_output, {_TIME.format("start")},
    {_TIME.format("end")}, input_tokens, output_tokens, cost_usd FROM {{0}}"""

SCORES = """SELECT target_kind, target_id, trace_id, name, value, number, source, annotator, reason, blind, session,
    definition_hash, try_cast(created_at AS TIMESTAMPTZ) AS created_at FROM {0}"""


class Sandbox:
    """Opens a locked copy of what the engine knows for every statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._directory: Path | None = None

    def run(self, statement: str, current: Queries, token: CancelToken | None = None) -> SqlResult:
        """Run one SELECT. Raises BadInput on a bad or forbidden statement, Cancelled."""
        _check(statement)
        connection = connect(_MEMORY)
        try:
            self._fill(connection, current)
            for setting in ("enable_external_access = false", "lock_configuration = true"):
                connection.execute(f"SET {setting}")
            found = _execute(connection, statement, token)
        except BaseException:
            connection.close()
            raise
        columns = tuple(column[0] for column in found.description or ())
        return SqlResult(columns, _rows(connection, found, token))

    def close(self) -> None:
        """Remove the temporary copies."""
        with self._lock:
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None

    def _fill(self, connection: duckdb.DuckDBPyConnection, current: Queries) -> None:
        """Attach copies of the tables read-only: an index file as it is, one in memory through a temporary file."""
        with self._lock:
            if self._directory is None:
                self._directory = Path(tempfile.mkdtemp(prefix="traceview-sql-"))
            copy = self._directory / f"{self._database.unique('copy')}.duckdb"
            name = copy.stem
            index = current.index
            self._database.execute(f"ATTACH {text(str(copy))} AS {name}")
            try:
                self._database.execute(f"CREATE TABLE {name}.scores AS FROM {mirror.TABLE}")
                for table, source in (
                    ("spans", index.spans),
                    ("traces", index.traces),
                    ("threads", index.threads),
                ):
                    self._database.execute(f"CREATE TABLE {name}.{table} AS FROM {source}")
            finally:
                self._database.execute(f"DETACH {name}")
        connection.execute(f"ATTACH {text(str(copy))} AS data (READ_ONLY)")
        copy.unlink()
        views = {
            "spans": SPANS.format("data.spans"),
            "traces": TRACES.format("data.traces", "data.scores"),
            "threads": THREADS.format("data.threads"),
            "scores": SCORES.format("data.scores"),
        }
        for view, select in views.items():
            connection.execute(f"CREATE VIEW {view} AS {select}")


def _check(statement: str) -> None:
    """Only a single SELECT. Raises BadInput."""
    try:
        statements = duckdb.extract_statements(statement)
    except duckdb.Error as error:
        raise BadInput(f"the SQL cannot be read: {str(error).strip()}") from error
    if len(statements) != 1:
        raise BadInput(
            f"sql takes one statement, this has {len(statements)}", hint='traceview sql SOURCE "SELECT ..."'
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = statements[0].type.name.lower()
        raise BadInput(
            f"sql only reads: {kind} is not allowed", hint="a SELECT over spans, traces, threads and scores"
        )


def _execute(
    connection: duckdb.DuckDBPyConnection, statement: str, token: CancelToken | None
) -> duckdb.DuckDBPyConnection:
    try:
        if token is None:
            return connection.execute(statement)
        with token.interrupting(connection.interrupt):
            return connection.execute(statement)
    except duckdb.InterruptException:
        with friendly():
            raise
    except duckdb.PermissionException as error:
        raise BadInput(
            "sql reads the views spans, traces, threads and scores, no files", hint=first_line(error)
        ) from error
    except duckdb.Error as error:
        raise BadInput(f"the SQL failed: {str(error).strip()}") from error


def _rows(
    connection: duckdb.DuckDBPyConnection, found: duckdb.DuckDBPyConnection, token: CancelToken | None
) -> Iterator[tuple[Any, ...]]:
    try:
        while True:
            try:
                batch = found.fetchmany(_BATCH)
            except duckdb.Error as error:
                raise BadInput(f"the SQL failed: {str(error).strip()}") from error
            if token is not None:
                token.check()
            if not batch:
                return
            yield from batch
    finally:
        connection.close()
