"""One pass over the texts of a source for a filter, slice after slice from the newest rows to the oldest.

What was found stays in a table, so that a pass that was interrupted goes on where it stopped, and everything that
asks for the same filter shares it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from traceview.store.duck.conditions import Conditions
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import NARROW, Placed
from traceview.store.duck.row_groups import RowGroup
from traceview.store.duck.texts import TextLeaf, leaf_condition
from traceview.store.interface import CancelToken

SLICE_SECONDS = 0.5
"""How long a slice should take: so often there is something new to show."""
MOST_RUNS = 4
"""Stretches of rows that one query reads: each is planned by itself."""
_FEW = 0.25
"""The share of candidates among all spans below which only the rows around them are read."""
_WAIT_SECONDS = 0.02


class TextWalk:
    """Finds the spans that fulfil conditions over texts, of all traces or of candidates.

    `candidates` is the SELECT (and its parameters) of the numbers of the traces that alone can match, None for all.
    After `track` it is known which traces have been searched in full. Every method may be called from any thread.
    """

    def __init__(
        self,
        database: Database,
        index: Index,
        leaves: Sequence[TextLeaf],
        groups: Callable[[CancelToken | None], Sequence[RowGroup]],
        candidates: tuple[str, dict[str, Any]] | None,
    ) -> None:
        self._database = database
        self._index = index
        self._leaves = tuple(leaves)
        self._groups = groups
        self._wanted = candidates
        self._lock = threading.Lock()
        self._schema: str | None = None
        self._left: list[RowGroup] = []
        self._all_rows = 0
        self._rows_left = 0
        self._rate = 0.0
        self._torn = False
        """Whether a slice was interrupted, whose hits may be there in part."""
        self._some: str | None = None
        """The table of the candidates, if not all traces are."""
        self._traces: Any = None
        """The numbers of the traces that are tracked, ascending; beside them the spans that are left of each."""
        self._open: Any = None
        self._closed_at: Any = None
        self._found: dict[int, int] = {}
        self.steps = 0
        """Slices that were searched; what is known from the index alone comes with slice 0."""

    # what others ask

    @property
    def is_complete(self) -> bool:
        """Whether every slice was searched."""
        return self._schema is not None and not self._left

    @property
    def share(self) -> float:
        """How much of what has to be read was searched, 0..1."""
        return 1.0 - self._rows_left / self._all_rows if self._all_rows else float(self.is_complete)

    def hits(self, leaf: TextLeaf) -> str:
        """The FROM item of (span_no, trace_no, step) of what was found so far for a condition."""
        return f"(SELECT * FROM {self._schema}.hits WHERE leaf = {self._leaves.index(leaf)})"

    def hit_traces(self, since: int) -> str:
        """The FROM item of the trace_no of everything found after a slice."""
        return f"(SELECT DISTINCT trace_no FROM {self._schema}.hits WHERE step > {since})"

    def found_since(self, step: int) -> int:
        """How many spans were found after a slice, each once for every condition."""
        return sum(count for at, count in self._found.items() if at > step)

    @property
    def found(self) -> int:
        """How many spans were found so far, each once for every condition."""
        return self.found_since(-1)

    def finished_traces(self, since: int, token: CancelToken | None = None) -> Any:
        """The numbers of the tracked traces of which the last span was searched after a slice."""
        with self._turn(token):
            return self._traces[(self._open == 0) & (self._closed_at > since)]

    def prepare(self, token: CancelToken | None = None) -> None:
        """Find out what has to be read, and what the index itself tells: slice 0."""
        with self._turn(token):
            if self._schema is None:
                self._prepare(token)

    def track(self, token: CancelToken | None = None) -> None:
        """Keep count of the spans of each trace that are still to be searched."""
        with self._turn(token):
            if self._schema is None:
                self._prepare(token)
            if self._traces is not None:
                return
            import numpy as np

            where = "" if self._some is None else f" WHERE trace_no IN (FROM {self._some})"
            traces, _ = self._counted(f"FROM {self._index.spans}{where}", token)
            left = np.zeros(len(traces), dtype=np.int64)
            if self._left:
                _subtract(traces, left, self._counted(self._spans_of(self._left), token), sign=1)
            self._closed_at = np.full(len(traces), self.steps, dtype=np.int64)
            self._traces, self._open = traces, left

    def step(self, token: CancelToken | None = None) -> None:
        """Search one more slice."""
        with self._turn(token):
            if self._schema is None:
                self._prepare(token)
            elif self._left:
                self._search(self._slice(), token)

    def finish(self, token: CancelToken | None = None) -> None:
        """Search all that is left at once."""
        with self._turn(token):
            if self._schema is None:
                self._prepare(token)
            while self._left:
                self._search(_few_runs(self._left, self._rows_left), token)

    def close(self) -> None:
        """Forget what was found."""
        with self._lock:
            schema, self._schema = self._schema, None
            self._left = []
        if schema is not None:
            self._database.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    @contextmanager
    def _turn(self, token: CancelToken | None) -> Iterator[None]:
        while not self._lock.acquire(timeout=_WAIT_SECONDS):
            if token is not None:
                token.check()
        try:
            yield
        finally:
            self._lock.release()

    # before the first slice

    def _prepare(self, token: CancelToken | None) -> None:
        name = self._database.unique("search")
        self._database.execute(f"CREATE SCHEMA {name}")
        try:
            self._database.execute(
                f"CREATE TABLE {name}.hits (leaf UTINYINT, step INTEGER, span_no BIGINT, trace_no BIGINT)"
            )
            some = self._choose(name, token)
            self._search_index(name, some, token)
            groups = self._to_read(some, token)
        except BaseException:
            self._database.execute(f"DROP SCHEMA {name} CASCADE")
            raise
        self._some = some
        self._found[0] = self._count(name, 0)
        self._left = list(groups)
        self._all_rows = self._rows_left = sum(group.rows for group in groups)
        self._schema = name

    def _choose(self, name: str, token: CancelToken | None) -> str | None:
        """Make the table of the candidates; None if they are all traces of the whole source."""
        if self._wanted is None:
            if self._index.complete:
                return None
            wanted: tuple[str, dict[str, Any]] = (f"SELECT trace_no FROM {self._index.traces}", {})
        else:
            wanted = self._wanted
        table = f"{name}.candidates"
        self._database.execute(f"CREATE TABLE {table} AS {wanted[0]}", wanted[1], token)
        return table

    def _search_index(self, name: str, some: str | None, token: CancelToken | None) -> None:
        """Search the texts that the index itself holds."""
        for number, leaf in enumerate(self._leaves):
            held = [f"s.{column}" for column in leaf.columns if column in NARROW]
            if held:
                conditions = Conditions(None)
                where = leaf_condition(leaf, held, conditions) + _among(some)
                self._database.execute(
                    f"INSERT INTO {name}.hits SELECT {number}, 0, s.span_no, s.trace_no "
                    f"FROM {self._index.spans} s WHERE {where}",
                    conditions.parameters,
                    token,
                )

    def _to_read(self, some: str | None, token: CancelToken | None) -> Sequence[RowGroup]:
        """The row groups, or the parts of them that hold candidates."""
        groups = [one for one in self._groups(token) if self._has_texts(one.placed)]
        if some is None:
            return groups
        spans = self._index.spans
        total, count = self._database.fetch(
            f"SELECT (SELECT coalesce(sum(spans), 0) FROM {self._index.traces}), "
            f"(SELECT coalesce(sum(spans), 0) FROM {self._index.traces} WHERE trace_no IN (FROM {some}))",
            token=token,
        )[0]
        if self._index.complete and count > _FEW * total:
            return groups
        import numpy as np

        with self._database.cursor(token) as cursor:
            found = cursor.execute(
                f"SELECT file_no::BIGINT AS file_no, row_no FROM {spans} WHERE trace_no IN (FROM {some})"
            ).fetchnumpy()
        order = np.lexsort((found["row_no"], found["file_no"]))
        files, rows = np.asarray(found["file_no"])[order], np.asarray(found["row_no"])[order]
        narrowed = []
        for group in groups:
            begin, end = np.searchsorted(files, [group.file_no, group.file_no + 1])
            inside = rows[begin:end]
            low, high = np.searchsorted(inside, [group.first, group.last + 1])
            if low < high:
                narrowed.append(_part(group, int(inside[low]), int(inside[high - 1])))
        return narrowed

    def _has_texts(self, placed: Placed) -> bool:
        return any(_written(placed, leaf) for leaf in self._leaves)

    def _counted(self, source: str, token: CancelToken | None) -> tuple[Any, Any]:
        """The numbers of traces, ascending, and how many spans of each there are in a FROM clause."""
        import numpy as np

        with self._database.cursor(token) as cursor:
            found = cursor.execute(
                f"SELECT trace_no, count(*) AS n {source} GROUP BY trace_no ORDER BY trace_no"
            ).fetchnumpy()
        return np.asarray(found["trace_no"]), np.array(found["n"])

    def _count(self, name: str | None, step: int) -> int:
        return int(self._database.fetch(f"SELECT count(*) FROM {name}.hits WHERE step = {step}")[0][0])

    def _spans_of(self, groups: Sequence[RowGroup]) -> str:
        """The FROM clause of the spans that stand in row groups."""
        return f"FROM {self._index.spans} s WHERE {_rows_of(groups)}"

    # slices

    def _slice(self) -> list[RowGroup]:
        """The next row groups: the newest alone at first, then as many as take a moment together."""
        if not self.steps or not self._rate:
            return _few_runs(self._left, self._left[0].rows)
        return _few_runs(self._left, max(self._left[0].rows, int(self._rate * SLICE_SECONDS)))

    def _search(self, groups: list[RowGroup], token: CancelToken | None) -> None:
        begun = time.perf_counter()
        step = self.steps + 1
        runs = _runs(groups)
        conditions = Conditions(None)
        found = " UNION ALL ".join(self._select(run, conditions) for run in runs)
        number = ", ".join(str(at) for at in range(len(self._leaves)))
        held = ", ".join(f"l{at}" for at in range(len(self._leaves)))
        if self._torn:
            self._database.execute(f"DELETE FROM {self._schema}.hits WHERE step = {step}")
        self._torn = True
        # fetched, not only executed: a query that finds no room waits for the others
        found_now = self._database.fetch(
            f"""INSERT INTO {self._schema}.hits SELECT f.leaf, {step}, s.span_no, s.trace_no FROM (
                SELECT file_no, row_no, unnest([{number}]) AS leaf, unnest([{held}]) AS held FROM ({found})
            ) f JOIN {self._index.spans} s ON s.file_no = f.file_no AND s.row_no = f.row_no
            WHERE f.held AND ({_rows_of(groups)}){_among(self._some)}""",
            conditions.parameters,
            token,
        )
        if self._traces is not None:
            # not to be interrupted: the hits are there
            at = _subtract(self._traces, self._open, self._counted(self._spans_of(groups), None), sign=-1)
            self._closed_at[at] = step
        self._torn = False
        searched = {(group.file_no, group.first) for group in groups}
        self._left = [one for one in self._left if (one.file_no, one.first) not in searched]
        rows = sum(group.rows for group in groups)
        self._rows_left -= rows
        self._found[step] = int(found_now[0][0])
        self.steps = step
        self._rate = rows / max(1e-3, time.perf_counter() - begun)

    def _select(self, run: _Run, conditions: Conditions) -> str:
        """SELECT of the rows of a stretch that fulfil any condition, with which ones."""
        placed = run.placed
        tests = [
            leaf_condition(leaf, [f"({placed.expression(name)})" for name in written], conditions)
            if (written := _written(placed, leaf))
            else "false"
            for leaf in self._leaves
        ]
        columns = ", ".join(f"coalesce({test}, false) AS l{at}" for at, test in enumerate(tests))
        if len(tests) == 1:
            columns = "true AS l0"
        wheres = [f"({' OR '.join(tests)})"]
        if run.rows is not None:
            wheres.insert(0, f"{placed.row_no} BETWEEN {run.rows[0]} AND {run.rows[1]}")
        number = placed.number_in(run.files)
        return (
            f"SELECT CAST({number} AS INTEGER) AS file_no, CAST({placed.row_no} AS BIGINT) AS row_no, {columns} "
            f"FROM {placed.scan(run.files)} WHERE {' AND '.join(wheres)}"
        )


class _Run(Struct, frozen=True):
    """Rows that one scan reads: whole files of one relation, or `rows` (first, last) of one file."""

    placed: Placed
    files: list[int]
    rows: tuple[int, int] | None


def _runs(groups: Sequence[RowGroup]) -> list[_Run]:
    """The stretches that row groups make up."""
    by_file: dict[int, list[RowGroup]] = {}
    for group in sorted(groups, key=lambda one: (one.file_no, one.first)):
        by_file.setdefault(group.file_no, []).append(group)
    whole: dict[int, _Run] = {}
    runs: list[_Run] = []
    for file_no, members in by_file.items():
        placed = members[0].placed
        if sum(one.rows for one in members) == members[0].file_rows:
            whole.setdefault(placed.first_file, _Run(placed, [], None)).files.append(file_no)
            continue
        begin = end = None
        for one in members:
            if begin is not None and end is not None and end + 1 != one.first:
                runs.append(_Run(placed, [file_no], (begin, end)))
                begin = None
            begin, end = one.first if begin is None else begin, one.last
        assert begin is not None and end is not None
        runs.append(_Run(placed, [file_no], (begin, end)))
    return [*whole.values(), *runs]


def _few_runs(groups: Sequence[RowGroup], rows: int) -> list[RowGroup]:
    """The first row groups with at least so many rows, fewer if they stand far apart."""
    chosen: list[RowGroup] = []
    for group in groups:
        if chosen and (sum(one.rows for one in chosen) >= rows or len(_runs([*chosen, group])) > MOST_RUNS):
            break
        chosen.append(group)
    return chosen


def _part(group: RowGroup, first: int, last: int) -> RowGroup:
    """Some of the rows of a group."""
    if (first, last) == (group.first, group.last):
        return group
    return replace(group, first=first, last=last)


def _rows_of(groups: Sequence[RowGroup]) -> str:
    """The condition over the index's spans that they stand in these rows."""
    conditions = []
    for run in _runs(groups):
        files = run.files
        if run.rows is not None:
            conditions.append(f"s.file_no = {files[0]} AND s.row_no BETWEEN {run.rows[0]} AND {run.rows[1]}")
        elif files == list(range(files[0], files[-1] + 1)):
            conditions.append(f"s.file_no BETWEEN {files[0]} AND {files[-1]}")
        else:
            conditions.append(f"s.file_no IN ({', '.join(map(str, files))})")
    return " OR ".join(f"({one})" for one in conditions)


def _subtract(traces: Any, left: Any, counted: tuple[Any, Any], *, sign: int) -> Any:
    """Add to (or with -1 take from) what is left of traces; where those stand."""
    import numpy as np

    numbers, counts = counted
    kept = np.isin(numbers, traces, assume_unique=True)
    at = np.searchsorted(traces, numbers[kept])
    left[at] += sign * counts[kept].astype(np.int64)
    return at


def _written(placed: Placed, leaf: TextLeaf) -> list[str]:
    """The columns of a condition that a relation has and the index has not."""
    return [
        name for name in leaf.columns if name in placed.relation.mapping.expressions and name not in NARROW
    ]


def _among(some: str | None) -> str:
    return "" if some is None else f" AND s.trace_no IN (FROM {some})"
