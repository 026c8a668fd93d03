"""The whole index of a source: in memory, or attached from its file in the cache; and how large it will be."""

from __future__ import annotations

from collections.abc import Callable

from traceview.sources.open import Relation
from traceview.store.duck.build import Builder
from traceview.store.duck.connection import Database, quote, text
from traceview.store.duck.index_file import IndexFile, remove_unused
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken


def in_memory(database: Database, reader: Reader, token: CancelToken) -> tuple[Index, int]:
    """Build it, and how many spans were written more than once. Raises Cancelled, TraceviewError."""
    out, work = database.unique("index"), database.unique("work")
    for schema in (out, work):
        database.execute(f"CREATE SCHEMA {schema}")
    try:
        built = Builder(database, out, work, token=token).build(
            reader, [select for _, select in reader.spans()], infer="versions"
        )
    finally:
        database.execute(f"DROP SCHEMA {work} CASCADE")
    return Index.plain(out, reader), built.repeated


def attached(database: Database, file: IndexFile, reader: Reader) -> tuple[Index, int]:
    """Attach a file that is ready, and how many spans were written more than once."""
    catalog = database.unique("file")
    database.execute(f"ATTACH {text(str(file.path))} AS {catalog} (READ_ONLY)")
    file.touch()
    repeated = database.fetch(f"SELECT sum(value) FROM {catalog}.facts WHERE name = 'repeated'")[0][0]
    return Index.plain(catalog, reader, file=file.path), repeated


def keep(database: Database, index: Index, file: IndexFile) -> None:
    """Write an index in memory into its file, for the next who opens the source. Raises TraceviewError, OSError."""
    schema = index.segments[0].name
    found = database.fetch(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'memory' AND schema_name = ?", [schema]
    )
    earlier = file.earlier()
    with file.made_aside() as aside:
        catalog = database.unique("kept")
        database.execute(f"ATTACH {text(str(aside))} AS {catalog}")
        try:
            for (name,) in found:
                database.execute(
                    f"CREATE TABLE {catalog}.{quote(name)} AS FROM memory.{schema}.{quote(name)}"
                )
            database.execute(f"CHECKPOINT {catalog}")
        finally:
            database.execute(f"DETACH {catalog}")
    if earlier is not None:
        earlier.unlink(missing_ok=True)
    remove_unused()


def rows_of(database: Database, relation: Relation, placed: Callable[[], Placed]) -> int:
    """How many rows a relation has, as it says, its footers say, or a count of the table that was placed."""
    if relation.rows is not None:
        return relation.rows
    if relation.kind != "parquet":
        return int(database.fetch(f"SELECT count(*) FROM {placed().scan()}")[0][0])
    if not relation.files:
        return 0
    listed = ", ".join(text(str(path)) for path in relation.files)
    counted = database.fetch(f"SELECT sum(num_rows)::BIGINT FROM parquet_file_metadata([{listed}])")
    return int(counted[0][0] or 0)
