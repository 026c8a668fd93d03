"""Does the same work with traceview and with what people use now, and prints what each step took.

Usage: python -m benchmarks.peers [--spans 20000] [--only TOOL] [--json FILE]

Each tool has a virtual environment of its own (installed from PyPI when it is missing) and gets the same spans: a
file of the benchmarks, or the same as OTLP. Steps: ready (the file loaded, ingested or indexed), the newest 50, 50
with errors, 50 with a word in their input, one trace with its texts. The least of three answers, seconds; the most
memory of the tool's processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import duckdb
from msgspec import to_builtins

from benchmarks.budgets.data import directory
from benchmarks.generate import generate
from benchmarks.peers import ours, servers, visidata
from benchmarks.peers.work import STEPS, Task, Work, first_line

TOOLS: dict[str, Callable[[Task, Path], Work]] = {
    "traceview": lambda task, _: ours.work(task),
    "visidata": visidata.work,
    "mlflow": servers.mlflow,
    "phoenix": servers.phoenix,
}


def task(folder: Path, spans: int) -> Task:
    """The file of so many spans, made if it is not there, and what is looked for in it."""
    path = folder / f"peers-{spans}.parquet"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        generate(spans, "sorted", "full", path)
    rows = duckdb.connect()
    trace_id, size = rows.execute(
        "SELECT trace_id, count(*) AS n FROM read_parquet(?) GROUP BY 1 HAVING n BETWEEN 10 AND 20 ORDER BY 1 LIMIT 1",
        [str(path)],
    ).fetchall()[0]
    word = rows.execute(
        "SELECT w FROM (SELECT unnest(regexp_extract_all(input, '[a-z]{7,}')) AS w FROM read_parquet(?)) "
        "GROUP BY w HAVING count(*) BETWEEN ? AND ? ORDER BY w LIMIT 1",
        [str(path), spans // 400, spans // 100],
    ).fetchall()[0][0]
    return Task(path.absolute(), spans, trace_id, size, word)


def table(done: list[Work]) -> str:
    """What each tool took, in Markdown."""
    lines = [f"| tool | {' | '.join(STEPS)} | memory |", f"|---|{'---:|' * (len(STEPS) + 1)}"]
    for one in done:
        seconds = [one.seconds.get(step) for step in STEPS]
        told = [
            "–" if value is None else f"{value:.3f} s" if value < 1 else f"{value:.1f} s" for value in seconds
        ]
        memory = "–" if one.megabytes is None else f"{one.megabytes:,.0f} MB"
        lines.append(f"| {one.tool} | {' | '.join(told)} | {memory} |")
    return "\n".join([*lines, "", *(f"{one.tool}: {'; '.join(one.notes)}" for one in done if one.notes)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--only", action="append", choices=tuple(TOOLS))
    parser.add_argument("--data", type=Path, default=directory())
    parser.add_argument(
        "--venvs", type=Path, help="where the tools are installed; beside the data if not given"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    one = task(given.data, given.spans)
    size = one.path.stat().st_size / 1e6
    print(f"{one.spans:,} spans, {size:,.0f} MB; word {one.word!r}; a trace of {one.trace_spans}")
    done = []
    for name in given.only or TOOLS:
        try:
            done.append(TOOLS[name](one, (given.venvs or given.data / "peers").absolute()))
        except (OSError, subprocess.CalledProcessError, TimeoutError) as error:
            done.append(Work(name, notes=[f"not measured: {first_line(error)}"]))
        print(f"{name} done, load {os.getloadavg()[0]:.1f}", flush=True)
    print(table(done))
    if given.json is not None:
        given.json.write_text(json.dumps([to_builtins(work) for work in done], indent=1) + "\n")


if __name__ == "__main__":
    main()
