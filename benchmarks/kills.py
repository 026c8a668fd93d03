"""Kills the app (SIGKILL) while it labels and counts acknowledged labels that are not in the file.

Usage: python -m benchmarks.kills [--kills 50] [--seed 1]

A label counts as acknowledged once "saved ✓" with its name and value stood on the screen.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.app import environment
from benchmarks.terminal import Terminal
from traceview.store.labels.store import LabelStore

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data"
SAVED = re.compile(r"saved ✓ (\S+) = (pass|fail)")
TRACES = "1,800 of 1,800"


@dataclass(frozen=True)
class Outcome:
    """What one life of the app acknowledged, and what its label file holds of that annotator, in order."""

    acknowledged: tuple[tuple[str, str], ...]
    stored: tuple[tuple[str, str], ...]

    @property
    def lost(self) -> int:
        """Acknowledged labels that are not in the file, in their order."""
        return sum(one != two for one, two in zip(self.acknowledged, self.stored, strict=False)) + max(
            0, len(self.acknowledged) - len(self.stored)
        )


def sample_copy(directory: Path) -> Path:
    """The sample traces and definitions in a directory of their own; the traces' path."""
    for name in ("traces.parquet", "traceview.toml"):
        shutil.copyfile(SAMPLE / name, directory / name)
    return directory / "traces.parquet"


def open_item(source: Path, env: dict[str, str]) -> Terminal:
    """The app on a source with the annotate panel open on the first trace."""
    terminal = Terminal(
        [sys.executable, "-m", "traceview.cli.main", "open", str(source)], env=env, cwd=str(source.parent)
    )
    terminal.wait_for(TRACES, 60)
    terminal.press("\r")
    terminal.wait_for("Esc back", 60)
    terminal.press("a")
    terminal.wait_for("c note", 60)
    return terminal


def acknowledged(terminal: Terminal) -> tuple[str, str] | None:
    """The label that the screen says is saved."""
    found = SAVED.search(terminal.text)
    return (found[1], found[2]) if found else None


def label(terminal: Terminal, key: str) -> tuple[str, str]:
    """Press pass (1) or fail (2) and wait until the screen says that it is saved and shows what comes next."""
    wanted = "pass" if key == "1" else "fail"
    terminal.press(key)
    terminal.wait(lambda one: (acknowledged(one) or ("", ""))[1] == wanted, 30)
    said = acknowledged(terminal)
    assert said is not None
    terminal.settle(0.15)
    return said


def stored_labels(path: Path, annotator: str) -> tuple[tuple[str, str], ...]:
    """Name and value of every label that was set in this annotator's name, in the order of the file."""
    store = LabelStore.open(path)
    try:
        return tuple(
            (row.name, "pass" if row.value else "fail")
            for row in store.history()
            if row.annotator == annotator and row.op == "set"
        )
    finally:
        store.close()


def kill_once(random_source: random.Random) -> Outcome:
    """Label with alternating values and kill the app at a random moment after a random key."""
    with tempfile.TemporaryDirectory() as home:
        source = sample_copy(Path(home))
        env = environment(home)
        said: list[tuple[str, str]] = []
        with open_item(source, env) as terminal:
            before_last = random_source.randrange(1, 8)
            for number in range(before_last):
                said.append(label(terminal, "12"[number % 2]))
            terminal.press("12"[before_last % 2])
            time.sleep(random_source.uniform(0, 0.03))
            terminal.kill()
            last = acknowledged(terminal)
            if last is not None and last != said[-1]:
                said.append(last)
        return Outcome(
            tuple(said),
            stored_labels(source.with_name("traces.labels.db"), env["TRACEVIEW_ANNOTATOR"]),
        )


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random_source = random.Random(options.seed)
    outcomes = [kill_once(random_source) for _ in range(options.kills)]
    print(
        f"{len(outcomes)} kills, {sum(len(one.acknowledged) for one in outcomes):,} labels acknowledged, "
        f"{sum(len(one.stored) for one in outcomes):,} stored, {sum(one.lost for one in outcomes):,} lost"
    )


if __name__ == "__main__":
    main()
