"""What a store has: which spans, and which versions of them, so that nothing is added twice and nothing new is lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMNS, CORE_COLUMNS
from traceview.sources.damage import damage
from traceview.sources.sql import identifier, literal
from traceview.sources.streaming import connected

if TYPE_CHECKING:
    import pyarrow as pa

_ROW = "traceview_row"
_KEY = "hash(trace_id, span_id)"
_PARTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Sifted:
    """The rows of a table that a store does not have yet, sorted by start time (rows without one last).

    `already` rows were there with the same content; `changed` ones were there with another, and replace it. `repeated`
    rows were followed by a later one of the same span within the table.
    """

    table: pa.Table
    already: int
    changed: int
    repeated: int


class Stored(AbstractContextManager["Stored"]):
    """The spans of some parts by their ids, and by their whole content where that has to be asked.

    A span is the same if its ids and every column are. What a part holds besides ids is read when spans of it come
    again, once. Memory: 12 bytes a span, 20 where its content was read.
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        """Raises BadInput if a part cannot be read."""
        self._context = connected()
        self._connection = self._context.__enter__()
        self._parts: list[Path | None] = list(parts)
        self._told: set[int] = set()
        self._connection.execute("CREATE TABLE ids (k UBIGINT, part INTEGER)")
        self._connection.execute("CREATE TABLE versions (d UBIGINT)")
        for first in range(0, len(parts), _PARTS_AT_ONCE):
            some = parts[first : first + _PARTS_AT_ONCE]
            listed = ", ".join(literal(str(path)) for path in some)
            self._run(
                f"INSERT INTO ids SELECT {_KEY}, {first} + file_index::INTEGER FROM read_parquet([{listed}]) "
                "WHERE trace_id IS NOT NULL AND span_id IS NOT NULL"
            )

    def __exit__(self, *problem: object) -> None:
        self._context.__exit__(None, None, None)

    def sift(self, table: pa.Table) -> Sifted:
        """What of a table of the canonical schema is new or has changed; of a span in it twice the last counts."""
        import pyarrow as pa

        given = table.append_column(_ROW, pa.array(range(table.num_rows), pa.int64()))
        self._connection.register("given", given)
        try:
            self._run(
                f"CREATE OR REPLACE TEMP TABLE rows AS SELECT {_ROW} AS n, {_KEY} AS k, {_digest()} AS d, start_time, "
                "trace_id IS NOT NULL AND span_id IS NOT NULL AS named FROM given"
            )
        finally:
            self._connection.unregister("given")
        self._read_versions()
        self._run(
            "CREATE OR REPLACE TEMP TABLE kept AS SELECT n, k, d, named, start_time, "
            "named AND row_number() OVER (PARTITION BY named, k ORDER BY n DESC) > 1 AS repeated "
            "FROM rows ANTI JOIN versions USING (d)"
        )
        changed, repeated, kept = self._connection.execute(
            "SELECT count(*) FILTER (NOT repeated AND named AND k IN (SELECT k FROM hit)), "
            "count(*) FILTER (repeated), count(*) FROM kept"
        ).fetchall()[0]
        order = self._connection.sql(
            "SELECT n FROM kept WHERE NOT repeated ORDER BY start_time NULLS LAST, n"
        ).to_arrow_table()["n"]
        return Sifted(table.take(order), table.num_rows - kept, changed, repeated)

    def add(self) -> None:
        """What the last `sift` gave is in the store now."""
        number = len(self._parts)
        self._parts.append(None)
        self._told.add(number)
        self._run(f"INSERT INTO ids SELECT k, {number} FROM kept WHERE named AND NOT repeated")
        self._run("INSERT INTO versions SELECT d FROM kept WHERE NOT repeated")

    def _read_versions(self) -> None:
        """Read the content of the parts that hold spans of the rows, unless it was read before."""
        # the one look at everything that the store has
        self._run(
            "CREATE OR REPLACE TEMP TABLE hit AS SELECT DISTINCT k, part FROM ids SEMI JOIN rows USING (k)"
        )
        for (number,) in self._connection.execute("SELECT DISTINCT part FROM hit").fetchall():
            path = self._parts[number]
            if number not in self._told and path is not None:
                self._run(
                    f"INSERT INTO versions SELECT {_digest()} FROM ({_part_select(self._connection, path)})"
                )
            self._told.add(number)

    def _run(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except duckdb.Error as error:
            found = damage(error, [path for path in self._parts if path is not None])
            if found is not None:
                raise found from error
            raise BadInput(f"the store cannot be read: {str(error).splitlines()[0]}") from error


def _digest() -> str:
    """SQL for what tells one version of a span from another."""
    return f"hash({', '.join(identifier(column.name) for column in COLUMNS)})"


def _part_select(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """SELECT of all canonical columns of a part, NULL where a part of an older version has none."""
    file = f"read_parquet({literal(str(path))})"
    there = {row[0] for row in connection.execute(f"DESCRIBE FROM {file}").fetchall()}
    assert there >= set(CORE_COLUMNS)
    columns = (
        identifier(column.name)
        if column.name in there
        else f"CAST(NULL AS {column.type}) AS {identifier(column.name)}"
        for column in COLUMNS
    )
    return f"SELECT {', '.join(columns)} FROM {file}"


def earlier_versions(parts: Sequence[Path]) -> int:
    """How many spans of the parts are earlier versions of others. Raises BadInput if a part cannot be read."""
    listed = ", ".join(literal(str(path)) for path in parts)
    with connected() as connection:
        try:
            found = connection.execute(
                f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM read_parquet([{listed}]) "
                f"WHERE trace_id IS NOT NULL AND span_id IS NOT NULL GROUP BY {_KEY})"
            ).fetchone()
        except duckdb.Error as error:
            raise damage(error, parts) or BadInput(str(error).splitlines()[0]) from error
    return int(found[0]) if found else 0
