"""The row groups of a source with the times of their spans, as the footers tell them: what to read first."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from traceview.model.errors import Cancelled, TraceviewError
from traceview.store.duck.connection import Database, quote, text
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

TABLE_ROWS = 122_880
"""Rows of a table of a DuckDB file that are read at once: one of its row groups."""


class RowGroup(Struct, frozen=True):
    """Rows `first` to `last` of a file; `low` and `high` bound their start times in ns where the footer tells them.

    `file_rows` is how many rows the file has.
    """

    placed: Placed
    file_no: int
    first: int
    last: int
    low: int | None = None
    high: int | None = None
    file_rows: int = 0

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.last - self.first + 1


def newest_first(database: Database, reader: Reader, token: CancelToken | None = None) -> list[RowGroup]:
    """Every row group of a source, the newest first; of files in no order, and without times, the last rows first."""
    groups = [group for placed in reader.placed for group in _groups(database, placed, token)]
    groups.sort(key=lambda group: (group.file_no, group.first), reverse=True)
    if in_order(groups):
        groups.sort(key=lambda group: group.high or 0, reverse=True)
    return groups


def in_order(groups: Sequence[RowGroup]) -> bool:
    """True if the times of all are known and few overlap, so that the newest of them hold the newest spans."""
    timed = sorted((one.low, one.high) for one in groups if one.low is not None and one.high is not None)
    overlaps = sum(one[1] > other[0] for one, other in zip(timed, timed[2:], strict=False))
    return len(timed) == len(groups) and overlaps <= len(groups) // 4


def _groups(database: Database, placed: Placed, token: CancelToken | None) -> list[RowGroup]:
    if not placed.parquet:
        count = int(database.fetch(f"SELECT count(*) FROM {placed.scan()}", token=token)[0][0])
        # rows of a view are numbered as they come: all of it is read to find any
        step = max(1, count) if placed.relation.view else TABLE_ROWS
        number = placed.first_file
        return [
            RowGroup(placed, number, first, min(first + step, count) - 1, file_rows=count)
            for first in range(0, count, step)
        ]
    files = {str(path): placed.first_file + number for number, path in enumerate(placed.files())}
    column = placed.relation.mapping.start_column
    rows = database.fetch(
        f"""SELECT file_name, row_group_id, any_value(row_group_num_rows),
            any_value(stats_min_value) FILTER (path_in_schema = $column),
            any_value(stats_max_value) FILTER (path_in_schema = $column)
        FROM parquet_metadata([{", ".join(text(path) for path in files)}])
        GROUP BY file_name, row_group_id ORDER BY file_name, row_group_id""",
        {"column": column or ""},
        token,
    )
    times = _times(database, placed, [value for row in rows for value in row[3:5]], token)
    found: list[RowGroup] = []
    counts: dict[str, int] = {}
    for name, _, count, _, _ in rows:
        counts[name] = counts.get(name, 0) + count
    first, previous = 0, None
    for number, (name, _, count, _, _) in enumerate(rows):
        first = 0 if name != previous else first
        previous = name
        if name in files and count:
            low, high = times[2 * number : 2 * number + 2]
            found.append(RowGroup(placed, files[name], first, first + count - 1, low, high, counts[name]))
        first += count
    return found


def _times(
    database: Database, placed: Placed, values: Sequence[str | None], token: CancelToken | None
) -> list[int | None]:
    """Values of the statistics of the column of start times as the mapping reads it, in nanoseconds."""
    mapping = placed.relation.mapping
    if mapping.start_column is None or mapping.start_type is None or not values:
        return [None] * len(values)
    try:
        rows = database.fetch(
            f"""SELECT place, epoch_ns({placed.expression("start_time")}) FROM (
                SELECT place, TRY_CAST(value AS {mapping.start_type}) AS {quote(mapping.start_column)}
                FROM (SELECT unnest(?::VARCHAR[]) AS value, generate_subscripts(?::VARCHAR[], 1) AS place)
            )""",
            [list(values), list(values)],
            token,
        )
    except Cancelled:
        raise
    except TraceviewError:
        # made of other columns too: the footer does not tell it
        return [None] * len(values)
    found = dict(rows)
    return [found.get(place + 1) for place in range(len(values))]
