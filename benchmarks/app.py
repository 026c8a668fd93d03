"""Measures the app on a large file in a real terminal: first rows, cursor keys; as ratios to floors of the same run.

Usage: python -m benchmarks.app PATH [--runs 5] [--keys 60]

Prints one line per figure: median, minimum, maximum, the floor's median, the ratio, the budget.
Floors: bare Python (`-c pass`), bare imports (duckdb and textual's App), and a bare DuckDB process that
imports duckdb and fetches the newest 50 rows of the same file.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.terminal import Terminal

IMPORTS = "import duckdb; from textual.app import App"
LARGEST = (
    "import sys, duckdb; print(*duckdb.connect().execute("
    "'SELECT trace_id, count(*) AS n FROM read_parquet(?) GROUP BY 1 ORDER BY n DESC LIMIT 1', "
    "[sys.argv[1]]).fetchone())"
)
NEWEST = (
    "import sys, duckdb; duckdb.connect().execute("
    "'SELECT trace_id, name, start_time, status FROM read_parquet(?) WHERE parent_span_id IS NULL "
    "ORDER BY start_time DESC LIMIT 50', [sys.argv[1]]).fetchall()"
)


def timed(command: Sequence[str]) -> float:
    """Seconds of wall time of a whole process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def environment(directory: str) -> dict[str, str]:
    """User directories of a person who never ran traceview, whose Python keeps its bytecode as pip leaves it."""
    names = ("CACHE", "CONFIG", "STATE", "DATA")
    return {f"TRACEVIEW_{name}_DIR": str(Path(directory, name.lower())) for name in names} | {
        "TRACEVIEW_ANNOTATOR": "bench@example.com",
        "PYTHONDONTWRITEBYTECODE": "",
    }


def has_rows(terminal: Terminal) -> bool:
    """True once the list shows at least ten rows of data: their tokens are written in→out."""
    return sum("→" in line for line in terminal.screen.display) >= 10


def open_app(path: Path, env: dict[str, str], *options: str) -> Terminal:
    """The app on a file, labels kept apart from it."""
    labels = Path(env["TRACEVIEW_DATA_DIR"], "bench.labels.db")
    labels.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "traceview.cli.main", "open", str(path), "--labels", str(labels)]
    command += options
    return Terminal(command, env=env)


def first_rows(path: Path, env: dict[str, str]) -> float:
    """Seconds from the start of the process to ten rows on the screen."""
    with open_app(path, env) as terminal:
        return terminal.wait(has_rows, 60) - terminal.started


def wait_indexed(terminal: Terminal, seconds: float = 300) -> float:
    """Seconds from the start of the process until the status no longer says that it indexes or counts."""
    done = terminal.wait(
        lambda one: has_rows(one) and "indexing" not in one.text and "counting" not in one.text, seconds
    )
    return done - terminal.started


def key_figures(terminal: Terminal, count: int) -> tuple[list[float], list[int]]:
    """Seconds to paint and bytes written of `count` cursor keys."""
    seconds, octets = [], []
    for number in range(count):
        key = "j" if number % 5 else "k"
        elapsed, written = terminal.key_to_paint(key if number else "j")
        seconds.append(elapsed)
        octets.append(written)
    return seconds, octets


def largest_trace(path: Path, env: dict[str, str], count: int) -> None:
    """Open the trace with the most spans and move in its tree."""
    answer = subprocess.run(
        [sys.executable, "-c", LARGEST, str(path)], capture_output=True, text=True, check=True
    )
    trace_id, spans = answer.stdout.split()
    with open_app(path, env, "--filter", f"trace:{trace_id}") as terminal:
        terminal.wait(lambda one: "1 of " in one.text and trace_id[:8] in one.text, 60)
        terminal.settle()
        begin = time.perf_counter()
        terminal.press("\r")
        shown = terminal.wait(
            lambda one: f"{int(spans):,} spans" in one.text and "waiting" not in one.text, 60
        )
        print(line(f"tree of {int(spans):,} spans on the screen", [shown - begin], None, ""))
        terminal.settle(1.0)
        seconds, octets = key_figures(terminal, count)
        print(line("cursor key in that tree, p95", [p95(seconds)], None, "0.050 s"))
        print(line("bytes per cursor key in that tree, median", [statistics.median(octets)], None, "", "B"))


def p95(values: Sequence[float]) -> float:
    """The 95th percentile, by rank."""
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def line(name: str, values: Sequence[float], floor: float | None, budget: str, unit: str = "s") -> str:
    """One row of the table."""
    median = statistics.median(values)
    ratio = f"{median / floor:6.2f}" if floor else "     –"
    floor_text = f"{floor:8.3f}" if floor else "       –"
    return (
        f"{name:<44}{median:9.3f}{min(values):9.3f}{max(values):9.3f} {unit:<3}{floor_text} {ratio}  {budget}"
    )


def repeated(runs: int, measure: Callable[[], float]) -> list[float]:
    """Several runs of one measurement."""
    return [measure() for _ in range(runs)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keys", type=int, default=60)
    options = parser.parse_args()
    path = options.path.absolute()
    python = sys.executable
    bare = statistics.median(repeated(options.runs, lambda: timed([python, "-c", "pass"])))
    imports = statistics.median(repeated(options.runs, lambda: timed([python, "-c", IMPORTS])))
    query = statistics.median(repeated(options.runs, lambda: timed([python, "-c", NEWEST, str(path)])))
    print(f"{path.name}, {path.stat().st_size / 1e6:,.0f} MB; {options.runs} runs")
    print(f"{'figure':<44}{'median':>9}{'min':>9}{'max':>9} {'':<3}{'floor':>8} {'ratio':>6}  budget")
    for argument in ("--help", "--version"):
        runs = repeated(
            options.runs, lambda argument=argument: timed([python, "-m", "traceview.cli.main", argument])
        )
        print(line(f"traceview {argument} (floor: bare Python)", runs, bare, "0.150 s over the floor"))
    print(line("bare imports of duckdb and textual", [imports], bare, ""))
    print(line("bare DuckDB, newest 50 rows", [query], bare, ""))

    def never_opened() -> float:
        with tempfile.TemporaryDirectory() as home:
            return first_rows(path, environment(home))

    cold = repeated(options.runs, never_opened)
    print(line("first rows, never opened (floor: imports)", cold, imports, "1.0 s at 1M, 2.0 s at 10M"))
    with tempfile.TemporaryDirectory() as home:
        env = environment(home)
        with open_app(path, env) as terminal:
            terminal.wait(has_rows, 60)
            seconds, octets = key_figures(terminal, options.keys)
            print(line("cursor key while indexing, p95", [p95(seconds)], None, "0.050 s"))
            print(line("bytes per cursor key, max", [max(octets)], None, "2048", "B"))
            print(line("index ready", [wait_indexed(terminal)], None, ""))
            terminal.press("\x11")
        warm = repeated(options.runs, lambda: first_rows(path, env))
        print(line("first rows, opened before (floor: imports)", warm, imports, "0.6 s at 1M, 0.8 s at 10M"))
        with open_app(path, env) as terminal:
            wait_indexed(terminal)
            seconds, octets = key_figures(terminal, options.keys)
            print(line("cursor key, indexed, median", [statistics.median(seconds)], None, ""))
            print(line("cursor key, indexed, p95", [p95(seconds)], None, "0.050 s"))
            print(line("bytes per cursor key, max", [max(octets)], None, "2048", "B"))
        largest_trace(path, env, options.keys)


if __name__ == "__main__":
    main()
