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
    duration_ms, status, error_type, error_message, model, provider, prompt_name, prompt_version, prompt_inferred,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_usd, ttft_ms, user_id,
    tags, duplicate_of FROM {{0}}"""

TRACES = """SELECT t.trace_id, t.thread_id, t.name, make_timestamp_ns(t.start_ns) AS start_time, t.duration_ms, t.spans,
    t.errors, t.leaf_errors, t.status, t.input_tokens, t.output_tokens, t.cost_usd, t.uncosted, t.models,
    t.prompt_versions, t.input_preview, t.output_preview, (
        SELECT CAST(json_group_object(name, sources) AS JSON) FROM (
            SELECT name, json_group_object(source, annotators) AS sources FROM (
                SELECT name, source, json_group_object(annotator, CAST(json AS JSON)) AS annotators
                FROM {1} WHERE target_kind = 'trace' AND target_id = t.trace_id GROUP BY ALL
            ) GROUP BY ALL
        )
    ) AS scores
    FROM {0} t"""

THREADS = f"""SELECT thread_id, traces, spans, errors, first_input, last_output, {_TIME.format("start")},
    {_TIME.format("end")}, input_tokens, output_tokens, cost_usd, uncosted FROM {{0}}"""

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
            names, statement = _exact_times(connection, statement)
            found = _execute(connection, statement, token)
        except BaseException:
            connection.close()
            raise
        columns = names or tuple(column[0] for column in found.description or ())
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
                copied = () if index.file is not None else LEVELS
                for level in copied:
                    self._database.execute(f"CREATE TABLE {name}.{level} AS FROM {index.table(level)}")
            finally:
                self._database.execute(f"DETACH {name}")
        connection.execute(f"ATTACH {text(str(copy))} AS data (READ_ONLY)")
        copy.unlink()
        tables = "data"
        if index.file is not None:
            tables = "indexed"
            connection.execute(f"ATTACH {text(str(index.file))} AS {tables} (READ_ONLY)")
        views = {
            "spans": SPANS.format(f"{tables}.spans"),
            "traces": TRACES.format(f"{tables}.traces", "data.scores"),
            "threads": THREADS.format(f"{tables}.threads"),
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


def _exact_times(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[tuple[str, ...] | None, str]:
    """The statement with TIMESTAMP_NS as text, and the names of its columns: Python's times would lose digits."""
    try:
        described = connection.execute(f"DESCRIBE {statement}").fetchall()
    except duckdb.Error:
        # SHOW and its like; of a statement that is wrong its own error tells
        return None, statement
    kinds = [row[1] for row in described]
    if "TIMESTAMP_NS" not in kinds:
        return None, statement
    selected = [
        f"strftime(c{number}, '%Y-%m-%dT%H:%M:%S.%n') || 'Z'" if kind == "TIMESTAMP_NS" else f"c{number}"
        for number, kind in enumerate(kinds)
    ]
    numbered = ", ".join(f"c{number}" for number in range(len(kinds)))
    written = statement.encode()
    ends = [
        at
        for at, kind in duckdb.tokenize(statement)
        if kind == duckdb.token_type.operator and written[at : at + 1] == b";"
    ]
    bare = written[: ends[0]].decode() if ends else statement
    # on a line of its own, since a comment may end the statement
    return tuple(
        row[0] for row in described
    ), f"SELECT {', '.join(selected)} FROM ({bare}\n) AS told({numbered})"


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
