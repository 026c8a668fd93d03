"""Opens the shapes of `benchmarks.shapes` in a real terminal and prints what every step took, beside its budget.

Usage: python -m benchmarks.big_shapes FOLDER [SHAPE ...] [--keys 40]
       python -m benchmarks.big_shapes FOLDER --file PATH [--home DIRECTORY]

A line per step: seconds from its keys to what it waits for; the 95th percentile of cursor keys behind it, and the most
bytes that one wrote; the longest stall of the event loop in it (processor time of the loop's thread); the memory of
the app behind it, and its highest in it. The floor for keys is the echo of `cat` in the same pseudo-terminal, that for
stalls is the one of `benchmarks.stalls`. At the end the highest memory of the app, its budget, and where the longest
stalls were.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import shapes
from benchmarks.app import environment, p95
from benchmarks.stalls import FLOOR
from benchmarks.terminal import Terminal
from benchmarks.tree import echo

Seen = Callable[[Terminal], bool]

THREADS, PROMPTS, STATS = "\x1bOR", "\x1bOS", "\x1b[17~"
DOWN, ESCAPE, TAB, ENTER, CLEAR = "\x1b[B", "\x1b", "\t", "\r", "\x15"
STALL, MEMORY, KEY_BYTES = 0.050, 500.0, 2048
QUIET = 0.4
TYPED = 0.08
AT_ONCE = 0.06
"""Seconds without a byte after which what comes is taken for what follows a cursor that rests."""


def says(*patterns: str) -> Seen:
    """The screen has all of these regular expressions."""
    compiled = [re.compile(one) for one in patterns]
    return lambda terminal: all(one.search(terminal.text) for one in compiled)


def no_longer(*patterns: str) -> Seen:
    """The screen has none of these regular expressions."""
    compiled = [re.compile(one) for one in patterns]
    return lambda terminal: not any(one.search(terminal.text) for one in compiled)


@dataclass(frozen=True, slots=True)
class Step:
    """Keys, what is waited for behind the last of them, and the keys that are measured then.

    Without `until` it is the next paint. `least` keys of the moving kind are pressed with `moves`.
    """

    name: str
    keys: Sequence[str] = ""
    until: Seen | None = None
    moves: Sequence[str] = ""
    budget: float | None = None
    walks: bool = False
    """The moving keys walk from item to item: what they write has no budget of bytes."""


@dataclass(slots=True)
class Figure:
    """What a step took. Times of its begin and end are time.time()."""

    step: Step
    seconds: float
    key_seconds: Sequence[float]
    key_bytes: Sequence[int]
    memory: float
    peak: float
    began: float
    ended: float


READY = says("→", r"\d of [\d,]+")
SORTED = no_longer("counting", "reading…")

STEPS: dict[str, tuple[Step, ...]] = {
    "spans_50k": (
        Step("first screen", until=says("agent run"), budget=1.0),
        Step("indexed", until=says("1 of 1 traces")),
        Step("tree", ENTER, says("50,000 spans"), "jjjk", 1.0),
        Step("last span", "G", says("50,000 of 50,000|50000"), "kkkj"),
        Step("first span", "g", None, "jjjk"),
        Step("detail", TAB, None, "jjjk"),
        Step("back to the tree", ESCAPE),
        Step("fold all", "-", None, "jjjk"),
        Step("unfold all", "+", None, "jjjk"),
        Step("slowest", "T"),
        Step("costliest", "$"),
        Step("next error", "e", None, "eeeE"),
        Step("self time", "m"),
        Step("search", "/round 249" + ENTER, says("round 249")),
        Step("transcript", "t", says("transcript of a trace", "turn 1 of"), "jjjk"),
        Step("its end", "G", None, "kkkj"),
        Step("back to the list", (ESCAPE, ESCAPE)),
    ),
    "turns_2k": (
        Step("first screen", until=says("→"), budget=1.0),
        Step("threads", (THREADS,), says("of 102 threads")),
        Step("filtered", 'fthread:"the long one"' + ENTER, says("1 of 102 threads"), "", None),
        Step("transcript", ENTER, says("transcript of a thread"), "jjjk", 0.5),
        Step("read to its end", until=no_longer("traces read", "reading…")),
        Step("last turn", "G", says("turn 2,000 of 2,000"), "kkkj"),
        Step("turns", "", None, "{{{}"),
        Step("search", "/answer 1500:" + ENTER, says("answer 1500")),
        Step("first turn", "g", None, "jjj}"),
        Step("as written", "M"),
        Step("trace of a turn", "t", says("3 spans")),
        Step("walk the turns", "", None, "JJJK", None, True),
        Step("back", ESCAPE),
        Step("annotate", "a", None, "jjjk"),
        Step("back to the list", (ESCAPE, ESCAPE), says("1 of 102 threads")),
        Step("all threads", "f" + CLEAR + ENTER, says("102 of 102 threads"), "jjjk"),
    ),
    "line_50mb": (
        Step("first screen", until=says("→", "3 of 3"), budget=1.0),
        Step("onto it", "j"),
        Step("trace", ENTER, says("answer 1"), "jk", 0.5),
        Step("detail", TAB, None, "jjjk"),
        Step("whole screen", "z", None, "jjjk"),
        Step("its end", "G", None, "kkkj"),
        Step("search", "/590000" + ENTER, says("590000")),
        Step("walk", "", None, "JKKJ", None, True),
        Step("transcript", "t", says("transcript"), "jjjk"),
        Step("its end", "G", None, "kkkj"),
        Step("back", ESCAPE),
    ),
    "threads_100k": (
        Step("first screen", until=says("→"), budget=1.0),
        Step("indexed", until=says("200,000 of 200,000 traces")),
        Step("threads", (THREADS,), says("100,000 of 100,000 threads"), "jjjk"),
        Step("last thread", "G", None, "kkkj"),
        Step("first thread", "g", None, "jjjk"),
        Step("a page", "", None, "\x04\x04\x04\x15"),
        *(Step(f"sort {number}", "s", SORTED, "jk", 0.2) for number in range(1, 9)),
        Step("reversed", "S", SORTED, "jk", 0.2),
        Step("filter errors>0", "ferrors>0" + ENTER, says(r"\b[\d,]+ of 100,000 threads"), "jjjk", 0.2),
        Step(
            "filter typed",
            "f" + CLEAR + "thread:thread-99999" + ENTER,
            says("\\b1 of 100,000 threads"),
            "",
            0.5,
        ),
        Step("filter off", "f" + CLEAR + ENTER, says("100,000 of 100,000 threads"), "jjjk", 0.2),
        Step("a thread", ENTER, says("transcript"), "jjjk", 0.5),
        Step("walk", "", None, "JJJK", None, True),
        Step("back", ESCAPE),
        Step("stats", (STATS,), says("traces")),
    ),
    "versions_5k": (
        Step("first screen", until=says("→"), budget=1.0),
        Step("indexed", until=says("100,000 of 100,000 traces")),
        Step("prompts", (PROMPTS,), says("v4999|v0", "5,000"), "jjjk", 0.5),
        Step("last version", "G", None, "kkkj"),
        *(Step(f"sort {number}", "s", SORTED, "jk", 0.2) for number in range(1, 5)),
        Step("keep", "&" + "v49" + ENTER, None, "jjjk"),
        Step("all again", "&" + CLEAR + ENTER, None, "jjjk"),
        Step("filter", "fstatus:error" + ENTER, None, "jjjk"),
        Step("filter off", "f" + CLEAR + ENTER),
        Step("traces of a version", "v", says("20 of 100,000 traces")),
        Step("completion", "f" + CLEAR + "version:v12" + TAB, says("1 of")),
        Step("next completion", TAB),
        Step("left", ESCAPE),
        Step("stats by version", (STATS, "|"), None),
        Step("chosen", ESCAPE),
        Step("figures", "", None, "jjjk"),
    ),
    "scores_200": (
        Step("first screen", until=says("→"), budget=1.0),
        Step("indexed", until=says("20,000 of 20,000 traces"), moves="jjjk"),
        Step("columns", "|", None, (DOWN,)),
        Step("chosen", ESCAPE),
        Step("right", "", None, "jjjk"),
        Step("help", "?", None, "jjjk"),
        Step("left", ESCAPE),
        Step("palette", ":", None, (DOWN,)),
        Step("typed", "score", None),
        Step("left", ESCAPE),
        Step("completion", "f" + "score.measure_1" + TAB, says("of ")),
        Step("left", ESCAPE + "f" + CLEAR + ENTER, says("20,000 of 20,000 traces")),
        Step("filter by score", "fscore.measure_010>0.5" + ENTER, says(r"of 20,000 traces"), "jjjk", 0.2),
        Step("filter off", "f" + CLEAR + ENTER, says("20,000 of 20,000 traces"), "jjjk"),
        Step("trace", ENTER, says("3 spans|2 spans"), "jjjk", 0.5),
        Step("annotate", "a", None, "jjjk"),
        Step("next definition", "", None, "]]]["),
        Step("walk", "", None, "JJJK", None, True),
        Step("back", (ESCAPE, ESCAPE)),
        Step("stats", (STATS,), says("traces"), "jjjk"),
        Step("prompts", (PROMPTS,), None, "jjjk"),
    ),
}
STEPS["line_100mb"] = STEPS["line_50mb"]
FILE_STEPS = (
    Step("first screen", until=says("→"), budget=2.0),
    Step("indexed", until=says(r"[1-9][\d,]+ of [\d,]+ traces"), moves="jjjk"),
    Step("last row", "G", None, "kkkj"),
    Step("first row", "g", None, "jjjk"),
    *(Step(f"sort {number}", "s", SORTED, "jk", 0.2) for number in range(1, 8)),
    Step("reversed", "S", SORTED, "jk", 0.2),
    Step("filter typed", "fstatus:error", says(r"filter +status:error .*[1-9][\d,]* of"), "", 0.2),
    Step("filter kept", ENTER, None, "jjjk"),
    Step("filter off", "f" + CLEAR + ENTER, says(r"([\d,]+) of \1 traces"), "jjjk", 0.2),
    Step("tree", ENTER, says("spans"), "jjjk", 0.5),
    Step("walk", "", None, "JJJK", None, True),
    Step("transcript", "t", says("turn 1"), "jjjk"),
    Step("back", (ESCAPE, ESCAPE)),
    Step("threads", (THREADS,), says("of [\\d,]+ threads"), "jjjk", 0.2),
    Step("thread", ENTER, says("transcript"), "jjjk", 0.5),
    Step("back", ESCAPE),
    Step("prompts", (PROMPTS,), None, "jjjk"),
    Step("stats", (STATS,), says("traces"), "jjjk"),
)
"""Steps on a file of any traces."""


def memory(pid: int, what: str = "VmRSS") -> float:
    """Memory of a process in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(rf"{what}:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else 0.0


def measure(terminal: Terminal, step: Step, keys: int, seconds: float) -> Figure:
    """Take a step, and press the moving keys behind it."""
    began, pid = time.time(), terminal.process.pid
    # The highest memory is that of this step.
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    for key in step.keys[:-1]:
        # As a person types: what one key opens is there before the next.
        terminal.press(key)
        terminal.settle(TYPED, 1.0)
    last = step.keys[-1] if step.keys else ""
    first = terminal.started if step.name == "first screen" else time.perf_counter()
    if step.until is not None:
        terminal.press(last)
        elapsed = terminal.wait(step.until, seconds) - first
    else:
        elapsed = terminal.key_to_paint(last, 5)[0] if step.keys else 0.0
    terminal.settle(QUIET, 5.0)
    times, octets = [], []
    for number in range(keys if step.moves else 0):
        before, begin = terminal.received, time.perf_counter()
        terminal.press(step.moves[number % len(step.moves)])
        if terminal.read(2.0):
            times.append(terminal.arrived - begin)
        while terminal.read(AT_ONCE):
            pass
        octets.append(terminal.received - before)
        if step.walks:
            terminal.settle(QUIET, 2.0)
    terminal.settle(QUIET, 3.0)
    now, peak = memory(pid), memory(pid, "VmHWM")
    return Figure(step, elapsed, times, octets, now, peak, began, time.time())


def run(path: Path, steps: Sequence[Step], home: Path, keys: int, seconds: float) -> None:
    """Open one file and print its figures; `home` is where caches and labels go."""
    shape, begin = path.stem, path.parent
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch, "stalls.json")
        command = [
            sys.executable,
            "-m",
            "benchmarks.watched",
            str(told),
            "open",
            str(path),
            "--screen",
            "traces",
        ]
        env = environment(str(home)) | {"PYTHONPATH": f"{Path.cwd()}/src:{Path.cwd()}"}
        figures: list[Figure] = []
        with Terminal(command, env=env, cwd=str(begin), columns=140) as terminal:
            for step in steps:
                try:
                    figures.append(measure(terminal, step, keys, seconds))
                except TimeoutError as error:
                    print(f"{shape}: {step.name}: " + "\n".join(str(error).splitlines()[:12]))
                    break
            terminal.press("\x11")
            deadline = time.monotonic() + 10
            while not told.exists() and time.monotonic() < deadline:
                try:
                    terminal.read(0.2)
                except EOFError:
                    break
        show(shape, figures, json.loads(told.read_text(encoding="utf-8")) if told.exists() else None)


def show(shape: str, figures: Sequence[Figure], watched: dict[str, list[dict[str, object]]] | None) -> None:
    """Print a table of the figures of a shape."""
    heads = f"{'step':<24}{'s':>8}{'budget':>8}{'key p95':>9}{'bytes':>8}{'stall':>8}{'held':>8}{'MB':>7}{'peak':>7}"
    print(f"\n{shape}\n{heads}")
    stalls = watched["stalls"] if watched else []
    held = watched["held"] if watched else []

    def longest(found: Sequence[dict[str, object]], one: Figure) -> float:
        return max(
            (
                float(str(stall["seconds"]))
                for stall in found
                if one.began <= float(str(stall["at"])) <= one.ended
            ),
            default=0.0,
        )

    for one in figures:
        budget = f"{one.step.budget:.2f}" if one.step.budget else "–"
        key = f"{p95(one.key_seconds) * 1000:.0f} ms" if one.key_seconds else "–"
        octets = f"{max(one.key_bytes):,}" if one.key_bytes else "–"
        mark = " !" if one.key_bytes and max(one.key_bytes) > KEY_BYTES and not one.step.walks else ""
        print(
            f"{one.step.name:<24}{one.seconds:>8.2f}{budget:>8}{key:>9}{octets:>8}"
            f"{longest(stalls, one) * 1000:>5.0f} ms{longest(held, one) * 1000:>5.0f} ms"
            f"{one.memory:>7.0f}{one.peak:>7.0f}{mark}"
        )
    print(f"highest memory {max((one.peak for one in figures), default=0.0):.0f} MB, budget {MEMORY:.0f}")
    if watched:
        median = statistics.median(float(str(one)) for one in watched["floors"])
        allowed = STALL * max(1.0, median / FLOOR)
        print(f"stalls over {STALL * 1000:.0f} ms (here {allowed * 1000:.0f}):")
        for stall in sorted(stalls, key=lambda one: -float(str(one["seconds"])))[:6]:
            if float(str(stall["seconds"])) > STALL / 2:
                at = float(str(stall["at"]))
                name = next((one.step.name for one in figures if one.began <= at <= one.ended), "?")
                where = stall["where"]
                lines = where[:7] if isinstance(where, list) else []
                print(
                    f"  {float(str(stall['seconds'])) * 1000:.0f} ms in {name!r}: "
                    + " < ".join(map(str, lines))
                )
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(STEPS))
    parser.add_argument("--file", type=Path, help="a file of traces of one's own instead of the shapes")
    parser.add_argument("--home", type=Path, help="where caches stay: an index in it is used again")
    parser.add_argument("--keys", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    print(f"echo of a key in the pseudo-terminal: {echo() * 1000:.1f} ms")
    if options.file is not None:
        with tempfile.TemporaryDirectory() as home:
            run(
                options.file.absolute(), FILE_STEPS, options.home or Path(home), options.keys, options.seconds
            )
        return
    for shape in options.shapes or STEPS:
        with tempfile.TemporaryDirectory() as home:
            path = shapes.write(options.folder.absolute(), shape)
            run(path, STEPS[shape], options.home or Path(home), options.keys, options.seconds)


if __name__ == "__main__":
    main()
