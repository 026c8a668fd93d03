"""What a store has: the spans, and the version of each that counts, so that nothing is added twice or lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from msgspec import Struct

from traceview.model.errors import BadInput
from traceview.model.schema import COLUMNS, CORE_COLUMNS
from traceview.sources.damage import damage
from traceview.sources.sql import identifier, literal
from traceview.sources.streaming import connected

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_ROW = "traceview_row"
_KEY = "hash(trace_id, span_id)"
_NAMED = "trace_id IS NOT NULL AND span_id IS NOT NULL"
_KEY_IF_NAMED = f"CASE WHEN {_NAMED} THEN {_KEY} END"
_PARTS_AT_ONCE = 64


class Sifted(Struct, frozen=True):
    """The numbers of the rows that a store does not have yet, in the order of their start (rows without one last).

    `already` rows are what counts there; `changed` ones replace what does. `repeated` rows were followed by a later one
    of the same span within the table.
    """

    rows: np.ndarray
    already: int
    changed: int
    repeated: int


class Stored(AbstractContextManager["Stored"]):
    """The spans of some parts by their ids, and by their whole content where that has to be asked.

    A span is the same if its ids and every column are those of the version that counts, the last one. What a part
    holds besides ids is read when spans of it come again, once; of spans that are new only the ids are looked at.
    Memory: 12 bytes a span, 36 where its content was read.
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        """Raises BadInput if a part cannot be read."""
        self._context = connected()
        self._connection = self._context.__enter__()
        self._parts = list(parts)
        self._told: set[int] = set()
        self._connection.execute("CREATE TABLE ids (k UBIGINT, part INTEGER)")
        self._connection.execute("CREATE TABLE versions (k UBIGINT, d UBIGINT, part INTEGER, row INTEGER)")
        for first in range(0, len(parts), _PARTS_AT_ONCE):
            some = parts[first : first + _PARTS_AT_ONCE]
            listed = ", ".join(literal(str(path)) for path in some)
            self._run(
                f"INSERT INTO ids SELECT {_KEY_IF_NAMED}, {first} + file_index::INTEGER FROM read_parquet([{listed}])"
            )

    def __exit__(self, *problem: object) -> None:
        self._context.__exit__(None, None, None)

    def sift(self, table: pa.Table) -> Sifted:
        """What of a table of the canonical schema is new or has changed; of a span in it twice the last counts."""
        import numpy as np
        import pyarrow as pa

        ids = table.select(["trace_id", "span_id", "start_time"])
        with self._registered(ids.append_column(_ROW, pa.array(np.arange(table.num_rows)))):
            self._run(
                f"CREATE OR REPLACE TEMP TABLE came AS SELECT {_ROW} AS n, {_KEY_IF_NAMED} AS k, start_time FROM given"
            )
        self._read_versions()
        self._digest_rows(table)
        self._run(
            "CREATE OR REPLACE TEMP TABLE judged AS SELECT n, rows.k, rows.d, start_time, "
            "rows.k IS NOT NULL AND row_number() OVER (PARTITION BY rows.k ORDER BY n DESC) > 1 AS repeated, "
            "CASE WHEN rows.k IS NULL THEN rows.d IN (SELECT d FROM versions WHERE k IS NULL) "
            "ELSE coalesce(rows.d = counts.d, false) END AS there, counts.k IS NOT NULL AS known FROM rows LEFT JOIN "
            "(SELECT k, max_by(d, part::BIGINT << 32 | row) AS d FROM versions SEMI JOIN rows USING (k) GROUP BY k) "
            "AS counts ON counts.k = rows.k"
        )
        self._run(
            "CREATE OR REPLACE TEMP TABLE kept AS SELECT n, k, d, known, start_time FROM judged "
            "WHERE NOT repeated AND NOT there"
        )
        repeated, already = self._connection.execute(
            "SELECT count(*) FILTER (repeated), count(*) FILTER (there AND NOT repeated) FROM judged"
        ).fetchall()[0]
        changed = self._connection.execute("SELECT count(*) FROM kept WHERE known").fetchall()[0][0]
        order = self._connection.execute("SELECT n FROM kept ORDER BY start_time NULLS LAST, n").fetchnumpy()
        return Sifted(order["n"], already, changed, repeated)

    def add(self, part: Path) -> None:
        """What the last `sift` gave is in the store now, in this part."""
        self._run(f"INSERT INTO ids SELECT k, {len(self._parts)} FROM kept")
        self._parts.append(part)

    def _digest_rows(self, table: pa.Table) -> None:
        """Make `rows` of what came, with a digest of those rows that may be in the store already."""
        asked = self._connection.execute(
            "SELECT n FROM came SEMI JOIN ids USING (k) UNION ALL "
            "SELECT n FROM came WHERE k IS NULL AND EXISTS (SELECT 1 FROM ids WHERE k IS NULL) ORDER BY n"
        ).fetchnumpy()["n"]
        import pyarrow as pa

        with self._registered(table.take(asked).append_column(_ROW, pa.array(asked, pa.int64()))):
            self._run(
                "CREATE OR REPLACE TEMP TABLE rows AS SELECT n, k, d, start_time FROM came LEFT JOIN "
                f"(SELECT {_ROW} AS n, {_digest()} AS d FROM given) USING (n)"
            )

    @contextmanager
    def _registered(self, table: pa.Table) -> Iterator[None]:
        self._connection.register("given", table)
        try:
            yield
        finally:
            self._connection.unregister("given")

    def _read_versions(self) -> None:
        """Read the content of the parts that hold what counts of the rows' spans, unless it was read before."""
        # the one look at everything that the store has
        hit = self._connection.execute(
            "SELECT DISTINCT part FROM (SELECT max(part) AS part FROM ids SEMI JOIN came USING (k) GROUP BY k "
            "UNION ALL SELECT part FROM ids WHERE k IS NULL AND EXISTS (SELECT 1 FROM came WHERE k IS NULL))"
        ).fetchall()
        for (number,) in hit:
            path = self._parts[number]
            if number not in self._told:
                self._run(
                    f"INSERT INTO versions SELECT {_KEY_IF_NAMED}, {_digest()}, {number}, file_row_number "
                    f"FROM ({_part_select(self._connection, path)})"
                )
            self._told.add(number)

    def _run(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except duckdb.Error as error:
            found = damage(error, self._parts)
            if found is not None:
                raise found from error
            raise BadInput(f"the store cannot be read: {str(error).splitlines()[0]}") from error


def _digest() -> str:
    """SQL for what tells one version of a span from another."""
    return f"hash({', '.join(identifier(column.name) for column in COLUMNS)})"


def _part_select(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """SELECT of all canonical columns of a part, NULL where an older one has none, and of the numbers of its rows."""
    file = f"read_parquet({literal(str(path))})"
    there = {row[0] for row in connection.execute(f"DESCRIBE FROM {file}").fetchall()}
    assert there >= set(CORE_COLUMNS)
    columns = (
        identifier(column.name)
        if column.name in there
        else f"CAST(NULL AS {column.type}) AS {identifier(column.name)}"
        for column in COLUMNS
    )
    rows = f"read_parquet({literal(str(path))}, file_row_number=true)"
    return f"SELECT {', '.join(columns)}, file_row_number FROM {rows}"


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
