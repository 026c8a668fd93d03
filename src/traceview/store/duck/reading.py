"""How the canonical columns of a source are read: one numbered list of files over all of its relations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from traceview.model.schema import COLUMN_BY_NAME, COLUMNS
from traceview.sources.open import Relation
from traceview.store.duck.connection import Database, quote, text

NARROW: tuple[str, ...] = tuple(column.name for column in COLUMNS if not column.payload)
PAYLOAD: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.payload)
_NEVER_NULL = {"kind": "unknown", "status": "unset", "name": ""}
"""What stands for a missing value in columns of the index that always have one."""


class Placed(Struct, frozen=True):
    """A relation, the number of its first file, and the catalog its DuckDB file is attached as."""

    relation: Relation
    first_file: int
    catalog: str | None

    @property
    def parquet(self) -> bool:
        """True if rows have a file and a row number inside it."""
        return self.relation.kind == "parquet"

    @property
    def file_no(self) -> str:
        """SQL for the number of the file a row is in."""
        return f"(file_index + {self.first_file})" if self.parquet else str(self.first_file)

    @property
    def row_no(self) -> str:
        """SQL for the number of a row inside its file."""
        return "file_row_number" if self.parquet else "rowid"

    def expression(self, column: str) -> str:
        """SQL for a canonical column, NULL of its type where the source has none."""
        expression = self.relation.mapping.expressions.get(column)
        kind = COLUMN_BY_NAME[column].type
        return f"CAST(NULL AS {kind})" if expression is None else expression

    def has(self, column: str) -> bool:
        """Whether the source has anything for a canonical column."""
        return column in self.relation.mapping.expressions

    def scan(self, only: Sequence[int] | None = None) -> str:
        """The FROM clause, of all files or of those with these numbers, in their order."""
        if only is None or not self.parquet:
            return self.relation.scan(self.catalog) if self.catalog is not None else self.relation.scan()
        chosen = tuple(self.relation.files[number - self.first_file] for number in only)
        return replace(self.relation, files=chosen).scan()

    def number_in(self, only: Sequence[int]) -> str:
        """SQL for the number of the file a row is in, in a scan of only these files."""
        if len(only) == 1 or not self.parquet:
            return str(only[0])
        return f"[{', '.join(map(str, only))}][CAST(file_index AS BIGINT) + 1]"

    def row_name(self, file_no: str) -> str:
        """SQL for the id of a row that has none, from the SQL of its file's number."""
        return f"('row-' || {file_no} || '-' || {self.row_no})"

    def files(self) -> Sequence[Path]:
        """The files of the relation, in the order of their numbers."""
        return self.relation.files


class Reader:
    """The relations of a source as one table with the columns file_no and row_no."""

    def __init__(self, database: Database, relations: Sequence[Relation], first_file: int = 0) -> None:
        """Attaches DuckDB files read-only. Raises BadInput if one cannot be opened."""
        self.placed: list[Placed] = []
        number = first_file
        for relation in relations:
            catalog = None
            if relation.kind == "duckdb":
                catalog = database.unique("source")
                database.execute(f"ATTACH {text(str(relation.files[0]))} AS {catalog} (READ_ONLY)")
            else:
                database.reads(relation.files)
            self.placed.append(Placed(relation, number, catalog))
            number += len(relation.files)
        self.next_file = number

    def extended(self, database: Database, relation: Relation, *, joins: bool) -> tuple[Reader, Reader]:
        """This reader with the files of one more relation, whose numbers follow, and a reader of those alone.

        `joins` says that they have the layout of the last relation, to which they are added.
        """
        alone = Reader(database, (relation,), self.next_file)
        whole = Reader(database, ())
        whole.placed, whole.next_file = [*self.placed, *alone.placed], alone.next_file
        if joins and self.placed:
            last = self.placed[-1]
            files = (*last.relation.files, *relation.files)
            whole.placed[-2:] = [replace(last, relation=replace(last.relation, files=files, rows=None))]
        return whole, alone

    def of_file(self, file_no: int) -> Placed:
        """The relation that holds the file with this number."""
        for placed in self.placed:
            if placed.first_file <= file_no < placed.first_file + len(placed.relation.files):
                return placed
        raise IndexError(file_no)

    def path(self, file_no: int) -> Path:
        """The path of the file with this number."""
        placed = self.of_file(file_no)
        return placed.relation.files[file_no - placed.first_file]

    def spans(self, traces: str | None = None) -> Iterator[tuple[Placed, str]]:
        """For every relation the SELECT of the index's columns, ids and enums never null, times as `*_ns`.

        `traces` is a subquery of the trace ids that are wanted.
        """
        for placed in self.placed:
            where = "" if traces is None else f"{self.trace_id(placed)} IN ({traces})"
            yield placed, self.narrow(placed, placed.scan(), where)

    @staticmethod
    def trace_id(placed: Placed, file_no: str | None = None) -> str:
        """SQL for the trace id, never null: without one a span, without that too a row is its own trace."""
        number = placed.file_no if file_no is None else file_no
        return f"coalesce({placed.expression('trace_id')}, {placed.expression('span_id')}, {placed.row_name(number)})"

    @staticmethod
    def narrow(placed: Placed, scan: str, where: str = "", file_no: str | None = None) -> str:
        """SELECT of the index's columns from a scan of one relation; `where` is over the source's columns.

        `file_no` is the SQL of the file's number when the scan is not of all files.
        """
        selected = []
        number = placed.file_no if file_no is None else file_no
        for name in NARROW:
            expression = placed.expression(name)
            if name in ("start_time", "end_time"):
                selected.append(f"epoch_ns({expression}) AS {name[:-5]}_ns")
            elif name == "trace_id":
                selected.append(f"{Reader.trace_id(placed, file_no)} AS trace_id")
            elif name == "span_id":
                selected.append(f"coalesce({expression}, {placed.row_name(number)}) AS span_id")
            elif name in _NEVER_NULL:
                selected.append(f"coalesce({expression}, '{_NEVER_NULL[name]}') AS {name}")
            elif name == "parent_id":
                selected.append(f"nullif({expression}, '') AS parent_id")
            else:
                selected.append(f"{expression} AS {quote(name)}")
        selected.append(f"CAST({number} AS INTEGER) AS file_no")
        selected.append(f"CAST({placed.row_no} AS BIGINT) AS row_no")
        return f"SELECT {', '.join(selected)} FROM {scan}{' WHERE ' + where if where else ''}"
