"""Runs the app behind a slow link and prints how long each action takes until the screen is quiet, and its bytes.

Usage: python -m benchmarks.slow_link [--delay 0.2] [--rate 10000]

The delay is the whole way of a key and its answer; the rate is bytes a second. What the link has not taken waits in
the pseudo-terminal, so the app is held up as it would be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.app import environment
from benchmarks.kills import TRACES, sample_copy
from benchmarks.terminal import Terminal

LONGEST = 20.0
QUIET = 0.4
MOVE, OPEN = 1.5, 5.0
TOUR = (
    ("cursor down", "j", MOVE), ("cursor down", "j", MOVE), ("page down", "\x1b[6~", OPEN), ("threads", "\x1bOR", OPEN),
    ("cursor down", "j", MOVE), ("prompts", "\x1bOS", OPEN), ("cursor down", "j", MOVE), ("stats", "\x1b[17~", OPEN),
    ("cursor down", "j", MOVE), ("traces", "\x1bOQ", OPEN), ("open a trace", "\r", OPEN), ("cursor down", "j", MOVE),
    ("cursor down", "j", MOVE), ("to the detail", "\t", OPEN), ("line down", "j", MOVE),
    ("next section", "\x1b[C", OPEN),
    ("transcript", "t", OPEN), ("cursor down", "j", MOVE), ("cursor down", "j", MOVE), ("next turn", "}", OPEN),
    ("help", "?", OPEN), ("line down", "j", MOVE), ("close", "\x1b", OPEN), ("palette", ":", OPEN),
    ("close", "\x1b", OPEN), ("annotate", "a", OPEN), ("label", "1", MOVE), ("back", "\x1b", OPEN),
)  # fmt: skip
"""What is done, the keys, and within how many seconds it is still pleasant."""


class SlowTerminal(Terminal):
    """Takes what the process writes at a rate."""

    rate = 10_000.0

    def read(self, seconds: float) -> bool:
        """Take a little, and as long as the link needs for it."""
        before = self.received
        found = super().read(seconds)
        time.sleep((self.received - before) / self.rate)
        return found

    def settled(self) -> tuple[float, int]:
        """Seconds until nothing more came, and bytes."""
        begin, before = time.perf_counter(), self.received
        last = begin
        while time.perf_counter() - begin < LONGEST and self.read(QUIET):
            last = time.perf_counter()
        return last - begin, self.received - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=10_000)
    options = parser.parse_args()
    SlowTerminal.rate = options.rate
    with tempfile.TemporaryDirectory() as directory:
        source = sample_copy(Path(directory))
        command = [sys.executable, "-m", "traceview.cli.main", str(source)]
        env = environment(directory)
        with SlowTerminal(command, env=env, cwd=directory) as terminal:
            shown = terminal.wait_for(TRACES, 60) - terminal.started + options.delay
            terminal.settled()
            print(f"{options.delay * 1000:.0f} ms, {options.rate / 1000:.0f} KB/s, 120x40, quiet after")
            print(f"{'first rows':<18}{shown:>7.2f} s {terminal.received:>8,} bytes")
            for name, key, pleasant in TOUR:
                terminal.press(key)
                seconds, octets = terminal.settled()
                seconds += options.delay
                over = f"   over {pleasant} s" if seconds > pleasant else ""
                print(f"{name:<18}{seconds:>7.2f} s {octets:>8,} bytes{over}", flush=True)


if __name__ == "__main__":
    main()
