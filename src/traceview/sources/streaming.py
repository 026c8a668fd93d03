"""The rows of a relation as Arrow batches, one after the other, so that memory does not grow with the relation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_NAMES
from traceview.sources.damage import damage
from traceview.sources.duckdb_file import CATALOG, attach
from traceview.sources.open import Relation
from traceview.sources.parts import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY = "400MB"
_ROWS = 2048


@contextmanager
def connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with a limit, that spills to the cache directory."""
    spill = private_dir(cache_dir() / "spill")
    with duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": str(spill)}) as connection:
        yield connection


def canonical_batches(relation: Relation) -> Iterator[pa.Table]:
    """The spans of a relation in the order in which they lie, in the canonical schema.

    Raises BadInput if the table cannot be read.
    """
    import pyarrow as pa

    with connected() as connection:
        if relation.kind == "duckdb":
            attach(connection, relation.files[0], CATALOG)
        try:
            reader = connection.sql(relation.select(COLUMN_NAMES)).to_arrow_reader(_ROWS)
            for batch in reader:
                yield pa.Table.from_batches([batch]).cast(arrow_schema())
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            found = damage(error, relation.files) if isinstance(error, duckdb.Error) else None
            if found is not None:
                raise found from error
            names = ", ".join(str(path) for path in relation.files[:3])
            raise BadInput(f"{names} cannot be read to its end: {str(error).splitlines()[0]}") from error
