"""The keys of the app while a model judge works: time to paint, and the longest stall of the event loop.

Usage: python -m benchmarks.judging_keys [--keys 60] [--seconds 0.2]

The sample data in a real terminal, a judge over all of its 1,800 traces against a fake server that takes 200 ms, 64
calls in flight. Cursor keys in the list of traces, first with nothing else going on, then while the run is on; scores
come into the list meanwhile. The fake server lets the others go first: a real endpoint is on no machine of ours. Exit
code 1 if a stall is longer than its budget, or a key more than the budget later than without the run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.app import cursor_keys, environment, key_figures, p95
from benchmarks.judge_runs import KEY, a_server
from benchmarks.kills import TRACES, sample_copy
from benchmarks.stalls import BUDGET, FLOOR
from benchmarks.terminal import Terminal

MOST_LATER = 0.050
JUDGE = """
metric = "grounded"
kind = "llm"
[model]
id = "claude-haiku-4-5"
[variables]
answer = { path = "trace.output.text", on_missing = "empty" }
[prompt]
system = "You check whether the links of an answer come from a search."
user = "{{answer}}"
"""


def measure(keys: int, seconds: float) -> dict[str, float]:
    """The figures, in seconds; `calls` is how many calls were made while keys were pressed."""
    with a_server("--seconds", str(seconds), nice=19) as server, tempfile.TemporaryDirectory() as directory:
        source = sample_copy(Path(directory))
        (source.parent / "judges").mkdir()
        (source.parent / "judges" / "model.toml").write_text(JUDGE)
        told = Path(directory, "stalls.json")
        env = environment(directory) | {
            "ANTHROPIC_BASE_URL": server.url,
            "ANTHROPIC_API_KEY": KEY,
            "PYTHONPATH": os.pathsep.join((str(Path.cwd()), os.environ.get("PYTHONPATH", ""))),
        }
        command = [sys.executable, "-m", "benchmarks.watched", str(told), "open", str(source)]
        with Terminal(command, env=env, cwd=directory) as terminal:
            terminal.wait_for(TRACES, 60)
            terminal.settle(1.0)
            quiet, _ = key_figures(terminal, cursor_keys(keys))
            began = time.time()
            terminal.press("P")
            terminal.wait_for("which judge", 30)
            terminal.press("\r")
            terminal.wait_for("before anything is sent", 120)
            terminal.press("y")
            terminal.wait_for("up to $", 60)
            before = server.figures()["calls"]
            during, _ = key_figures(terminal, cursor_keys(keys))
            calls, ended = server.figures()["calls"] - before, time.time()
            terminal.press("\x11")
            terminal.settle(0.3)
            terminal.press("s")
            terminal.process.wait()
        watched = json.loads(told.read_text())
    floor = statistics.median(watched["floors"])
    stalls = [one for one in watched["stalls"] if began <= one["at"] <= ended]
    held = [one for one in watched["held"] if began <= one["at"] <= ended]
    for one in sorted(stalls, key=lambda one: -one["seconds"])[:3]:
        print(f"{one['seconds'] * 1000:.0f} ms in {' < '.join(one['where'][:4])}", file=sys.stderr)
    return {
        "key p50, nothing else": statistics.median(quiet),
        "key p50, judging": statistics.median(during),
        "key p95, nothing else": p95(quiet),
        "key p95, judging": p95(during),
        "longest stall": max((one["seconds"] for one in stalls), default=0.0),
        "longest lock by others": max((one["seconds"] for one in held), default=0.0),
        "stall budget here": BUDGET * max(1.0, floor / FLOOR),
        "calls": calls,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    found = measure(options.keys, options.seconds)
    for name, value in found.items():
        print(f"{name:<26}{value:>10,.0f}" if name == "calls" else f"{name:<26}{value * 1000:>7.1f} ms")
    later = found["key p95, judging"] - found["key p95, nothing else"]
    stalled = max(found["longest stall"], found["longest lock by others"]) > found["stall budget here"]
    sys.exit(int(later > MOST_LATER or stalled or not found["calls"]))


if __name__ == "__main__":
    main()
