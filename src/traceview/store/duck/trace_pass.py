"""A pass over traces of an index: a function is called with every trace and its texts, in child processes.

The spans are written to a temporary file, in the order of the index; every child takes ranges of traces from it, reads
their texts from the source and sends the results. Memory is that of some ranges for each child, whatever the size.
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from traceview.files.dirs import cache_dir, private_dir
from traceview.model.errors import Cancelled, TraceviewError
from traceview.sources.open import Relation
from traceview.store.duck.connection import Database, text
from traceview.store.duck.indexes import Index
from traceview.store.interface import CancelToken
from traceview.store.scan import ScanColumns, ScanResult

if TYPE_CHECKING:
    from traceview.store.duck.trace_worker import Worker

SPAN_COLUMNS: tuple[str, ...] = (
    "trace_no", "span_no", "trace_id", "span_id", "parent_id", "name", "kind", "start_ns", "end_ns", "status",
    "error_message", "tool_name", "duplicate_of", "file_no", "row_no",
)  # fmt: skip
"""What a function is told of every span beside its texts."""

RANGE_SPANS = 8192
"""About so many spans are read at a time."""

MAX_WORKERS = 4
TURNS, SAID = "turns.parquet", "said.parquet"
TRACES = "traces.parquet"
TELL_SECONDS = 1.0
"""So often at least is told what came of a range that takes longer."""
WAITING = 3
"""Ranges a child may be ahead of whoever takes the results."""


class Work(Struct, frozen=True):
    """What a child process is told first.

    `function` is `module:name`; it is called with a list of `TraceTexts` and gives anything that can be pickled, or if
    it is `made` gives such a function when it is called with an argument. `turns` is a directory with
    `TURNS`, which traces come around one in its conversation, and `SAID`, what the user said in each. `traces` is a
    file with the rows of the traces; `descriptors` stay open in the child.
    """

    function: str
    columns: ScanColumns
    relations: tuple[Relation, ...]
    spans: Path
    turns: Path | None = None
    made: bool = False
    keep_bytes: int = 0
    traces: Path | None = None
    descriptors: tuple[int, ...] = ()


Range = tuple[int, int]
Task = tuple[Range, Any]
"""A range of numbers, both ends included, and the argument of the function."""


def pass_over_traces(
    database: Database,
    index: Index,
    function: str,
    columns: Sequence[str],
    token: CancelToken,
    progress: Callable[[float], object],
    workers: int | None = None,
    where: str = "true",
) -> Iterator[list[ScanResult]]:
    """Results as they come, a list for each range of traces. Raises Cancelled, TraceviewError with a child's words.

    `where` says which of the traces `t` are wanted. `progress` is told 0..1 in spans. Leaving the loop early ends the
    children.
    """
    wanted = (
        "" if where == "true" else f" WHERE trace_no IN (SELECT trace_no FROM {index.traces} t WHERE {where})"
    )
    relations = tuple(placed.relation for placed in index.reader.placed)
    with spans_aside() as aside:
        path = aside / "spans.parquet"
        copy_spans(
            database,
            f"SELECT {', '.join(SPAN_COLUMNS)}, trace_no AS group_no FROM {index.spans}{wanted}",
            path,
            token,
        )
        work = Work(function, ScanColumns(tuple(columns)), relations, path)
        running = Pass(database, work, token, workers)
        try:
            for done, results in running.results(token):
                progress(done / (running.spans or 1))
                yield results
        finally:
            running.close()


@contextlib.contextmanager
def spans_aside() -> Iterator[Path]:
    """A directory of the cache for what children read; it is removed at the end."""
    aside = Path(tempfile.mkdtemp(prefix=".pass-", dir=private_dir(cache_dir() / "derived")))
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def copy_spans(database: Database, select: str, path: Path, token: CancelToken) -> None:
    """Write rows to a file that children read."""
    database.execute(
        f"COPY ({select}) TO {text(str(path))} (FORMAT parquet, ROW_GROUP_SIZE 16384)", token=token
    )


class Pass:
    """Child processes over the groups of spans of a file; they wait for the next run until `close`."""

    def __init__(
        self,
        database: Database,
        work: Work,
        token: CancelToken,
        workers: int | None = None,
        newest_first: bool = False,
        inside: int = 0,
    ) -> None:
        """Up to `inside` spans are gone through in this process: a child takes longer to start. Raises Cancelled."""
        ranges = database.fetch(
            f"""SELECT min(group_no), max(group_no), sum(spans)::BIGINT FROM (
                SELECT group_no, spans, (sum(spans) OVER (ORDER BY group_no) - spans) // {RANGE_SPANS} AS part
                FROM (SELECT group_no, count(*) AS spans FROM read_parquet({text(str(work.spans))}) GROUP BY 1))
            GROUP BY part ORDER BY 1""",
            token=token,
        )
        self._ranges = {
            (first, last): spans for first, last, spans in (reversed(ranges) if newest_first else ranges)
        }
        self.spans: int = sum(self._ranges.values())
        self._work = work
        self._count = min(workers or os.cpu_count() or 1, MAX_WORKERS, len(ranges))
        self._inside = self.spans <= inside
        self._worker: Worker | None = None
        self._children: _Children | None = None

    def results(self, token: CancelToken, argument: Any = None) -> Iterator[tuple[int, list[ScanResult]]]:
        """Spans done so far and the results that are new. Raises Cancelled, TraceviewError with a child's words."""
        token.check()
        if not self._ranges:
            return
        if self._inside:
            yield from self._here(token, argument)
            return
        if self._children is None:
            self._children = _Children(self._work, self._count)
        done = 0
        for found, results, ended in self._children.results(list(self._ranges), argument, token):
            done += self._ranges[found] if ended else 0
            yield done, results

    def _here(self, token: CancelToken, argument: Any) -> Iterator[tuple[int, list[ScanResult]]]:
        if self._worker is None:
            from traceview.store.duck.trace_worker import Worker

            self._worker = Worker(self._work)
        done = 0
        for found, spans in self._ranges.items():
            for results, ended in self._worker.run(found, argument):
                token.check()
                done += spans if ended else 0
                yield done, results

    def close(self) -> None:
        """End the children."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        if self._children is not None:
            self._children.close()
            self._children = None


class _Children:
    """Child processes, and for each a thread that gives it ranges and takes its results."""

    def __init__(self, work: Work, count: int) -> None:
        self._work = work
        self._run = 0
        self._closing = False
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[tuple[int, Task] | None] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[tuple[int, Range, list[ScanResult], bool] | BaseException] = (
            queue.SimpleQueue()
        )
        self._ahead = threading.Semaphore(count * WAITING)
        for number in range(count):
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "traceview.store.duck.trace_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=work.descriptors,
            )
            self._processes.append(process)
            thread = threading.Thread(target=self._feed, args=(process,), name=f"pass-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """End the processes and wait for them."""
        self._closing = True
        for process in self._processes:
            process.terminate()
        for _ in self._processes:
            self._waiting.put(None)
            self._ahead.release(WAITING)
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            process.wait()

    def results(
        self, ranges: Sequence[Range], argument: Any, token: CancelToken
    ) -> Iterator[tuple[Range, list[ScanResult], bool]]:
        """What the children found of ranges, in no order, and whether that is the end of one.

        What an earlier run left undone is given up.
        """
        self._run += 1
        run = self._run
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        for one in ranges:
            self._waiting.put((run, (one, argument)))
        missing = len(ranges)
        cancelled = Cancelled()
        with token.interrupting(lambda: self._found.put(cancelled)):
            while missing:
                found = self._found.get()
                if isinstance(found, BaseException):
                    if isinstance(found, Cancelled) and found is not cancelled:
                        continue
                    raise found
                number, place, results, ended = found
                if ended:
                    self._ahead.release()
                # results that came before the word of the end wait before it
                token.check()
                if number == run:
                    missing -= ended
                    yield place, results, ended

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        try:
            pickle.dump(self._work, process.stdin)
            while True:
                self._ahead.acquire()
                wanted = self._waiting.get()
                if wanted is None:
                    break
                run, task = wanted
                if run != self._run:
                    self._ahead.release()
                    continue
                pickle.dump(task, process.stdin)
                process.stdin.flush()
                ended = False
                while not ended:
                    results, ended = pickle.load(process.stdout)
                    self._found.put((run, task[0], results, ended))
            process.stdin.close()
        except Exception as error:  # noqa: BLE001 (what cannot be unpickled may raise anything)
            if self._closing:
                return
            # one that lives and is not understood would never come to the end of its words
            process.kill()
            words = process.stderr.read().decode("utf-8", "replace").strip()
            last = words.splitlines()[-1] if words else f"{type(error).__name__}, exit code {process.wait()}"
            self._found.put(TraceviewError(f"the traces could not be checked: {last}"))
