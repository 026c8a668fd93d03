"""Lists whose filter asks for texts: which pass over the texts answers which filter, and what it finds as it goes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from traceview.filters.ast import Node
from traceview.store.duck.compile import ALIAS, Compiled
from traceview.store.duck.connection import Database
from traceview.store.duck.indexes import NUMBER, Index
from traceview.store.duck.row_groups import RowGroup, newest_first
from traceview.store.duck.text_walk import TextWalk
from traceview.store.duck.texts import at_most, leaves_of, may_hold_without_texts, only_grows
from traceview.store.interface import CancelToken, Level, ListQuery

WALKS_KEPT = 12
HITS_KEPT = 4_000_000
"""Spans that the passes which are kept may have found together; the newest pass is kept whatever it found."""
UNTIMED = -(1 << 63)
"""Sorts as a time behind all others in a list with the newest first."""


class Progress(Struct, frozen=True):
    """The numbers of the rows that are known to match, in the order of the list; the share searched (0..1)."""

    keys: Any
    searched: float
    complete: bool


class Walks:
    """The passes over the texts of a source that are kept: the newest ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._walks: OrderedDict[tuple[Any, ...], TextWalk] = OrderedDict()
        self._groups: OrderedDict[str, Sequence[RowGroup]] = OrderedDict()

    def of(
        self, index: Index, node: Node, level: Level, condition: Callable[[Node, Level], Compiled]
    ) -> TextWalk:
        """The pass that finds the texts of a filter; `condition` makes the SQL of a filter over the index alone."""
        leaves, bound = leaves_of(node), at_most(node)
        key = (index.spans, leaves, bound, None if bound is None else level)
        gone: list[TextWalk] = []
        with self._lock:
            walk = self._walks.get(key)
            if walk is None:
                candidates = None if bound is None else _traces_of(index, level, condition(bound, level))
                walk = TextWalk(
                    self._database, index, leaves, lambda token: self._groups_of(index, token), candidates
                )
                self._walks[key] = walk
            self._walks.move_to_end(key)
            while len(self._walks) > 1 and (
                len(self._walks) > WALKS_KEPT or sum(one.found for one in self._walks.values()) > HITS_KEPT
            ):
                gone.append(self._walks.popitem(last=False)[1])
        for one in gone:
            one.close()
        return walk

    def _groups_of(self, index: Index, token: CancelToken | None) -> Sequence[RowGroup]:
        found = self._groups.get(index.spans)
        if found is None:
            found = self._groups[index.spans] = newest_first(self._database, index.reader, token)
            while len(self._groups) > 4:
                self._groups.popitem(last=False)
        return found


def _traces_of(index: Index, level: Level, where: Compiled) -> tuple[str, dict[str, Any]]:
    """SELECT of the numbers of the traces that rows of a list belong to."""
    select = {
        "traces": f"SELECT t.trace_no FROM {index.traces} t WHERE {where.sql}",
        "spans": f"SELECT DISTINCT s.trace_no FROM {index.spans} s WHERE {where.sql}",
        "threads": f"SELECT t.trace_no FROM {index.traces} t WHERE t.thread_id IN "
        f"(SELECT h.thread_id FROM {index.threads} h WHERE {where.sql})",
    }[level]
    return select, where.parameters


def stream(
    database: Database,
    index: Index,
    query: ListQuery,
    walk: TextWalk,
    condition: Callable[[], Compiled],
    whole: Callable[[], Any],
    token: CancelToken | None,
) -> Iterator[Progress]:
    """What a list with the newest first is known to show after every slice of a search, and in the end all of it.

    A row is shown once its match is sure: as soon as a text was found if more texts can only add rows, else when all
    texts of its trace were searched. Other lists show nothing before the end. `condition` is the filter over what was
    found so far, `whole` the numbers of all rows that match.
    """
    import numpy as np

    node = query.filter
    assert node is not None
    level = query.level
    shows = level != "threads" and not query.sort
    grows = only_grows(node)
    known = _Known()
    walk.prepare(token)
    if shows and not grows:
        walk.track(token)
    seen = -1
    while not walk.is_complete:
        steps = walk.steps
        if shows and steps > seen:
            if not grows:
                finished = walk.finished_traces(seen, token)
                known.add(*_matching(database, index, level, condition(), None, finished, token))
            else:
                all_rows = seen < 0 and may_hold_without_texts(node)
                among = None if all_rows else walk.hit_traces(seen)
                if all_rows or walk.found_since(seen):
                    known.add(*_matching(database, index, level, condition(), among, None, token))
            seen = steps
        yield Progress(known.keys if shows else np.zeros(0, dtype=np.int64), walk.share, False)
        walk.step(token)
    yield Progress(whole(), 1.0, True)


class _Known:
    """Rows that match, in the order of a list with the newest first."""

    def __init__(self) -> None:
        import numpy as np

        self.keys: Any = np.zeros(0, dtype=np.int64)
        self._starts: Any = np.zeros(0, dtype=np.int64)

    def add(self, numbers: Any, starts: Any) -> None:
        """Take up rows by number, with their start times."""
        import numpy as np

        fresh = ~np.isin(numbers, self.keys)
        if not fresh.any():
            return
        keys = np.concatenate((self.keys, numbers[fresh]))
        times = np.concatenate((self._starts, starts[fresh]))
        order = np.lexsort((keys, times))[::-1]
        self.keys, self._starts = keys[order], times[order]


def _matching(
    database: Database,
    index: Index,
    level: Level,
    where: Compiled,
    among: str | None,
    numbers: Any,
    token: CancelToken | None,
) -> tuple[Any, Any]:
    """The numbers and start times of the rows that match, of all traces or of some: a FROM item, or their numbers."""
    import numpy as np

    alias = ALIAS[level]
    if numbers is not None:
        if not len(numbers):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        some = f"{alias}.trace_no BETWEEN {numbers[0]} AND {numbers[-1]} AND "
    else:
        some = "" if among is None else f"{alias}.trace_no IN (SELECT trace_no FROM {among}) AND "
    with database.cursor(token) as cursor:
        found = cursor.execute(
            f"SELECT {alias}.{NUMBER[level]} AS no, coalesce({alias}.start_ns, {UNTIMED}) AS start, "
            f"{alias}.trace_no AS trace FROM {index.table(level)} {alias} WHERE {some}{where.sql}",
            where.parameters,
        ).fetchnumpy()
    rows, starts = np.asarray(found["no"]), np.asarray(found["start"])
    if numbers is not None:
        inside = np.isin(np.asarray(found["trace"]), numbers)
        rows, starts = rows[inside], starts[inside]
    return rows, starts
