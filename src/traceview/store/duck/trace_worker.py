"""The child process of a pass over traces: `python -m traceview.store.duck.trace_worker`.

Reads a `Work` and then ranges of group numbers with an argument, pickled by the parent process, from stdin; writes
pickled lists of results to stdout for each. Ends with stdin. Exit code 1 with a sentence on stderr if the source cannot
be read.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import pickle
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

from traceview.model.errors import NotEnoughMemory, TraceviewError
from traceview.sources.visible import visible_text
from traceview.store.duck.connection import MORE_MEMORY, Database, text
from traceview.store.duck.reading import Placed, Reader
from traceview.store.duck.trace_pass import SAID, TELL_SECONDS, TURNS, Range, Work
from traceview.store.interface import Row
from traceview.store.scan import ScanColumns, ScanResult, TraceTexts
from traceview.text.human import size

MEMORY_LIMIT = "200MB"
CALL_KINDS = ("tool", "retriever", "reranker")

_WORKED_OUT: Mapping[str, Literal["input", "output"]] = {"input_text": "input", "output_text": "output"}
_TOLD_OTHERWISE = ("llm", *CALL_KINDS)
"""Kinds of spans whose texts are those of their messages, or what they were given and gave."""

Group = tuple[int, list[TraceTexts]]
Place = tuple[int, int]
"""Number of a file, and of a row in it."""


class Worker:
    """Calls the function with the groups of a range."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._database = Database(MEMORY_LIMIT)
        self._database.execute("SET threads = 1")
        self._reader = Reader(self._database, work.relations)
        self._spans = f"read_parquet({text(str(work.spans))})"
        module, _, name = work.function.partition(":")
        self._named: Callable[..., Any] = getattr(importlib.import_module(module), name)
        self._function: Callable[[list[TraceTexts]], Any] | None = None if work.made else self._named
        self._argument: Any = None
        self._kept: OrderedDict[Range, list[Group]] = OrderedDict()
        self._kept_bytes = 0

    def run(self, wanted: Range, argument: Any) -> Iterator[tuple[list[ScanResult], bool]]:
        """The results of the groups with numbers in a range, both ends included, and whether those are all of it."""
        if self._function is None or (self._work.made and argument != self._argument):
            self._end()
            self._function, self._argument = self._named(argument), argument
        results: list[ScanResult] = []
        told = time.monotonic()
        for number, traces in self._groups(wanted):
            id = traces[0].spans[0].get("group_id") or traces[0].trace_id
            results.append(ScanResult(number, id, self._function(traces)))
            if time.monotonic() - told >= TELL_SECONDS:
                yield results, False
                results, told = [], time.monotonic()
        yield results, True

    def close(self) -> None:
        """Let go of the source, and of what the function holds."""
        self._end()
        self._database.close()

    def _end(self) -> None:
        end = getattr(self._function, "close", None)
        if end is not None:
            end()

    def _groups(self, wanted: Range) -> Sequence[Group] | Iterator[Group]:
        if not self._work.keep_bytes:
            return self._read(wanted)
        if wanted not in self._kept:
            groups = list(self._read(wanted))
            size = sum(_size(trace) for _, traces in groups for trace in traces)
            if self._kept_bytes + size > self._work.keep_bytes:
                return groups
            self._kept[wanted] = groups
            self._kept_bytes += size
        return self._kept[wanted]

    def _read(self, wanted: Range) -> Iterator[Group]:
        first, last = wanted
        spans = self._database.rows(
            f"SELECT * FROM {self._spans} WHERE group_no BETWEEN {first} AND {last} "
            "ORDER BY group_no, trace_no, span_no"
        )
        texts, unread = self._texts(spans)
        turns = self._turns(wanted)
        whole = self._whole(wanted)
        for number, group in groupby(spans, key=itemgetter("group_no")):
            yield (
                number,
                [
                    self._trace(list(rows), texts, unread, turns, whole)
                    for _, rows in groupby(group, key=itemgetter("trace_no"))
                ],
            )

    @staticmethod
    def _trace(
        rows: list[Row],
        texts: dict[Place, Row],
        unread: dict[Place, str],
        turns: dict[int, tuple[str | None, tuple[str, ...]]],
        whole: dict[int, Row],
    ) -> TraceTexts:
        following, earlier = turns.get(rows[0]["trace_no"], (None, ()))
        places = [(row["file_no"], row["row_no"]) for row in rows]
        return TraceTexts(
            rows[0]["trace_id"],
            rows,
            [texts.get(place, {}) for place in places],
            [row.get("mask") or 0 for row in rows],
            [row.get("mark") or 0 for row in rows],
            following,
            earlier,
            {at: unread[place] for at, place in enumerate(places) if place in unread} if unread else {},
            whole.get(rows[0]["trace_no"], {}),
        )

    def _whole(self, wanted: Range) -> dict[int, Row]:
        """The rows of traces by number."""
        if self._work.traces is None:
            return {}
        rows = self._database.rows(
            f"SELECT * FROM read_parquet({text(str(self._work.traces))}) "
            f"WHERE trace_no BETWEEN {wanted[0]} AND {wanted[1]}"
        )
        return {row["trace_no"]: row for row in rows}

    def _turns(self, wanted: Range) -> dict[int, tuple[str | None, tuple[str, ...]]]:
        """What was said after and before each trace."""
        if self._work.turns is None:
            return {}
        around = self._database.fetch(
            f"SELECT trace_no, next_no, earlier_nos FROM read_parquet({text(str(self._work.turns / TURNS))}) "
            f"WHERE group_no BETWEEN {wanted[0]} AND {wanted[1]}"
        )
        numbers = {
            no for _, following, earlier in around for no in (following, *(earlier or ())) if no is not None
        }
        if not numbers:
            return {}
        said = dict(
            self._database.fetch(
                f"SELECT trace_no, input_preview FROM read_parquet({text(str(self._work.turns / SAID))}) "
                f"WHERE trace_no BETWEEN {min(numbers)} AND {max(numbers)} "
                "AND trace_no IN (SELECT unnest(?::BIGINT[]))",
                [list(numbers)],
            )
        )
        return {
            no: (said.get(following), tuple(told for one in earlier or () if (told := said.get(one))))
            for no, following, earlier in around
        }

    def _texts(self, spans: Sequence[Row]) -> tuple[dict[Place, Row], dict[Place, str]]:
        """The columns of spans, those that the source does not have left out; and the size of what does not fit."""
        columns = self._work.columns
        more = _more(spans, columns)
        plain = self._work.made and not columns.all_texts
        kinds: dict[tuple[tuple[str, ...], bool], int] = {}
        wanted: dict[int, list[tuple[int, int]]] = {}
        for row in spans:
            names = columns.by_kind.get(row["kind"], columns.others)
            if row["span_no"] in more:
                names = (*names, *more[row["span_no"]])
            if names:
                group = kinds.setdefault((names, plain and row["kind"] in _TOLD_OTHERWISE), len(kinds))
                wanted.setdefault(row["file_no"], []).append((row["row_no"], group))
        found: dict[Place, Row] = {}
        unread: dict[Place, str] = {}
        for file_no, rows in wanted.items():
            self._read_file(file_no, list(kinds), rows, found, unread)
        return found, unread

    def _read_file(
        self,
        file_no: int,
        kinds: Sequence[tuple[tuple[str, ...], bool]],
        rows: Sequence[tuple[int, int]],
        found: dict[Place, Row],
        unread: dict[Place, str],
    ) -> None:
        """Read rows of a file, each with the columns of its group in `kinds`: names, and whether texts that would be
        worked out of another column which is read too are left out. What does not fit is read by halves, at last by
        rows.
        """
        placed = self._reader.of_file(file_no)
        known = placed.relation.mapping.expressions
        groups = [
            [name for name in names if name in known and not (plain and _is_worked_out(name, known, names))]
            for names, plain in kinds
        ]
        # one expression may stand for several columns: it is read once
        groups_of: dict[str, list[int]] = {}
        for number, names in enumerate(groups):
            for name in names:
                groups_of.setdefault(known[name], []).append(number)
        read = list(groups_of)
        selected = [
            expression
            if len(set(numbers)) == len(kinds)
            else f"CASE WHEN w.kind IN ({', '.join(map(str, sorted(set(numbers))))}) THEN {expression} END"
            for expression, numbers in groups_of.items()
        ]
        places = [[(name, read.index(known[name])) for name in names] for names in groups]

        def ask(some: Sequence[tuple[int, int]], values: Sequence[str]) -> Iterator[tuple[Any, ...]]:
            numbers = [number for number, _ in some]
            with self._database.cursor() as cursor:
                cursor.execute(
                    f"SELECT {', '.join([placed.row_no, 'w.kind', *values])} FROM {placed.scan([file_no])} "
                    "JOIN (SELECT unnest(?::BIGINT[]) AS row, unnest(?::INTEGER[]) AS kind) w "
                    f"ON {placed.row_no} = w.row WHERE {placed.row_no} BETWEEN {min(numbers)} AND {max(numbers)}",
                    [numbers, [kind for _, kind in some]],
                )
                while batch := cursor.fetchmany(2048):
                    yield from batch

        def take(some: Sequence[tuple[int, int]]) -> None:
            for number, kind, *values in ask(some, selected):
                found[(file_no, number)] = {name: values[at] for name, at in places[kind]}

        def measure(one: tuple[int, int]) -> str:
            octets = " + ".join(f"coalesce(strlen(CAST({value} AS VARCHAR)), 0)" for value in selected)
            try:
                return size(self._database.with_room(lambda: sum(row[2] for row in ask([one], [octets]))))
            except NotEnoughMemory:
                return self._size_around(placed, file_no, one[0])

        parts = [rows]
        while parts:
            some = parts.pop()
            try:
                self._database.with_room(partial(take, some), large=True)
            except NotEnoughMemory:
                if len(some) > 1:
                    parts += [some[len(some) // 2 :], some[: len(some) // 2]]
                else:
                    unread[(file_no, some[0][0])] = measure(some[0])

    def _size_around(self, placed: Placed, file_no: int, row: int) -> str:
        """The size of the row group of a row: all that can be said of a page that cannot be read."""
        if not placed.parquet:
            return f"more than {MORE_MEMORY} times {MEMORY_LIMIT}"
        groups = self._database.fetch(
            "SELECT any_value(row_group_num_rows), sum(total_uncompressed_size)::BIGINT "
            f"FROM parquet_metadata({text(str(self._reader.path(file_no)))}) GROUP BY row_group_id "
            "ORDER BY row_group_id"
        )
        for rows, octets in groups:
            if row < rows:
                return f"up to {size(octets)}, with what is stored beside it"
            row -= rows
        return "of unknown size"


def _more(spans: Sequence[Row], columns: ScanColumns) -> dict[int, tuple[str, ...]]:
    """What is read of single spans beside what their kind says, by their numbers."""
    more: dict[int, tuple[str, ...]] = {}
    if columns.root:
        known = {(row["trace_no"], row["span_id"]) for row in spans}
        rooted: set[int] = set()
        for row in spans:
            trace_no = row["trace_no"]
            if trace_no not in rooted and (trace_no, row["parent_id"]) not in known:
                rooted.add(trace_no)
                more[row["span_no"]] = columns.root
    if columns.uncalled:
        called = {row["trace_no"] for row in spans if row["kind"] in CALL_KINDS}
        models = [row for row in spans if row["kind"] == "llm" and not row["duplicate_of"]]
        last = {row["trace_no"]: row["span_no"] for row in models}
        for trace_no, span_no in last.items():
            if trace_no not in called:
                more[span_no] = (*more.get(span_no, ()), *columns.uncalled)
    return more


def _is_worked_out(name: str, known: Mapping[str, str], names: Sequence[str]) -> bool:
    """Whether a text is no column of the source, and what it is made of is read."""
    whole = _WORKED_OUT.get(name)
    if whole is None or whole not in names or whole not in known:
        return False
    return known.get(name) == visible_text(known[whole], whole)


def _size(trace: TraceTexts) -> int:
    """Bytes in memory, about."""
    return 3000 * len(trace.spans) + sum(
        len(value) for row in trace.stored for value in row.values() if isinstance(value, str)
    )


def main() -> int:
    """Work until stdin ends."""
    with contextlib.suppress(OSError):
        os.nice(5)
    # Ctrl-C is for the parent process, which ends this one once it has what came so far
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # rows and texts form no circles: to look for some over and over takes a tenth of the time
    gc.set_threshold(100_000, 20, 20)
    # with PYTHONUNBUFFERED that of sys.stdout writes as much as there is room for, and drops the rest
    out = io.BufferedWriter(io.FileIO(sys.stdout.fileno(), "wb", closefd=False))
    # what a function prints must not come between results
    sys.stdout = sys.stderr
    try:
        worker = Worker(pickle.load(sys.stdin.buffer))
        while True:
            try:
                wanted, argument = pickle.load(sys.stdin.buffer)
            except EOFError:
                return 0
            for told in worker.run(wanted, argument):
                pickle.dump(told, out)
                out.flush()
    except BrokenPipeError:
        return 1
    except (TraceviewError, OSError) as error:
        print(error.message if isinstance(error, TraceviewError) else error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
