"""Measures the longest stalls of the app's event loop over a tour of every screen, and what ran then.

Usage: python -m benchmarks.stalls [--worst 10]

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from textual.pilot import Pilot

from benchmarks.kills import SAMPLE
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


async def tour(app: TraceviewApp, seen: Loop) -> None:
    """Walk through the app, in several sizes and themes."""
    async with app.run_test(size=SIZES[-1]) as pilot:
        await _settle(pilot, 40)
        for number, key in enumerate(TOUR):
            if not number % FLOOR_EVERY:
                seen.look_at_floor()
                await asyncio.sleep(0)
            seen.key = key
            await pilot.press(key)
            await _settle(pilot, 3)
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worst", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        seen = measure(Path(directory))
    print(
        f"{len(TOUR)} keys, {len(SIZES)} sizes, 4 themes; budget {BUDGET * 1000:.0f} ms of the loop's thread,"
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
