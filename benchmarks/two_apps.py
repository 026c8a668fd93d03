"""Two apps label one file at the same time: what is lost, and how soon a list shows the other's label.

Usage: python -m benchmarks.two_apps [--rounds 10]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.app import environment
from benchmarks.kills import TRACES, Outcome, label, open_item, sample_copy, stored_labels
from benchmarks.terminal import Terminal

ANNOTATORS = ("ana@example.com", "ben@example.com")


def label_together(rounds: int) -> tuple[Outcome, ...]:
    """Both apps on the same trace, a key to each in turn without waiting for the first."""
    with tempfile.TemporaryDirectory() as home:
        source = sample_copy(Path(home))
        env = environment(home)
        said: tuple[list[tuple[str, str]], ...] = ([], [])
        with (
            open_item(source, env | {"TRACEVIEW_ANNOTATOR": ANNOTATORS[0]}) as one,
            open_item(source, env | {"TRACEVIEW_ANNOTATOR": ANNOTATORS[1]}) as two,
        ):
            for number in range(rounds):
                key = "12"[number % 2]
                two.press(key)
                said[0].append(label(one, key))
                said[1].append(label(two, "21"[number % 2]))
        stored = [stored_labels(source.with_name("traces.labels.db"), annotator) for annotator in ANNOTATORS]
    # The second app got two keys a round and was waited for after the second: the last one said is checked.
    return (Outcome(tuple(said[0]), stored[0]), Outcome(tuple(said[1]), stored[1][1::2]))


def arrivals(rounds: int) -> tuple[float, ...]:
    """Seconds from the one's "saved" to a change in the other's list, which nobody touches."""
    with tempfile.TemporaryDirectory() as home:
        source = sample_copy(Path(home))
        env = environment(home)
        command = [sys.executable, "-m", "traceview.cli.main", "open", str(source)]
        found = []
        with (
            # wide enough for the columns of all scores
            Terminal(
                command, columns=220, env=env | {"TRACEVIEW_ANNOTATOR": ANNOTATORS[0]}, cwd=home
            ) as watching,
            open_item(source, env | {"TRACEVIEW_ANNOTATOR": ANNOTATORS[1]}) as labelling,
        ):
            watching.wait_for(TRACES, 60)
            for number in range(rounds):
                watching.settle(1.0)
                before = watching.text
                label(labelling, "12"[number % 2])
                saved = time.perf_counter()
                found.append(watching.wait(lambda one, before=before: one.text != before, 20) - saved)
        return tuple(found)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    outcomes = label_together(options.rounds)
    seconds = arrivals(min(options.rounds, 6))
    acknowledged = sum(len(one.acknowledged) for one in outcomes)
    print(f"{acknowledged} labels acknowledged by two apps, {sum(one.lost for one in outcomes)} lost")
    print(
        f"the other list shows a label after {statistics.median(seconds):.2f} s (median), {max(seconds):.2f} s (max)"
    )


if __name__ == "__main__":
    main()
