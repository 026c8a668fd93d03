"""Measures the opening of spans with very large payloads, from Enter in the list to the text on the screen.

Usage: python -m benchmarks.payload [--megabytes 50] [--runs 3]

Writes a trace each with an output of one line of words, and of one line of JSON, and prints for each the seconds from
Enter to its first words in the detail, and the same for a trace with a short output, which is the floor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.app import environment, open_app, repeated

WORDS = "opening words "
BUDGET = 0.5


def payloads(megabytes: float) -> dict[str, str]:
    """The outputs by name, each on one line."""
    size = int(megabytes * 1e6)
    rows = [
        {"number": number, "text": "some words of a row", "flags": [True, None, 1.5]}
        for number in range(1000)
    ]
    chunk = json.dumps(rows)[1:-1]
    many = ", ".join([chunk] * (size // len(chunk) + 1))
    return {
        "short": WORDS,
        "one line of words": (WORDS * (size // len(WORDS) + 1))[:size],
        "one line of JSON": f'{{"first": "{WORDS}", "rows": [{many}]}}',
    }


def write(path: Path, output: str) -> None:
    """A trace of one span with this output."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    span = {"trace_id": ["t"], "span_id": ["s"], "name": ["big"], "kind": ["llm"], "status": ["ok"]}
    times = {"start_time": [1793527200000000000], "end_time": [1793527201000000000]}
    table = pa.table(
        {
            **span,
            **{name: pa.array(values, pa.timestamp("ns", "UTC")) for name, values in times.items()},
            "input": ["question"],
            "output": [output],
        }
    )
    pq.write_table(table, path)


def opening(path: Path) -> float:
    """Seconds from Enter in the list to the first words of the output in the trace's detail."""
    with (
        tempfile.TemporaryDirectory() as home,
        open_app(path, environment(home), "--screen", "traces") as terminal,
    ):
        terminal.wait_for("1 of 1", 60)
        terminal.wait_for(WORDS.strip(), 60)
        terminal.settle(1.0)
        pressed = time.perf_counter()
        terminal.press("\r")
        return terminal.wait(lambda one: "Raw" in one.text and WORDS.strip() in one.text, 60) - pressed


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{'output':<24}{'size':>10}{'median':>9}{'min':>8}{'max':>8}  budget {BUDGET} s")
    with tempfile.TemporaryDirectory() as directory:
        for name, output in payloads(options.megabytes).items():
            path = Path(directory, "big.parquet")
            write(path, output)
            runs = repeated(options.runs, lambda path=path: opening(path))  # type: ignore[misc]
            size = f"{len(output) / 1e6:.1f} MB"
            print(f"{name:<24}{size:>10}{statistics.median(runs):>9.3f}{min(runs):>8.3f}{max(runs):>8.3f}")


if __name__ == "__main__":
    main()
