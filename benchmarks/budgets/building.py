"""How fast the index of a file is built, and in how much memory."""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.budgets.data import Data, Scale
from benchmarks.budgets.figures import Budget, Figure
from benchmarks.budgets.memory import Peak
from traceview.definitions.prices import PriceTable
from traceview.definitions.prompt_files import PromptFiles
from traceview.sources.open import open_sources
from traceview.store.duck.connection import connect, text
from traceview.store.duck.index_file import IndexFile
from traceview.store.interface import CancelToken

LEAST_RATE: dict[Scale, float] = {"100k": 100_000, "1m": 100_000, "10m": 150_000}
MOST_MB = 520
MEMORY_LIMIT = "300MB"
COPY = (
    "CREATE TABLE built.spans AS SELECT * EXCLUDE (input, output, attributes) FROM read_parquet({}) "
    "ORDER BY trace_id, start_time"
)


def figures(data: Data, runs: int) -> Iterator[Figure]:
    """The rate and the peak of memory; the floor is a sorted copy by DuckDB alone of the columns without texts."""
    rates, floors, peaks, computed = [], [], [], []
    for _ in range(runs):
        floors.append(data.spans / _copied(data))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds, megabytes = _built(data)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        rates.append(data.spans / seconds)
        peaks.append(megabytes)
        computed.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    yield Figure(
        data.name,
        "index built",
        "spans/s",
        tuple(rates),
        tuple(floors),
        Budget(least=LEAST_RATE[data.scale]),
        note=f"{data.spans / statistics.median(computed):,.0f} per second of CPU; floor: sorted copy",
    )
    yield Figure(data.name, "memory of the building process", "MB", tuple(peaks), (), Budget(most=MOST_MB))


def _built(data: Data) -> tuple[float, float]:
    """Seconds of a build by a child process, and the most it and its own children held."""
    with tempfile.TemporaryDirectory() as directory, _cache(directory):
        sources = open_sources([str(data.path)])
        file = IndexFile.of(sources.identity, PriceTable(), PromptFiles())
        with Peak(own=False, children=True) as peak:
            begun = time.perf_counter()
            file.build(sources.relations, CancelToken(), lambda done: None)
            return time.perf_counter() - begun, peak.megabytes


def _copied(data: Data) -> float:
    """Seconds that DuckDB takes to copy the narrow columns, sorted, into a file of its own."""
    with tempfile.TemporaryDirectory() as directory:
        connection = connect(MEMORY_LIMIT, Path(directory, "spill"))
        begun = time.perf_counter()
        connection.execute(f"ATTACH {text(str(Path(directory, 'copy.duckdb')))} AS built")
        connection.execute(COPY.format(text(str(data.path))))
        connection.execute("CHECKPOINT built")
        seconds = time.perf_counter() - begun
        connection.close()
        return seconds


@contextmanager
def _cache(directory: str) -> Iterator[None]:
    """A cache of its own, also for child processes."""
    name = "TRACEVIEW_CACHE_DIR"
    before = os.environ.get(name)
    os.environ[name] = directory
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
