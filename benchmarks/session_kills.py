"""Kills the app (SIGKILL) in the middle of an annotation session, and inside of bulk actions.

Usage: python -m benchmarks.session_kills [--kills 100] [--bulk 20] [--seed 1]

Every item takes one value, so that the session must always stand at the item behind as many as the file has values,
whatever the killed app had on its screen. A label counts as acknowledged once the next item was on the screen. A bulk
action must be there whole or not at all. Exit code 1 if anything was lost or a session stood elsewhere.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.app import environment
from benchmarks.kills import TRACES, sample_copy
from benchmarks.terminal import Terminal
from traceview.store.labels.store import LabelStore

ITEMS = 600
PLACE = re.compile(r"([\d,]+) of ([\d,]+) · ([\d,]+) labelled")
VALUES = "120"
BULK = 1_800


@dataclass
class Tally:
    """What was seen over all lives of the app."""

    kills: int = 0
    acknowledged: int = 0
    elsewhere: list[str] = field(default_factory=list)
    """Sessions that stood at another item than they should."""


def place(terminal: Terminal) -> int | None:
    """The number of the item on the screen, None while none is there."""
    found = PLACE.search(terminal.text)
    return int(found[1].replace(",", "")) if found else None


def open_session(source: Path, env: dict[str, str]) -> Terminal:
    """The app in the session, its item on the screen."""
    command = [sys.executable, "-m", "traceview.cli.main", "annotate", str(source)]
    command += ["--sample", f"random:{ITEMS}", "--define", "grounded", "--name", "kills"]
    terminal = Terminal(command, env=env, cwd=str(source.parent))
    terminal.wait(lambda one: place(one) is not None and "grounded" in one.text, 60)
    terminal.settle(0.15)
    return terminal


def live_once(source: Path, env: dict[str, str], chance: random.Random, tally: Tally) -> None:
    """Open the session, look where it stands, label some items and kill it."""
    due = stored(source) + 1
    with open_session(source, env) as terminal:
        here = place(terminal)
        if here != due:
            tally.elsewhere.append(f"stood at {here}, should stand at {due}")
        for _ in range(chance.randrange(0, 5)):
            before = place(terminal)
            terminal.press(chance.choice(VALUES))
            terminal.wait(lambda one, before=before: place(one) not in (None, before), 30)
            tally.acknowledged += 1
        shown = place(terminal)
        terminal.press(chance.choice(VALUES))
        time.sleep(chance.uniform(0, 0.04))
        terminal.kill()
        tally.kills += 1
        last = place(terminal)
        # Once the next item was painted the label had been called saved.
        tally.acknowledged += last is not None and shown is not None and last > shown


def stored(source: Path) -> int:
    """How many values were ever written to the file."""
    store = LabelStore.open(source.with_name("traces.labels.db"), readonly=True)
    try:
        return sum(row.op == "set" for row in store.history())
    finally:
        store.close()


def sessions(kills: int, chance: random.Random) -> bool:
    """Kill a session again and again; True if nothing was lost and it always stood where it should."""
    with tempfile.TemporaryDirectory() as home:
        source = sample_copy(Path(home))
        env = environment(home)
        tally = Tally()
        for _ in range(kills):
            live_once(source, env, chance, tally)
        held = stored(source)
    missing = max(0, tally.acknowledged - held)
    print(
        f"{tally.kills} kills in a session: {tally.acknowledged:,} labels acknowledged, {held:,} stored, "
        f"{missing:,} lost; resumed elsewhere {len(tally.elsewhere):,} times"
    )
    for line in tally.elsewhere:
        print(f"  {line}")
    return not missing and not tally.elsewhere


def bulk(kills: int, chance: random.Random) -> bool:
    """Kill the app inside of a bulk action over all traces; True if it was always whole or not there."""
    counts = []
    for _ in range(kills):
        with tempfile.TemporaryDirectory() as home:
            source = sample_copy(Path(home))
            command = [sys.executable, "-m", "traceview.cli.main", "open", str(source)]
            with Terminal(command, env=environment(home), cwd=str(source.parent)) as terminal:
                terminal.wait_for(TRACES, 60)
                terminal.press("X")
                terminal.wait_for(f"{BULK:,} marked", 30)
                terminal.press("a")
                terminal.wait_for("at once", 30)
                terminal.settle(0.15)
                terminal.press("1")
                time.sleep(chance.uniform(0, 0.15))
                terminal.kill()
            counts.append(stored(source))
    whole, none = sum(count == BULK for count in counts), sum(count == 0 for count in counts)
    torn = len(counts) - whole - none
    print(f"{len(counts)} kills in a bulk action of {BULK:,}: {whole} whole, {none} not at all, {torn} torn")
    return whole + none == len(counts)


def main() -> None:
    """Kill and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--bulk", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    good = [sessions(options.kills, chance), bulk(options.bulk, chance)]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
