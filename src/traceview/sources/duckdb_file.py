"""A DuckDB file: attached read-only, its table with spans found, its lock and version explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from traceview.model.errors import BadInput
from traceview.sources.names import choose, tell_of_spans
from traceview.sources.sql import identifier, literal

if TYPE_CHECKING:
    import duckdb

CATALOG = "source"


@contextmanager
def attached(path: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection with the file attached read-only, and the catalog's name.

    Raises BadInput as `explain` says, and where a table or view cannot be read inside the block.
    """
    import duckdb

    with duckdb.connect() as connection:
        attach(connection, path, CATALOG)
        try:
            yield connection, CATALOG
        except duckdb.Error as error:
            raise BadInput(f"a table of {path} cannot be read: {str(error).splitlines()[0]}") from error


def attach(connection: duckdb.DuckDBPyConnection, path: Path, catalog: str) -> None:
    """Attach the file read-only under that name. Raises BadInput that says who locks it, or what else is wrong."""
    import duckdb

    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {identifier(catalog)} (READ_ONLY, TYPE duckdb)")
    except duckdb.Error as error:
        raise explain(path, str(error)) from error


def explain(path: Path, error: str) -> BadInput:
    """DuckDB's refusal to open a file, in words for people."""
    if re.search(r"\block\b", error, re.IGNORECASE):
        holder = re.search(r"held in (.*?)\(PID (\d+)\)", error) or re.search(r"()PID (\d+)", error)
        who = "another process"
        if holder:
            program = Path(holder.group(1).strip() or "process").name
            who = f"process {holder.group(2)}" + (f" ({program})" if program != "process" else "")
        return BadInput(
            f"{path} is open for writing in {who}; DuckDB lets nobody else read it meanwhile",
            hint="close that process, or open a copy made by it: COPY (FROM spans) TO 'spans.parquet'",
        )
    if re.search(r"newer version|version number|storage version|serialization version", error, re.IGNORECASE):
        import duckdb

        return BadInput(
            f"{path} was written by a DuckDB that this one ({duckdb.__version__}) cannot read: {error.splitlines()[0]}",
            hint="with the program that wrote it: COPY (FROM spans) TO 'spans.parquet', then open that",
        )
    return BadInput(f"{path} cannot be opened as a DuckDB file: {error.splitlines()[0]}")


def choose_table(path: Path, wanted: str | None) -> tuple[str, dict[str, str]]:
    """The table or view with spans (as `schema.table` unless in main) and its columns with their types.

    Raises BadInput if there is none, or several that fit equally well and none is called spans.
    """
    tables = _tables(path)
    if not tables:
        raise BadInput(f"{path} has no tables")
    names = ", ".join(tables)
    if wanted is not None:
        found = next((name for name in tables if _same(name, wanted)), None)
        if found is None:
            raise BadInput(f"{path} has no table {wanted!r}", hint=f"its tables are {names}")
        return found, tables[found]
    # how many fields the columns of each feed
    fits = {name: len(choose(columns)) for name, columns in tables.items() if tell_of_spans(columns)}
    if not fits:
        if len(tables) == 1:
            name, columns = next(iter(tables.items()))
            return name, columns
        raise BadInput(
            f"{path} has no table whose columns look like spans; its tables are {names}",
            hint="name one with --map table=NAME, and its columns with --map trace_id=COLUMN ...",
        )
    best = max(fits.values())
    winners = [name for name, score in fits.items() if score == best]
    # a clear lead is taken, a close race is the user's to decide
    rivals = [name for name, score in fits.items() if score >= best - 1]
    if len(rivals) > 1:
        called_spans = [name for name in rivals if split_name(name)[1].lower() in ("spans", "span")]
        if len(called_spans) != 1:
            raise BadInput(
                f"{path} has several tables that look like spans: {', '.join(rivals)}",
                hint=f"choose one: --map table={rivals[0]}",
            )
        winners = called_spans
    return winners[0], tables[winners[0]]


def _same(name: str, wanted: str) -> bool:
    """Whether a person who wrote `wanted` means this table; quotes may be left out."""
    return name.replace('"', "").lower() == wanted.replace('"', "").lower()


def qualified(table: str, catalog: str) -> str:
    """The table as SQL, in the catalog under which its file is attached."""
    schema, name = split_name(table)
    return f"{identifier(catalog)}.{identifier(schema)}.{identifier(name)}"


def split_name(table: str) -> tuple[str, str]:
    """Schema and name of a table as `choose_table` gives it."""
    parts = re.findall(r'"(?:[^"]|"")*"|[^."]+', table)
    names = [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in parts]
    return (names[0], names[1]) if len(names) > 1 else ("main", names[0] if names else table)


def _table_name(schema: str, table: str) -> str:
    """`schema.table`, without the schema if it is main; names with dots or quotes in them are quoted."""
    names = (table,) if schema == "main" else (schema, table)
    return ".".join(identifier(name) if re.search(r'[."]', name) else name for name in names)


def has_row_ids(path: Path, table: str) -> bool:
    """True for tables, False for views."""
    schema, name = split_name(table)
    with attached(path) as (connection, catalog):
        row = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
            [catalog, schema, name],
        ).fetchone()
    return bool(row and row[0])


def _tables(path: Path) -> dict[str, dict[str, str]]:
    with attached(path) as (connection, catalog):
        rows = connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND NOT internal ORDER BY schema_name, table_name, column_index",
            [catalog],
        ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in rows:
        tables.setdefault(_table_name(schema, table), {})[column] = kind
    return tables
