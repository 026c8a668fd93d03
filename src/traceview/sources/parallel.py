"""A large file of JSON lines read by several processes at once, its rows given in their order."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from traceview.sources.base import ConvertedFormat, LineFormat, Probe, ReadReport
from traceview.sources.otlp.documents import is_large_document
from traceview.sources.range_messages import Answer, receive, send
from traceview.sources.range_worker import read_range
from traceview.sources.ranges import ranges_of

if TYPE_CHECKING:
    import pyarrow as pa

LARGE_BYTES = 64 << 20
"""Below this one process has read a file before others have begun."""

_MOST_WORKERS = 3
"""Each takes some 200 MB of memory, and one process, of some 500 MB, writes what they read."""


_Read = Callable[[ConvertedFormat, Probe], "Future[Answer]"]


def most_workers() -> int:
    """How many processes read a large file on this machine."""
    return min(_MOST_WORKERS, os.cpu_count() or 1)


def workers_for(reader: ConvertedFormat, probe: Probe) -> int:
    """How many processes are to read a file; 1 where it is not worth it, or its lines belong together."""
    count = most_workers()
    if count < 2 or probe.container != "json" or probe.compression is not None:
        return 1
    try:
        by_line = (
            isinstance(reader, LineFormat)
            and probe.path.stat().st_size >= LARGE_BYTES
            and not is_large_document(probe)
            and reader.is_by_line(probe)
        )
    except OSError:
        return 1
    return count if by_line else 1


def read_in_parallel(
    reader: ConvertedFormat, probe: Probe, report: ReadReport, workers: int
) -> Generator[pa.Table, None, None]:
    """The rows of a file, range by range; what was left out goes to `report`. Raises OSError."""
    import pyarrow as pa

    with _pool(workers) as read:
        waiting: deque[tuple[Probe, Future[Answer]]] = deque()
        ranges = ranges_of(probe)
        while True:
            # as many as are worked on, and one that is ready when the next is asked for
            while len(waiting) <= workers and (part := next(ranges, None)) is not None:
                waiting.append((part, read(reader, part)))
            if not waiting:
                return
            part, future = waiting.popleft()
            try:
                answer = future.result()
            except (EOFError, OSError):
                # the process was killed, for lack of memory perhaps
                answer = read_range(reader, part)
            report.spans += answer.report.spans
            report.add(answer.report)
            if part.range is not None:
                report.bytes_read = part.range.end
            for text in answer.tables:
                yield pa.ipc.open_stream(text).read_all()


@contextmanager
def _pool(workers: int) -> Iterator[_Read]:
    """What has a range read by the next process that is free; the processes end with the block."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "traceview.sources.range_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # an app may be on the terminal; what fails here fails again where it is told
        )
        for _ in range(workers)
    ]
    free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
    for process in processes:
        free.put(process)

    def ask(reader: ConvertedFormat, probe: Probe) -> Answer:
        process = free.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            send(process.stdin, (reader, probe))
            answer = receive(process.stdout)
        finally:
            free.put(process)
        assert isinstance(answer, Answer)
        return answer

    threads = ThreadPoolExecutor(workers, thread_name_prefix="ranges")
    try:
        yield lambda reader, probe: threads.submit(ask, reader, probe)
    finally:
        for process in processes:
            process.kill()
        threads.shutdown(cancel_futures=True)
        for process in processes:
            process.communicate()
