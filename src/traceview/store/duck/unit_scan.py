"""A scan over an index: which units are wanted, their spans written aside, and child processes that go through them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from traceview.store.duck.compile import ALIAS
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import ID, NUMBER, Index
from traceview.store.duck.queries import Queries
from traceview.store.duck.trace_pass import (
    SAID,
    SPAN_COLUMNS,
    TRACES,
    TURNS,
    Pass,
    Work,
    copy_spans,
    spans_aside,
)
from traceview.store.interface import CancelToken, Level
from traceview.store.scan import MOST_FILTERS, Scan, ScanResult, Unit

UNITS_AT_ONCE = 4096
INSIDE_SPANS = 1_000
"""Up to so many spans are gone through in this process."""
EARLIER = 4
"""Turns before a trace that a scan tells of."""

_MARKS: dict[Level, tuple[str, ...]] = {
    "traces": (
        "spans", "start_ns", "end_ns", "errors", "input_tokens", "output_tokens", "input_preview", "output_preview",
    ),
    "threads": ("traces", "spans", "start_ns", "end_ns", "errors", "input_tokens", "output_tokens", "last_output"),
    "spans": ("start_ns", "end_ns", "status", "input_tokens", "output_tokens", "name", "tool_name"),
}  # fmt: skip
"""What tells that a unit changed, without a look at its texts."""

_IN_THREAD = "PARTITION BY thread_id ORDER BY start_ns, trace_no"


def units(
    database: Database, queries: Queries, scan: Scan, token: CancelToken | None = None
) -> Iterator[list[Unit]]:
    """The units that match any filter, in batches. Raises BadInput, Cancelled."""
    if len(scan.filters) > MOST_FILTERS:
        raise ValueError(f"{len(scan.filters)} filters at once")
    index, level = queries.index, scan.level
    alias, number = ALIAS[level], NUMBER[level]
    parameters: dict[str, Any] = {}
    bits = []
    for place, node in enumerate(scan.filters):
        condition = queries.condition(node, level, token)
        sql = condition.sql
        for name in sorted(condition.parameters, key=len, reverse=True):
            # two filters may use one name for two values
            sql = sql.replace(f"${name}", f"$f{place}_{name}")
            parameters[f"f{place}_{name}"] = condition.parameters[name]
        bits.append(f"(CASE WHEN {sql} THEN {1 << place} ELSE 0 END)::BIGINT")
    marked = [f"{alias}.{name}" for name in _MARKS[level]]
    joined = ""
    if scan.turns and level == "traces":
        # the next trace of a conversation may come late: then the one before it is another
        following = f"lead(trace_id) OVER ({_IN_THREAD})"
        joined = (
            f" LEFT JOIN (SELECT trace_no, {following} AS next_id FROM {index.traces} "
            "WHERE thread_id IS NOT NULL) n USING (trace_no)"
        )
        marked.append("n.next_id")
    trace = "NULL" if level == "threads" else f"{alias}.trace_id"
    mark = f"md5_number_lower(concat_ws(chr(31), {', '.join(f'coalesce({one}::VARCHAR, chr(30))' for one in marked)}))"
    with database.cursor(token) as cursor:
        cursor.execute(
            f"SELECT * FROM (SELECT {alias}.{number} AS no, {alias}.{ID[level]}, {trace}, {' | '.join(bits)} AS bits, "
            f"{mark} FROM {index.table(level)} {alias}{joined}) WHERE bits <> 0"
            + (" ORDER BY no DESC" if scan.newest_first else ""),
            parameters,
        )
        while batch := cursor.fetchmany(UNITS_AT_ONCE):
            yield [Unit(*row) for row in batch]


class UnitScan:
    """See `store.scan.Scanning`. Holds a directory of the cache and child processes until it is closed."""

    def __init__(
        self, database: Database, queries: Queries, scan: Scan, token: CancelToken, workers: int | None = None
    ) -> None:
        """Chooses the units and writes their spans aside. Raises BadInput, Cancelled, TraceviewError."""
        self._made = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            aside = stack.enter_context(spans_aside())
            chosen = database.unique("memory.main.chosen")
            database.execute(f"CREATE TABLE {chosen} (no BIGINT, mask BIGINT, mark UBIGINT)")
            try:
                _choose(database, queries, scan, chosen, token)
                index = queries.index
                path = aside / "spans.parquet"
                copy_spans(database, _spans(index, scan, chosen), path, token)
                traces = None
                if scan.whole:
                    traces = aside / TRACES
                    numbers = _trace_numbers(index, scan.level, chosen)
                    rows = f"SELECT * FROM {index.traces} WHERE trace_no IN ({numbers})"
                    copy_spans(database, rows, traces, token)
                turns = None
                if scan.turns:
                    turns = aside
                    copy_spans(database, _turns(index, scan.level, chosen), aside / TURNS, token)
                    said = f"SELECT trace_no, input_preview FROM {index.traces} WHERE thread_id IS NOT NULL"
                    copy_spans(database, said, aside / SAID, token)
            finally:
                database.execute(f"DROP TABLE {chosen}")
            relations = tuple(placed.relation for placed in index.reader.placed)
            work = Work(
                scan.function,
                scan.columns,
                relations,
                path,
                turns,
                made=True,
                keep_bytes=scan.keep_bytes,
                traces=traces,
                descriptors=scan.descriptors,
            )
            self._argument = scan.argument
            inside = 0 if scan.apart else INSIDE_SPANS
            self._pass = Pass(database, work, token, workers, scan.newest_first, inside)
            stack.callback(self._pass.close)
            self._made = stack.pop_all()

    @property
    def spans(self) -> int:
        """Spans that a run reads."""
        return self._pass.spans

    def results(self, token: CancelToken, argument: Any = None) -> Iterator[tuple[int, list[ScanResult]]]:
        """Spans done so far and the results that are new, as they come."""
        return self._pass.results(token, self._argument if argument is None else argument)

    def close(self) -> None:
        """End the child processes and remove what was written aside."""
        self._made.close()


def _choose(database: Database, queries: Queries, scan: Scan, chosen: str, token: CancelToken) -> None:
    """Fill the table with the numbers of the units that are wanted, and what for."""
    for batch in units(database, queries, scan, token):
        masks: Sequence[int] = [unit.matches for unit in batch] if scan.pick is None else scan.pick(batch)
        wanted = [(unit.no, mask, unit.mark) for unit, mask in zip(batch, masks, strict=True) if mask]
        if wanted:
            database.execute(
                f"INSERT INTO {chosen} SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[]), unnest(?::UBIGINT[])",
                [list(column) for column in zip(*wanted, strict=True)],
                token,
            )


def _spans(index: Index, scan: Scan, chosen: str) -> str:
    """The rows that children read, with the number and id of their group, and what each is wanted for."""
    columns = "s.*" if scan.whole else ", ".join(f"s.{name}" for name in SPAN_COLUMNS)
    level = scan.level
    if level == "traces":
        return (
            f"SELECT {columns}, s.trace_no AS group_no, NULL::VARCHAR AS group_id, c.mask, c.mark "
            f"FROM {index.spans} s JOIN {chosen} c ON c.no = s.trace_no"
        )
    if level == "threads":
        # not sorted, which would take memory by the size: conversations are about in the order of their numbers
        return (
            f"SELECT {columns}, h.thread_no AS group_no, h.thread_id AS group_id, c.mask, c.mark "
            f"FROM {index.spans} s JOIN {index.traces} t USING (trace_no) JOIN {index.threads} h "
            f"ON h.thread_id = t.thread_id JOIN {chosen} c ON c.no = h.thread_no"
        )
    wanted = f"SELECT DISTINCT trace_no FROM {index.spans} JOIN {chosen} c ON c.no = span_no"
    return (
        f"SELECT {columns}, s.trace_no AS group_no, NULL::VARCHAR AS group_id, c.mask, c.mark "
        f"FROM {index.spans} s LEFT JOIN {chosen} c ON c.no = s.span_no WHERE s.trace_no IN ({wanted})"
    )


def _turns(index: Index, level: Level, chosen: str) -> str:
    """The numbers of the traces after and before the wanted ones in their conversations, the newest first."""
    told = (
        f"SELECT trace_no, thread_id, lead(trace_no) OVER w AS next_no, list_reverse(list(trace_no) OVER "
        f"({_IN_THREAD} ROWS BETWEEN {EARLIER} PRECEDING AND 1 PRECEDING)) AS earlier_nos "
        f"FROM {index.traces} WHERE thread_id IS NOT NULL WINDOW w AS ({_IN_THREAD})"
    )
    if level == "threads":
        return (
            f"SELECT told.trace_no, h.thread_no AS group_no, next_no, earlier_nos FROM ({told}) told "
            f"JOIN {index.threads} h ON h.thread_id = told.thread_id JOIN {chosen} c ON c.no = h.thread_no"
        )
    return (
        f"SELECT trace_no, trace_no AS group_no, next_no, earlier_nos FROM ({told}) told "
        f"WHERE trace_no IN ({_trace_numbers(index, level, chosen)})"
    )


def _trace_numbers(index: Index, level: Level, chosen: str) -> str:
    """The numbers of the traces that have wanted units."""
    wanted = f"SELECT no FROM {chosen}"
    if level == "traces":
        return wanted
    if level == "spans":
        return f"SELECT trace_no FROM {index.spans} WHERE span_no IN ({wanted})"
    threads = f"SELECT thread_id FROM {index.threads} WHERE thread_no IN ({wanted})"
    return f"SELECT trace_no FROM {index.traces} WHERE thread_id IN ({threads})"
