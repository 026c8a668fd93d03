"""Copies spans of a relation into a part, leaving out those that are in a store already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from traceview.files.atomic import replacing
from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import BadInput
from traceview.model.schema import COLUMN_NAMES
from traceview.sources.duckdb_file import CATALOG, attach
from traceview.sources.open import Relation
from traceview.sources.parts import ROW_GROUP_ROWS, no_space
from traceview.sources.sql import literal

_MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Copied:
    """Spans written to the part, and spans that were in the store before."""

    written: int
    already: int


class _Nothing(Exception):
    """Every span was there: no part is to appear."""


def copy_new_spans(relation: Relation, existing: Sequence[Path], part: Path) -> Copied:
    """Write the spans of a relation that no existing part has (by trace and span id) as one part.

    Sorted by start time, zstd, 30,720 rows a group; sorting spills to the cache directory. The part appears
    whole by rename, or not at all if nothing is new. Raises BadInput if the table cannot be read or the part
    cannot be written.
    """
    import duckdb

    from traceview.sources.damage import damage

    spill = private_dir(cache_dir() / "spill")
    with duckdb.connect(config={"memory_limit": _MEMORY, "temp_directory": str(spill)}) as connection:
        if relation.kind == "duckdb":
            attach(connection, relation.files[0], CATALOG)
        new = f"({relation.select(COLUMN_NAMES)}) AS new"
        if existing:
            listed = ", ".join(literal(str(path)) for path in existing)
            new += (
                f" ANTI JOIN (SELECT trace_id, span_id FROM read_parquet([{listed}])) AS old "
                "ON new.trace_id = old.trace_id AND new.span_id = old.span_id"
            )
        try:
            row = connection.execute(f"SELECT count(*) FROM {relation.scan()}").fetchone()
            total = int(row[0]) if row else 0
            with replacing(part) as temporary:
                done = connection.execute(
                    f"COPY (SELECT * FROM {new} ORDER BY start_time NULLS LAST) TO {literal(str(temporary))} "
                    f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP_ROWS}, USE_TMP_FILE false)"
                ).fetchone()
                written = int(done[0]) if done else 0
                if not written:
                    raise _Nothing
        except _Nothing:
            return Copied(0, total)
        except OSError as error:
            raise no_space(part.parent, error) from error
        except duckdb.Error as error:
            damaged = damage(error, (*(relation.files if relation.kind == "parquet" else ()), *existing))
            if damaged is not None:
                raise damaged from error
            names = ", ".join(str(path) for path in relation.files[:3])
            raise BadInput(
                f"{names} cannot be copied to {part.parent}: {str(error).splitlines()[0]}"
            ) from error
    return Copied(written, total - written)
