"""A pass over all traces of an index: a function is called with every trace and its texts, in child processes.

The spans are written to a temporary file, in the order of the index; every child takes ranges of traces from it, reads
their texts from the source and sends the results. Memory is that of one range for each child, whatever the size.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import Cancelled, TraceviewError
from traceview.sources.open import Relation
from traceview.store.duck.connection import Database, text
from traceview.store.duck.indexes import Index
from traceview.store.interface import CancelToken

SPAN_COLUMNS: tuple[str, ...] = (
    "trace_no", "span_no", "trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "end_ns", "status",
    "error_message", "tool_name", "duplicate_of", "file_no", "row_no",
)  # fmt: skip
"""What a function is told of every span beside its texts."""

RANGE_SPANS = 8192
"""About so many spans are read at a time."""

MAX_WORKERS = 4


@dataclass(frozen=True, slots=True)
class Work:
    """What a child process is told first.

    `function` is `module:name`; it is called with a `TraceTexts` and gives anything that can be pickled. `columns` are
    the canonical columns that it reads.
    """

    function: str
    columns: tuple[str, ...]
    relations: tuple[Relation, ...]
    spans: Path


Range = tuple[int, int]
Result = tuple[int, str, Any]
"""Number and id of a trace, and what the function gave."""


def pass_over_traces(
    database: Database,
    index: Index,
    function: str,
    columns: Sequence[str],
    token: CancelToken,
    progress: Callable[[float], object],
    workers: int | None = None,
    where: str = "true",
) -> Iterator[list[Result]]:
    """Results as they come, a list for each range of traces. Raises Cancelled, TraceviewError with a child's words.

    `where` says which of the traces `t` are wanted. `progress` is told 0..1 in spans. Leaving the loop early ends the
    children.
    """
    ranges = database.fetch(
        f"""SELECT min(trace_no), max(trace_no), sum(spans)::BIGINT FROM (
            SELECT trace_no, spans, (sum(spans) OVER (ORDER BY trace_no) - spans) // {RANGE_SPANS} AS part
            FROM {index.traces} t WHERE {where}) GROUP BY part ORDER BY 1""",
        token=token,
    )
    if not ranges:
        return
    total = sum(spans for _, _, spans in ranges) or 1
    count = min(workers or os.cpu_count() or 1, MAX_WORKERS, len(ranges))
    wanted = (
        "" if where == "true" else f" WHERE trace_no IN (SELECT trace_no FROM {index.traces} t WHERE {where})"
    )
    aside = Path(tempfile.mkdtemp(prefix=".pass-", dir=private_dir(cache_dir() / "derived")))
    try:
        spans = aside / "spans.parquet"
        database.execute(
            f"COPY (SELECT {', '.join(SPAN_COLUMNS)} FROM {index.spans}{wanted}) "
            f"TO {text(str(spans))} (FORMAT parquet, ROW_GROUP_SIZE 16384)",
            token=token,
        )
        relations = tuple(placed.relation for placed in index.reader.placed)
        with _Children(Work(function, tuple(columns), relations, spans), count, token) as children:
            sizes = {(first, last): size for first, last, size in ranges}
            done = 0
            for found, results in children.results(list(sizes)):
                done += sizes[found]
                progress(done / total)
                yield results
    finally:
        shutil.rmtree(aside, ignore_errors=True)


class _Children:
    """Child processes, and for each a thread that gives it ranges and takes its results."""

    def __init__(self, work: Work, count: int, token: CancelToken) -> None:
        self._work = work
        self._count = count
        self._token = token
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[Range | None] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[tuple[Range, list[Result]] | BaseException] = queue.SimpleQueue()

    def __enter__(self) -> _Children:
        for number in range(self._count):
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "traceview.store.duck.trace_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self._processes.append(process)
            thread = threading.Thread(target=self._feed, args=(process,), name=f"pass-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()

    def results(self, ranges: Sequence[Range]) -> Iterator[tuple[Range, list[Result]]]:
        """What the children found, range by range, in no order."""
        for one in ranges:
            self._waiting.put(one)
        for _ in self._processes:
            self._waiting.put(None)
        with self._token.interrupting(lambda: self._found.put(Cancelled())):
            for _ in ranges:
                found = self._found.get()
                if isinstance(found, BaseException):
                    raise found
                yield found

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        try:
            pickle.dump(self._work, process.stdin)
            while (wanted := self._waiting.get()) is not None:
                pickle.dump(wanted, process.stdin)
                process.stdin.flush()
                self._found.put((wanted, pickle.load(process.stdout)))
            process.stdin.close()
        except (OSError, EOFError, pickle.UnpicklingError):
            words = process.stderr.read().decode("utf-8", "replace").strip()
            last = words.splitlines()[-1] if words else f"exit code {process.wait()}"
            self._found.put(TraceviewError(f"the traces could not be checked: {last}"))
