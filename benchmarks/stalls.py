"""Measures the longest stalls of the app's event loop over a tour of every screen, and what ran then.

Usage: python -m benchmarks.stalls [--worst 10] [--loaded]

With `--loaded` the tour is a short one, on a store that an import adds parts to while it is indexed and somebody else
writes labels.

A stall is one callback of the loop: nothing is painted and no key is taken until it ends. What counts is the
processor time of the loop's own thread in it: wall time also holds what other programs did on a busy machine. A thread
that holds the interpreter lock would not show in it, so a second thread looks every few milliseconds whether it gets
the lock, and says how long it did not, as far as this process was computing meanwhile. The stack is looked at by that
thread too.

The floor is a fixed piece of work like that of drawing, measured along the tour: where it takes longer than on the
machine for which the budget was set, because this one is slower or busier, a stall may take so much longer too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import shutil
import statistics
import sys
import tempfile
import threading
import time
from asyncio import events
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from textual.pilot import Pilot

from benchmarks.kills import SAMPLE
from benchmarks.shapes import calls
from traceview.annotation import Annotator
from traceview.definitions.project import load_project
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext

BUDGET = 0.050
FLOOR = 0.0080
"""Seconds that `floor` takes on the machine for which the budget was set, with nothing else to do."""
FLOOR_EVERY = 4
"""Keys after which it is measured again."""
WORK = 6_000
LOOK_SECONDS = 0.005
FRAMES = 9

TOUR = (
    *"jjkkp<>p", "f3", "j", "f2", "|", "escape", "V", "escape", "s", "S", "x", "x", "f", *"status:error", "enter",
    "f", "ctrl+u", "enter", "/", *"refund", "enter", "f", "ctrl+u", "enter", "f4", "j", "j", "p", "f6", "j", "m", "|",
    "escape", "f2", "enter", *"jjjj-+mmmeT$Di", "escape", "tab", "right", "right", "j", "-", "+", "right", "right",
    "z", "z", "/", *"the", "enter", "n", "n", "escape", "~", "&", *"a", "escape", "t", *"jj-+}{M", "/", *"you",
    "enter", "n", "escape", "a", "1", "u", "escape", "J", "K", "?", "j", "escape", ":", *"theme", "escape",
    "escape", "escape", "f2",
)  # fmt: skip
"""Every screen, folding, searching, typing a filter, annotating."""
LOADED_TOUR = (
    *"jjkkjjGg", "F", "f3", "j", "f2", *"ssS", "f", *"status:error", "enter", "f", "ctrl+u", "enter", "F",
    "f6", "j", "f2", "enter", *"jjJJKa1u", "escape", "t", *"jjJ", "escape", "escape", "F", *"jk",
)  # fmt: skip
"""Lists that change while they are read, groups, items and their neighbours, labels of one's own."""
PARTS, PART_TRACES = 12, 1_500
PARTS_AT_FIRST = 4
PART_SECONDS = 0.15
LABEL_SECONDS = 0.02
SIZES = ((80, 24), (200, 60), (40, 12), (120, 40))


@dataclass(slots=True)
class Stall:
    """One callback: processor seconds of the loop's thread, seconds of wall time, the key before, where it was.

    `at` is the time.time() at which it ended.
    """

    seconds: float
    wall: float
    key: str
    where: tuple[str, ...]
    at: float = field(default_factory=time.time)


@dataclass
class Loop:
    """What was seen of the loop so far."""

    key: str = ""
    stalls: list[Stall] = field(default_factory=list)
    held: list[Stall] = field(default_factory=list)
    """When another thread held the interpreter lock."""
    floors: list[float] = field(default_factory=list)
    """Seconds that `floor` took, along the tour."""
    _since: float = 0.0
    _stacks: dict[tuple[str, ...], int] = field(default_factory=dict)

    def look_at_floor(self) -> None:
        """Measure the floor, in a callback that is no stall of the app."""
        self.floors.append(floor())
        self._since = 0.0

    @property
    def budget(self) -> float:
        """The longest that a stall may be on this machine as it is now, in seconds."""
        return BUDGET * max(1.0, statistics.median(self.floors) / FLOOR)

    def worst(self, count: int) -> list[Stall]:
        """The longest ones."""
        return sorted(self.stalls, key=lambda one: -one.seconds)[:count]


def floor() -> float:
    """Processor seconds of a fixed piece of work: many small objects made, joined and looked up."""
    collecting = gc.isenabled()
    gc.disable()
    begin = time.thread_time()
    known: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for number in range(WORK):
        parts = [(f"cell {column}", column) for column in range(number % 7)]
        known.setdefault(("".join(text for text, _ in parts), number % 50), []).extend(parts)
    sorted(known)
    seconds = time.thread_time() - begin
    if collecting:
        gc.enable()
    return seconds


@contextmanager
def watched(least: float = 0.010) -> Iterator[Loop]:
    """Watch the event loop of this thread; callbacks shorter than `least` are not kept."""
    seen = Loop()
    original = events.Handle._run
    over, thread = threading.Event(), threading.get_ident()

    def timed(handle: Any) -> None:
        if threading.get_ident() != thread:
            original(handle)
            return
        seen._stacks = {}
        begin, cpu = time.perf_counter(), time.thread_time()
        seen._since = begin
        original(handle)
        measured, seen._since = not seen._since, 0.0
        used = time.thread_time() - cpu
        if used >= least and not measured:
            stacks = seen._stacks
            where = max(stacks, key=lambda one: stacks[one]) if stacks else ()
            seen.stalls.append(Stall(used, time.perf_counter() - begin, seen.key, where))

    def look() -> None:
        while not over.is_set():
            before, busy = time.perf_counter(), time.process_time()
            time.sleep(LOOK_SECONDS)
            late = time.perf_counter() - before - LOOK_SECONDS
            if late > BUDGET / 2:
                computed = time.process_time() - busy
                seen.held.append(Stall(min(late, computed), late, seen.key, ()))
            if seen._since and time.perf_counter() - seen._since > least:
                frame = sys._current_frames().get(thread)
                where = _where(frame)
                seen._stacks[where] = seen._stacks.get(where, 0) + 1

    watcher = threading.Thread(target=look, daemon=True)
    events.Handle._run = timed  # type: ignore[method-assign]
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        events.Handle._run = original  # type: ignore[method-assign]
        watcher.join()


def _where(frame: FrameType | None) -> tuple[str, ...]:
    """The innermost functions of a stack that are ours or of the libraries we draw with."""
    names: list[str] = []
    while frame is not None and len(names) < FRAMES:
        code = frame.f_code
        if "asyncio" not in code.co_filename:
            names.append(f"{Path(code.co_filename).stem}.{code.co_qualname}:{frame.f_lineno}")
        frame = frame.f_back
    return tuple(names)


async def _press(pilot: Pilot[None], keys: Sequence[str], seen: Loop) -> None:
    for number, key in enumerate(keys):
        if not number % FLOOR_EVERY:
            seen.look_at_floor()
            await asyncio.sleep(0)
        seen.key = key
        await pilot.press(key)
        await _settle(pilot, 3)


async def loaded_tour(app: TraceviewApp, seen: Loop, over: Callable[[], bool]) -> None:
    """Walk through the app while others write, until that is over; at least once."""
    async with app.run_test(size=SIZES[-1]) as pilot:
        await _settle(pilot, 10)
        while True:
            await _press(pilot, LOADED_TOUR, seen)
            if over():
                break
        seen.key = "leaving"


async def tour(app: TraceviewApp, seen: Loop) -> None:
    """Walk through the app, in several sizes and themes."""
    async with app.run_test(size=SIZES[-1]) as pilot:
        await _settle(pilot, 40)
        await _press(pilot, TOUR, seen)
        for width, height in SIZES:
            seen.key = f"resized to {width}x{height}"
            await pilot.resize_terminal(width, height)
            await _settle(pilot, 10)
        for name in list(app.available_themes)[-4:]:
            seen.key = f"theme {name}"
            app.theme = name
            await _settle(pilot, 10)
        seen.key = "leaving"


async def _settle(pilot: Pilot[None], turns: int) -> None:
    for _ in range(turns):
        await pilot.pause(0.005)


def measure(folder: Path) -> Loop:
    """The tour on a copy of the sample data, begun while its index is being built."""
    for name in ("traces.parquet", "traceview.toml"):
        shutil.copyfile(SAMPLE / name, folder / name)
    source = folder / "traces.parquet"
    project = load_project(folder / "traceview.toml", [source])
    store = LabelStore.open(folder / "traces.labels.db")
    engine = open_engine((str(source),), labels=store)
    try:
        annotator = Annotator(store, project.definitions, "bench@example.com")
        app = TraceviewApp(
            AppContext(engine, annotator, project.definitions, "bench@example.com", source.name, "labels")
        )
        with watched() as seen:
            asyncio.run(tour(app, seen))
        return seen
    finally:
        engine.close()
        store.close()


def measure_loaded(folder: Path) -> Loop:
    """A tour on a store that grows by an import while it is indexed, and whose labels a judge writes."""
    store, coming = folder / "store", folder / "coming"
    for directory in (store, coming):
        directory.mkdir()
    _write_parts(store, coming)
    (folder / "traceview.toml").write_text(DEFINITION, encoding="utf-8")
    project = load_project(folder / "traceview.toml", [store])
    path = folder / "store.labels.db"
    labels = LabelStore.open(path)
    engine = open_engine((str(store),), labels=labels)
    left = threading.Event()
    others = [
        threading.Thread(target=_import, args=(store, coming, left)),
        threading.Thread(target=_judge, args=(path, left)),
    ]
    try:
        annotator = Annotator(labels, project.definitions, "bench@example.com")
        app = TraceviewApp(
            AppContext(engine, annotator, project.definitions, "bench@example.com", store.name, "labels")
        )
        with watched() as seen:
            for other in others:
                other.start()

            def over() -> bool:
                return not others[0].is_alive() and engine.status().spans == PARTS * PART_TRACES * 3

            asyncio.run(loaded_tour(app, seen, over))
        return seen
    finally:
        left.set()
        for other in others:
            other.join()
        engine.close()
        labels.close()


DEFINITION = """[feedback.grounded]
type = "boolean"
scope = "trace"
pass_means = "It holds."
fail_means = "It does not."
required = true
"""


def _write_parts(store: Path, coming: Path) -> None:
    """Parts of traces, each later than the one before: some in the store, the others beside it."""
    import duckdb

    whole = coming / "whole.parquet"
    calls(whole, PARTS * PART_TRACES)
    for number in range(PARTS):
        folder = store if number < PARTS_AT_FIRST else coming
        duckdb.execute(
            f"COPY (SELECT * FROM '{whole}' WHERE split_part(trace_id, '-', 2)::INT // {PART_TRACES} = {number} "
            f"ORDER BY start_time) TO '{folder}/part-{number:02}.parquet' (FORMAT parquet)"
        )
    whole.unlink()


def _import(store: Path, coming: Path, left: threading.Event) -> None:
    """Have one part after the other appear in the store."""
    for part in sorted(coming.iterdir()):
        if left.wait(PART_SECONDS):
            return
        part.rename(store / part.name)


def _judge(path: Path, left: threading.Event) -> None:
    """Write verdicts as a judge does, a few at a time, until the app is left."""
    from traceview.model.labels import LabelRow, Target

    writer = LabelStore.open(path)
    number = 0
    try:
        while not left.wait(LABEL_SECONDS):
            trace = f"trace-{PARTS_AT_FIRST * PART_TRACES - 1 - number % PART_TRACES}"
            target = Target("trace", trace, trace)
            writer.append_now(
                [
                    LabelRow(
                        "",
                        target,
                        "grounded",
                        bool(number % 3),
                        "judge",
                        "judge-1",
                        "2026-11-01T00:00:00.000000Z",
                    )
                ]
            )
            number += 1
    finally:
        writer.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worst", type=int, default=10)
    parser.add_argument("--loaded", action="store_true", help="while an import and a judge write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        seen = (measure_loaded if options.loaded else measure)(Path(directory))
    what = f"{len(TOUR)} keys, {len(SIZES)} sizes, 4 themes"
    if options.loaded:
        what = f"{len(LOADED_TOUR)} keys while an index is built, an import and a judge write"
    print(
        f"{what}; budget {BUDGET * 1000:.0f} ms of the loop's thread,"
        f" here {seen.budget * 1000:.0f} (floor {statistics.median(seen.floors) * 1000:.1f} ms,"
        f" on the machine of the budget {FLOOR * 1000:.1f})"
    )
    for one in seen.worst(options.worst):
        print(f"{one.seconds * 1000:6.1f} ms (wall {one.wall * 1000:6.1f}) at {one.key!r}")
        print("".join(f"           {place}\n" for place in one.where), end="")
    held = max(seen.held, key=lambda one: one.seconds, default=None)
    if held is not None:
        print(
            f"interpreter lock held {held.seconds * 1000:.0f} ms (wall {held.wall * 1000:.0f}) at {held.key!r}"
        )


if __name__ == "__main__":
    main()
