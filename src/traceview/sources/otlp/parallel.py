"""Large files of JSON lines read by several processes: pieces of whole lines, whose rows come in the order of the file.

Making rows takes most of the time of reading and holds Python's lock; packed rows are cheap to hand over.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from traceview.sources.base import CanonicalRow, Probe, ReadReport
from traceview.sources.otlp.documents import line_values
from traceview.sources.otlp.logs import LogEvents
from traceview.sources.otlp.typed import parse
from traceview.sources.rare_collections import rare_collections

SMALLEST = 64 << 20
"""Smaller files are read before a process has begun."""

PIECE = 4 << 20
_MOST = 4
_LONGEST = 16 << 20
_BOM = b"\xef\xbb\xbf"

Found = tuple[int, int, list[CanonicalRow]]
"""The rows of one line: its number, its size in bytes, and they."""


class Piece(NamedTuple):
    """Whole lines of a file, from one byte to before another; `line` is the number of the first of them."""

    path: Path
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Converted:
    """What a piece gave, and what of it was not read."""

    found: list[Found]
    report: ReadReport


def processes_for(probe: Probe) -> int:
    """How many processes are worth while; 0 for small and compressed files, one value of many lines, one core."""
    if probe.compression is not None or multiprocessing.current_process().daemon:
        return 0
    try:
        with probe.path.open("rb") as stream:
            first = stream.readline(_LONGEST)
            if os.fstat(stream.fileno()).st_size < SMALLEST or not first.endswith(b"\n"):
                return 0
        msgspec.json.decode(first.removeprefix(_BOM))
    except (OSError, msgspec.MsgspecError, ValueError):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST) if cores > 1 else 0


def converted(probe: Probe, processes: int) -> Iterator[tuple[int, Converted]]:
    """The size and the result of every piece of a file, in its order."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, _begin)
    waiting: deque[tuple[Piece, Future[Converted]]] = deque()
    try:
        for piece in pieces(probe.path):
            try:
                waiting.append((piece, pool.submit(convert, piece)))
            except (BrokenProcessPool, OSError):
                waiting.append((piece, Future()))
                waiting[-1][1].set_exception(BrokenProcessPool())
            if len(waiting) > 2 * processes:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _result(piece: Piece, future: Future[Converted]) -> tuple[int, Converted]:
    try:
        return piece.end - piece.start, future.result()
    except BrokenProcessPool:
        # killed from outside, for lack of memory perhaps: this process does it
        return piece.end - piece.start, convert(piece)


def pieces(path: Path) -> Iterator[Piece]:
    """A file cut at ends of lines into pieces of about PIECE bytes. Raises OSError."""
    start, line = 0, 1
    with path.open("rb") as stream:
        while data := stream.read(PIECE):
            rest = b"" if data.endswith(b"\n") else stream.readline()
            end = start + len(data) + len(rest)
            yield Piece(path, start, end, line)
            start, line = end, line + data.count(b"\n") + rest.count(b"\n")


def _begin() -> None:
    # Ctrl-C is for the process that waits for these
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    rare_collections.__enter__()


def convert(piece: Piece) -> Converted:
    """The rows of a piece. Raises OSError."""
    from traceview.sources.otlp.reading import rows_of_value

    with piece.path.open("rb") as stream:
        stream.seek(piece.start)
        data = stream.read(piece.end - piece.start)
    probe = Probe(piece.path, "json", None, {}, b"", None, frozenset())
    report, logs = ReadReport(), LogEvents()
    found: list[Found] = []
    for number, line in enumerate(_lines(data), piece.line):
        if number == 1:
            line = line.removeprefix(_BOM)
        for _, size, value in line_values(number, line, probe, report, parse):
            rows = list(rows_of_value(value, f"{piece.path.name}:{number}", report, logs, known=False))
            found.append((number, size, rows))
    logs.finish(report)
    return Converted(found, report)


def _lines(data: bytes) -> Iterator[bytes]:
    """Lines with their newline; the last one may have none."""
    lines = data.split(b"\n")
    last = lines.pop()
    for line in lines:
        yield line + b"\n"
    if last:
        yield last
