"""The child process of a pass over traces: `python -m traceview.store.duck.trace_worker`.

Reads a `Work` and then ranges of trace numbers, pickled by the parent process, from stdin; writes a pickled list of
results to stdout for each. Ends with stdin. Exit code 1 with a sentence on stderr if the source cannot be read.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from traceview.model.errors import TraceviewError
from traceview.model.messages import SpanPayload
from traceview.sources.payload import payload_of
from traceview.store.duck.connection import Database, text
from traceview.store.duck.reading import Reader
from traceview.store.duck.trace_pass import Range, Result, Work
from traceview.store.interface import Row

MEMORY_LIMIT = "200MB"


@dataclass(frozen=True, slots=True)
class TraceTexts:
    """One trace: its span rows in the order of the index, and for each the canonical columns that were asked for."""

    trace_id: str
    spans: list[Row]
    stored: list[Row]

    def payload(self, at: int) -> SpanPayload:
        """The payload of a span, of the columns that were asked for."""
        return payload_of({**self.spans[at], **self.stored[at]})


class Worker:
    """Calls the function with the traces of a range."""

    def __init__(self, work: Work) -> None:
        self._database = Database(MEMORY_LIMIT)
        self._database.execute("SET threads = 1")
        self._reader = Reader(self._database, work.relations)
        self._spans = f"read_parquet({text(str(work.spans))})"
        self._columns = work.columns
        module, _, name = work.function.partition(":")
        self._function: Callable[[TraceTexts], Any] = getattr(importlib.import_module(module), name)

    def run(self, wanted: Range) -> list[Result]:
        """The results of the traces with numbers in a range, both ends included."""
        return [
            (trace.spans[0]["trace_no"], trace.trace_id, self._function(trace))
            for trace in self._traces(wanted)
        ]

    def _traces(self, wanted: Range) -> Iterator[TraceTexts]:
        first, last = wanted
        spans = self._database.rows(
            f"SELECT * FROM {self._spans} WHERE trace_no BETWEEN {first} AND {last} ORDER BY trace_no, span_no"
        )
        texts = self._texts(spans)
        for _, group in groupby(spans, key=itemgetter("trace_no")):
            rows = list(group)
            yield TraceTexts(
                rows[0]["trace_id"], rows, [texts.get((row["file_no"], row["row_no"]), {}) for row in rows]
            )

    def _texts(self, spans: Sequence[Row]) -> dict[tuple[int, int], Row]:
        """The columns of spans by file and row number; a column that the source does not have is left out."""
        by_file: dict[int, list[int]] = {}
        for span in spans:
            by_file.setdefault(span["file_no"], []).append(span["row_no"])
        found: dict[tuple[int, int], Row] = {}
        for file_no, numbers in by_file.items():
            placed = self._reader.of_file(file_no)
            known = placed.relation.mapping.expressions
            # one expression may stand for several columns: it is read once
            columns = {name: known[name] for name in self._columns if name in known}
            read = list(dict.fromkeys(columns.values()))
            places = [(name, read.index(expression)) for name, expression in columns.items()]
            with self._database.cursor() as cursor:
                cursor.execute(
                    f"SELECT {', '.join([placed.row_no, *read])} FROM {placed.scan([file_no])} "
                    f"WHERE {placed.row_no} BETWEEN {min(numbers)} AND {max(numbers)} "
                    f"AND {placed.row_no} IN (SELECT unnest(?::BIGINT[]))",
                    [numbers],
                )
                while batch := cursor.fetchmany(2048):
                    for number, *values in batch:
                        found[(file_no, number)] = {name: values[at] for name, at in places}
        return found


def main() -> int:
    """Work until stdin ends."""
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        worker = Worker(pickle.load(sys.stdin.buffer))
        while True:
            try:
                wanted = pickle.load(sys.stdin.buffer)
            except EOFError:
                return 0
            pickle.dump(worker.run(wanted), sys.stdout.buffer)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        return 1
    except (TraceviewError, OSError) as error:
        print(error.message if isinstance(error, TraceviewError) else error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
