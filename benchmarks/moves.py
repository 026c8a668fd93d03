"""Counts the bytes that a cursor move writes on every screen, in a real terminal on the sample data.

Usage: python -m benchmarks.moves [--columns 120] [--rows 40] [--keys 12]

Two numbers for a move: what is written at once (the cursor, the bars beside it), and what follows once the cursor
rests (the preview, the detail of the row): that is written once however many keys were pressed before.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.app import environment
from benchmarks.kills import TRACES, sample_copy
from benchmarks.terminal import Terminal

BUDGET = 2048
AT_ONCE = 0.06
"""Seconds without a byte after which what comes is taken for what follows a cursor that rests."""
FOLLOWS = 0.3
LONGEST = 1.5
DOWN = "\x1b[B"

SCREENS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("traces", (), "j"),
    ("traces, without preview", ("p",), "j"),
    ("threads", ("p", "\x1bOR"), "j"),
    ("prompts", ("\x1bOS",), "j"),
    ("stats", ("\x1b[17~",), "j"),
    ("tree", ("\x1bOQ", "\r"), "j"),
    ("detail", ("\t",), "j"),
    ("detail, whole screen", ("z",), "j"),
    ("transcript", ("z", "t"), "j"),
    ("palette", (":",), DOWN),
    ("help", ("\x1b", "?"), "j"),
)
"""Name, the keys that lead there from the screen before, and the key that moves."""


@dataclass(frozen=True, slots=True)
class Moves:
    """What the moves on one screen wrote, in bytes a move."""

    screen: str
    at_once: tuple[int, ...]
    after: tuple[int, ...]


def calm(terminal: Terminal, quiet: float) -> int:
    """Read until nothing comes for so long (a blinking cursor never ends); the bytes."""
    before, end = terminal.received, time.perf_counter() + LONGEST
    while time.perf_counter() < end and terminal.read(quiet):
        pass
    return terminal.received - before


def moves(columns: int, rows: int, keys: int) -> Iterator[Moves]:
    """Walk through all screens and move on each."""
    with tempfile.TemporaryDirectory() as directory:
        source = sample_copy(Path(directory))
        command = [sys.executable, "-m", "traceview.cli.main", str(source)]
        with Terminal(
            command, columns=columns, rows=rows, env=environment(directory), cwd=directory
        ) as terminal:
            terminal.wait_for(TRACES.split(" ", maxsplit=1)[0], 60)
            calm(terminal, 1.0)
            for name, way, key in SCREENS:
                for step in way:
                    terminal.press(step)
                    calm(terminal, 0.7)
                at_once, after = [], []
                for _ in range(keys):
                    before = terminal.received
                    terminal.press(key)
                    terminal.read(0.5)
                    calm(terminal, AT_ONCE)
                    at_once.append(terminal.received - before)
                    after.append(calm(terminal, FOLLOWS))
                yield Moves(name, tuple(at_once), tuple(after))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--keys", type=int, default=12)
    options = parser.parse_args()
    print(
        f"{options.columns}x{options.rows}, at most {BUDGET:,} bytes a move\n"
        f"{'screen':<26}{'at once':>18}{'at rest':>18}"
    )
    print(f"{'':<26}{'median':>9}{'max':>9}{'median':>9}{'max':>9}")
    for one in moves(options.columns, options.rows, options.keys):
        cells = [
            figure
            for written in (one.at_once, one.after)
            for figure in (sorted(written)[len(written) // 2], max(written))
        ]
        print(f"{one.screen:<26}" + "".join(f"{figure:>9,}" for figure in cells), flush=True)


if __name__ == "__main__":
    main()
