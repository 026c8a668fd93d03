"""Counts the bytes of every frame that a cursor move paints, on every screen, in this process on the sample data.

Usage: python -m benchmarks.painted [--columns 120] [--rows 40] [--show 1500]

Each walk is made twice. First nothing follows the cursor however long it rests: all frames of a key are what the key
did. Then what follows (the preview, the detail of the row) follows at once: each frame is written before a key that
comes meanwhile, so none may be too long. Half of the moves scroll. `benchmarks.moves` counts what a terminal receives.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.color import ColorSystem
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from benchmarks.kills import SAMPLE
from benchmarks.moves import BUDGET
from traceview.store.open import open_engine
from traceview.tui.app import TraceviewApp
from traceview.tui.context import AppContext
from traceview.tui.painted_app import PART_BYTES
from traceview.tui.painting import Frame, Painted
from traceview.tui.panels import preview, section_pane
from traceview.tui.screens import prompts, trace_panes

AROUND = len("\x1b[?2026h" + "\x1b[40;120H" + "\x1b[?2026l")
"""Bytes that textual writes around a frame: a synchronised update, and where the cursor goes."""
PAUSES = (
    (preview, "PREVIEW_PAUSE"),
    (trace_panes, "FOLLOW_SECONDS"),
    (prompts, "PREVIEW_PAUSE"),
    (section_pane, "PAYLOAD_DELAY"),
)
"""How long the cursor rests before something follows it."""
NEVER, AT_ONCE = 1e6, 0.001
TURN_SECONDS = 0.01
CALM_TURNS = 3
MOVES = 3

MANY, LONG = "spans>2000", "spans>20 spans<29"
WALKS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("traces", "", (), "j"),
    ("traces, without preview", "", ("p",), "j"),
    ("threads", "", ("p", "f3"), "j"),
    ("prompts", "", ("f4",), "j"),
    ("stats", "", ("f6",), "j"),
    ("transcript", "", ("f2", "enter", "t"), "j"),
    ("palette", "", ("escape", ":"), "down"),
    ("help", "", ("escape", "?"), "j"),
    ("tree", MANY, ("enter", "+"), "j"),
    ("tree, much to read", LONG, ("enter", "+"), "j"),
    ("detail", LONG, ("tab",), "j"),
    ("detail, whole screen", LONG, ("z",), "j"),
    ("transcript, much to read", LONG, ("z", "t"), "j"),
)
"""Name, filter of the list, the keys that lead there from the screen before, and the key that moves."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The bytes of the frames of each move on one screen."""

    screen: str
    at_once: tuple[tuple[int, ...], ...]
    with_rest: tuple[tuple[int, ...], ...]
    """With what follows a cursor that rests, in parts."""


class Metered(TraceviewApp):
    """Keeps what each frame would write to a terminal with all colours."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.painted = Painted(erases=True)
        self.frames: list[str] = []

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate) and self._running and not self._batch_count:
            self.console._color_system = ColorSystem.TRUECOLOR
            at_most = PART_BYTES if self._cursor_rests else None
            written = Frame(renderable, self.painted, self.size, at_most).render_segments(self.console)
            if written:
                self.frames.append(written)
        super()._display(screen, None)


@contextmanager
def resting(seconds: float) -> Iterator[None]:
    """Let things follow the cursor after so many seconds."""
    patches = [patch.object(module, name, seconds) for module, name in PAUSES]
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


async def calm(pilot: Pilot[None], app: Metered) -> None:
    """Wait until nothing is asked or painted any more."""
    turns, seen = 0, -1
    while turns < CALM_TURNS:
        await pilot.pause(TURN_SECONDS)
        busy = app.painted.owes or any(worker.is_running for worker in app.workers)
        turns = 0 if busy or len(app.frames) != seen else turns + 1
        seen = len(app.frames)


async def walk(
    app: Metered, filter_text: str, size: tuple[int, int], seconds: float
) -> dict[str, list[list[str]]]:
    """The frames of each move of the walks with one filter."""
    found: dict[str, list[list[str]]] = {}
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.3)
        await calm(pilot, app)
        for name, filtered, way, key in WALKS:
            if filtered != filter_text:
                continue
            for step in way:
                await pilot.press(step)
                await calm(pilot, app)
            found[name] = moved = []
            with resting(seconds):
                for turn in range(2):
                    for _ in range(MOVES):
                        app.frames.clear()
                        await pilot.press(key)
                        await calm(pilot, app)
                        moved.append(app.frames.copy())
                    if not turn:
                        # The cursor stands at the lower edge now: the next moves scroll.
                        await pilot.press("pagedown")
                        await calm(pilot, app)
    return found


def walked(columns: int, rows: int) -> Iterator[tuple[Walk, list[list[str]]]]:
    """All walks, with the frames themselves."""
    with tempfile.TemporaryDirectory() as directory:
        source = Path(directory, "traces.parquet")
        shutil.copyfile(SAMPLE / source.name, source)
        engine = open_engine((str(source),))
        engine.wait_ready()
        try:
            for filter_text in dict.fromkeys(filtered for _, filtered, _, _ in WALKS):
                passes = []
                for seconds in (NEVER, AT_ONCE):
                    context = AppContext(
                        engine, None, (), "bench", source.name, "", initial_filter=filter_text
                    )
                    passes.append(asyncio.run(walk(Metered(context), filter_text, (columns, rows), seconds)))
                for name, at_once in passes[0].items():
                    with_rest = passes[1][name]
                    yield Walk(name, _sizes(at_once), _sizes(with_rest)), [*at_once, *with_rest]
        finally:
            engine.close()


def _sizes(moves: Sequence[Sequence[str]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(len(frame.encode()) + AROUND for frame in frames) for frames in moves)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--show", type=int, help="show frames of more bytes than this")
    options = parser.parse_args()
    print(
        f"{options.columns}x{options.rows}, {2 * MOVES} moves on each screen, at most {BUDGET:,} bytes each\n"
        f"{'screen':<26}{'at once':>18}{'at rest, in all':>18}{'a part':>9}\n"
        f"{'':<26}{'median':>9}{'max':>9}{'median':>9}{'max':>9}{'max':>9}"
    )
    for one, frames in walked(options.columns, options.rows):
        at_once = sorted(sum(move) for move in one.at_once)
        rest = sorted(sum(both) - sum(move) for move, both in zip(one.at_once, one.with_rest, strict=True))
        part = max((size for move in one.with_rest for size in move), default=0)
        figures = (
            at_once[len(at_once) // 2],
            at_once[-1],
            max(0, rest[len(rest) // 2]),
            max(0, rest[-1]),
            part,
        )
        print(f"{one.screen:<26}" + "".join(f"{figure:>9,}" for figure in figures), flush=True)
        for frame in (frame for move in frames for frame in move):
            if options.show is not None and len(frame.encode()) > options.show:
                print(f"  {len(frame.encode()):,} {frame!r}")


if __name__ == "__main__":
    main()
