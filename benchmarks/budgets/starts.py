"""From a command to what it shows: `--help`, and the first rows of a file in a real terminal."""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.app import environment, has_rows, open_app, timed, wait_indexed
from benchmarks.budgets.data import Data, Scale
from benchmarks.budgets.figures import Budget, Figure
from benchmarks.budgets.memory import end_children

FLOOR = (
    "import sys, duckdb, textual.app; duckdb.connect().execute("
    "'SELECT count(*), max(start_time) FROM read_parquet(?)', [sys.argv[1]]).fetchall()"
)
BEFORE: dict[Scale, float] = {"100k": 1.3, "1m": 1.3, "10m": 1.6}
NEVER: dict[Scale, float] = {"100k": 1.8, "1m": 1.8, "10m": 3.0}
PLUS_SECONDS = 0.35
INDEX_SECONDS = 3600.0


def commands(runs: int) -> Iterator[Figure]:
    """`--help` and `--version` beside bare Python."""
    for argument in ("--help", "--version"):
        ours, bare = [], []
        for _ in range(runs):
            bare.append(_spent([sys.executable, "-c", "pass"]))
            ours.append(_spent([sys.executable, "-m", "traceview.cli.main", argument]))
        yield _beside("-", f"traceview {argument}", ours, bare, Budget(most=0.15, over=True, cpu=True))


def first_rows(data: Data, runs: int, home: Path) -> Iterator[Figure]:
    """First rows of a file that was never opened, and of one whose index is there; `home` keeps the index."""
    env = environment(str(home))
    _floor(data)

    def fresh() -> Spent:
        with tempfile.TemporaryDirectory() as directory:
            return _rows(data, environment(directory))

    yield _figure(data, "first rows, never opened", NEVER[data.scale], fresh, runs)
    with open_app(data.path, env) as terminal:
        wait_indexed(terminal, INDEX_SECONDS)
    yield _figure(data, "first rows, opened before", BEFORE[data.scale], lambda: _rows(data, env), runs)


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds on the clock, and of the processors."""

    wall: float
    cpu: float


def _figure(data: Data, name: str, times: float, measure: Callable[[], Spent], runs: int) -> Figure:
    """A start and its floor in turns."""
    ours, floors = [], []
    for _ in range(runs):
        floors.append(_floor(data))
        ours.append(measure())
    return _beside(data.name, name, ours, floors, Budget(times=times, plus=PLUS_SECONDS))


def _beside(data: str, name: str, ours: Sequence[Spent], floors: Sequence[Spent], budget: Budget) -> Figure:
    return Figure(
        data,
        name,
        "s",
        tuple(one.wall for one in ours),
        tuple(one.wall for one in floors),
        budget,
        cpu=tuple(one.cpu for one in ours),
        cpu_floors=tuple(one.cpu for one in floors),
    )


def _floor(data: Data) -> Spent:
    return _spent([sys.executable, "-c", FLOOR, str(data.path)])


def _spent(command: Sequence[str]) -> Spent:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = timed(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _rows(data: Data, env: dict[str, str]) -> Spent:
    """From the start of the process to ten rows on the screen."""
    with open_app(data.path, env) as terminal:
        seconds = terminal.wait(has_rows, 60) - terminal.started
        used = psutil.Process(terminal.process.pid).cpu_times()
        end_children(terminal.process.pid)
        return Spent(seconds, used.user + used.system)
