"""A source whose slices lie together: its narrow columns are read from where they stand, and copied nowhere first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from traceview.sources.sql import identifier
from traceview.store.duck import loading
from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

Place = tuple[int, int, int]
"""Number of a file, and the first and last of some rows in it."""

_ASKED = (
    "trace_id", "span_id", "start_time", "thread_id", "name", "kind", "model", "model_requested", "prompt_name",
    "prompt_version",
)  # fmt: skip
"""What a build asks all spans for before it comes to slices."""

_BLOCK_ROWS = 30_720
"""Rows that are read together wherever one of them is needed."""
_FEW_PLACES = 4
_AGAIN = 1.5
"""So many rows may be read for each row of the source: copying all of them first takes as long."""


def possible(reader: Reader) -> bool:
    """Whether the source can be read by row numbers, and what is asked of all spans is not worked out of attributes."""
    return all(
        placed.parquet
        and not any(
            identifier(name) in placed.expression(column)
            for name in placed.relation.mapping.shared
            for column in _ASKED
        )
        for placed in reader.placed
    )


def places(
    database: Database,
    work: str,
    slices: Sequence[tuple[int, int]],
    token: CancelToken | None = None,
) -> list[list[Place]] | None:
    """Where the spans of every slice stand; None if that is so far apart that the source had better be copied."""
    starts = ", ".join(f"({number}, {low})" for number, (low, _) in enumerate(slices))
    found = database.fetch(
        f"""SELECT n.slice, b.file_no, b.row_no // {_BLOCK_ROWS} AS block, min(b.row_no), max(b.row_no)
        FROM {work}.base b JOIN (
            SELECT trace_id, slice FROM {work}.numbered
            ASOF JOIN (VALUES {starts}) s (slice, first_no) ON trace_no >= first_no
        ) n USING (trace_id) GROUP BY ALL ORDER BY 1, 2, 3""",
        token=token,
    )
    rows: dict[int, int] = {}
    placed: list[list[Place]] = [[] for _ in slices]
    before: tuple[int, int, int] | None = None
    for number, file_no, block, low, high in found:
        rows[file_no] = max(rows.get(file_no, 0), high + 1)
        if before == (number, file_no, block - 1):
            _, low, _ = placed[number].pop()
        placed[number].append((file_no, low, high))
        before = (number, file_no, block)
    read = sum(_rows(some, rows) for some in placed)
    return placed if read <= _AGAIN * sum(rows.values()) else None


def _rows(some: Sequence[Place], rows: Mapping[int, int]) -> int:
    """How many rows are read for a slice, with so many rows in the files."""
    if len(some) <= _FEW_PLACES:
        return sum(high - low + 1 for _, low, high in some)
    return sum(rows[file_no] for file_no in {file_no for file_no, _, _ in some})


def select(reader: Reader, names: Sequence[str], some: Sequence[Place]) -> str:
    """SELECT of columns of all spans in these places, and of some others."""
    listed = loading.listed(names)
    return " UNION ALL ".join(
        f"SELECT {listed} FROM ({part})" for placed in reader.placed for part in _parts(placed, some)
    )


def _parts(placed: Placed, some: Sequence[Place]) -> Iterator[str]:
    mine = [one for one in some if placed.first_file <= one[0] < placed.first_file + len(placed.files())]
    if len(mine) <= _FEW_PLACES:
        for file_no, low, high in mine:
            where = f"{placed.row_no} BETWEEN {low} AND {high}"
            yield Reader.narrow(placed, placed.scan([file_no]), where, str(file_no))
    else:
        numbers = sorted({file_no for file_no, _, _ in mine})
        yield Reader.narrow(placed, placed.scan(numbers), "", placed.number_in(numbers))
