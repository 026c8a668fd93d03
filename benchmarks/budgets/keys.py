"""Keys in a real terminal while the index is built, the memory of the app, and how soon a label is on the disk."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil

from benchmarks.app import (
    counts,
    cursor_keys,
    environment,
    has_rows,
    key_figures,
    open_app,
    p95,
    wait_indexed,
)
from benchmarks.budgets.data import Data
from benchmarks.budgets.figures import Budget, Figure
from benchmarks.budgets.memory import Peak, end_children
from benchmarks.terminal import Terminal
from traceview.annotation import Annotator
from traceview.model.labels import Target
from traceview.store.labels.store import LabelStore

CURSOR_KEYS, PAGES, ITEMS, LABELS = 40, 12, 12, 200
PAGE_DOWN, PAGE_UP = "\x1b[6~", "\x1b[5~"
ECHOES = 20


def echo() -> float:
    """The 95th percentile of seconds from a key to its echo, in a terminal in which nothing else is done."""
    with Terminal(["cat"]) as terminal:
        return p95([terminal.key_to_paint("j")[0] for _ in range(ECHOES)])


def while_indexing(data: Data, runs: int) -> Iterator[Figure]:
    """Cursor, page and next-item keys of an app whose index is being built by another process."""
    cursor, octets, pages, items, floors, computed = [], [], [], [], [], []
    to_the_end = True
    for _ in range(runs):
        floors.append(echo())
        with tempfile.TemporaryDirectory() as home, open_app(data.path, environment(home)) as terminal:
            terminal.wait(has_rows, 60)
            terminal.wait(lambda one: _has_children(one) or not counts(one), 60)
            terminal.settle(1.0, at_most=2.0)
            before = _cpu_seconds(terminal)
            seconds, written = key_figures(terminal, cursor_keys(CURSOR_KEYS))
            computed.append((_cpu_seconds(terminal) - before) / CURSOR_KEYS)
            cursor.append(p95(seconds))
            octets.append(max(written))
            down, _ = key_figures(terminal, ([PAGE_DOWN] * 2 + [PAGE_UP]) * (PAGES // 3))
            pages.append(p95(down))
            to_the_end &= counts(terminal)
            items.append(p95(list(_next_items(terminal))))
            end_children(terminal.process.pid)
    note = "" if to_the_end else "index ready before the end"
    for name, values, most in (
        ("cursor key while indexing, p95", cursor, 0.050),
        ("page key while indexing, p95", pages, 0.100),
        ("next item while indexing, p95", items, 0.050),
    ):
        yield Figure(data.name, name, "s", tuple(values), tuple(floors), Budget(most=most), note)
    yield Figure(data.name, "CPU of a cursor key and what follows it", "s", tuple(computed))
    yield Figure(data.name, "bytes of a cursor key, largest", "B", tuple(octets), (), Budget(most=2048))


def _has_children(terminal: Terminal) -> bool:
    """True while the app has another process at work: the one that builds the index."""
    return bool(psutil.Process(terminal.process.pid).children())


def _cpu_seconds(terminal: Terminal) -> float:
    """Time of the processors that the app has taken so far, in all its threads."""
    used = psutil.Process(terminal.process.pid).cpu_times()
    return used.user + used.system


def _next_items(terminal: Terminal) -> Iterator[float]:
    """Seconds from the key to the next trace with its tree on the screen, from inside a trace."""
    terminal.press("g")
    terminal.settle(0.3, at_most=2.0)
    terminal.press("\r")
    terminal.wait(lambda one: _place(one) == 1 and "row 1 of" in one.text, 60)
    for number in range(2, ITEMS + 2):
        terminal.settle(0.4, at_most=2.0)
        pressed = time.perf_counter()
        terminal.press("J")
        yield terminal.wait(lambda one, number=number: _place(one) == number, 60) - pressed


def _place(terminal: Terminal) -> int | None:
    """Which item of the list the first line of the screen says this is."""
    words = terminal.screen.display[0].split()
    place = words[-3] if len(words) >= 3 and words[-2] == "of" else ""
    return int(place.replace(",", "")) if place.replace(",", "").isdigit() else None


def indexed(data: Data, runs: int, home: Path) -> Iterator[Figure]:
    """Cursor keys with the index, and the most memory the app held over a walk; `home` keeps the index."""
    cursor, peaks, floors = [], [], []
    env = environment(str(home))
    for _ in range(runs):
        floors.append(echo())
        with open_app(data.path, env) as terminal, Peak(terminal.process.pid) as peak:
            wait_indexed(terminal, 3600)
            terminal.settle(1.0, at_most=3.0)
            seconds, _ = key_figures(terminal, cursor_keys(CURSOR_KEYS))
            cursor.append(p95(seconds))
            _walk(terminal)
            peak.look()
        peaks.append(peak.megabytes)
    yield Figure(data.name, "cursor key, indexed, p95", "s", tuple(cursor), tuple(floors), Budget(most=0.050))
    yield Figure(data.name, "memory of the app over a walk", "MB", tuple(peaks), (), Budget(most=500))


def _walk(terminal: Terminal) -> None:
    """Far down the list, another order, a filter, threads, prompts, figures of groups, a trace."""
    for keys in ("G", "g", "s", "F3", "F4", "F6", "F2", "f", "status:error", "\r", "\r"):
        terminal.press({"F2": "\x1bOQ", "F3": "\x1bOR", "F4": "\x1bOS", "F6": "\x1b[17~"}.get(keys, keys))
        terminal.settle(1.0, at_most=8.0)


def labels(runs: int) -> Iterator[Figure]:
    """From a value to its commit, beside a bare commit of a row into SQLite with the same settings."""
    ours, floors = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as directory:
            floors.append(p95(list(_bare_commits(Path(directory, "bare.db")))))
            store = LabelStore.open(Path(directory, "bench.labels.db"))
            try:
                annotator = Annotator(store, (), "bench@example.com")
                ours.append(p95(list(_commits(annotator))))
            finally:
                store.close()
    yield Figure(
        "-",
        "label to its commit, p95",
        "ms",
        tuple(ours),
        tuple(floors),
        Budget(most=50),
        "floor: bare SQLite",
    )


def _commits(annotator: Annotator) -> Iterator[float]:
    for number in range(LABELS):
        begun = time.perf_counter()
        annotator.set_value([Target("trace", f"trace-{number}")], "note", "a few words about it")
        yield (time.perf_counter() - begun) * 1000


def _bare_commits(path: Path) -> Iterator[float]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE labels (id TEXT, target TEXT, value TEXT)")
        for number in range(LABELS):
            begun = time.perf_counter()
            connection.execute("INSERT INTO labels VALUES (?, ?, ?)", (str(number), "trace", "words"))
            yield (time.perf_counter() - begun) * 1000
