"""Measures every budget and prints one table: figure, floor of the same run, ratio, budget, whether it holds.

Usage: python -m benchmarks.budgets [--scale 1m|10m|all] [--runs 5] [--only WORDS] [--json FILE]

The data is made where it is missing (TRACEVIEW_BENCH_DATA or --data; about 6 GB for everything), and so are the
indexes, which stay beside it in `home`. Lines appear as they are measured, the table in the end; `--only` chooses
parts by their names. Exit code 1 if a budget does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.budgets import building, keys, queries, searching, starts
from benchmarks.budgets.data import Data, Order, Scale, data, directory
from benchmarks.budgets.figures import Figure, cells, table

Part = Callable[[], Iterator[Figure]]
PARTS = ("commands", "labels", "building", "first rows", "keys", "search", "queries")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", choices=("100k", "1m", "10m", "all"), default="1m")
    parser.add_argument("--order", choices=("sorted", "random", "both"), default="both")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--builds", type=int, help="how often an index is built; as --runs if not given")
    parser.add_argument("--only", action="append", choices=PARTS, help="these parts alone")
    parser.add_argument(
        "--queries", default="", metavar="WORDS", help="only queries whose name has these words"
    )
    parser.add_argument("--data", type=Path, default=directory())
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    given = parser.parse_args()
    home = given.data.absolute() / "home"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["TRACEVIEW_CACHE_DIR"] = str(home / "cache")
    chosen = given.only or PARTS
    found: list[Figure] = []
    failed: list[str] = []
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", file=sys.stderr)
    for name, part in parts(given, home):
        if name in chosen:
            try:
                for figure in part():
                    found.append(figure)
                    print("  ".join(cells(figure)), file=sys.stderr, flush=True)
            except TimeoutError as error:
                failed.append(name)
                print(f"{name}: {error}", file=sys.stderr, flush=True)
    print(table(found, markdown=given.markdown))
    missed = [one for one in found if one.holds is False]
    held = sum(one.holds is True for one in found)
    print(f"\n{held} budgets hold, {len(missed)} do not; load {os.getloadavg()[0]:.1f}")
    if failed:
        print(f"not measured to the end, because the app did not answer: {', '.join(failed)}")
    if given.json is not None:
        given.json.write_text(json.dumps([one.told() for one in found], indent=1, ensure_ascii=False) + "\n")
    return 1 if missed or failed else 0


def parts(given: argparse.Namespace, home: Path) -> Iterator[tuple[str, Part]]:
    """What there is to measure, by name, in order."""
    runs = given.runs
    builds = given.builds or runs
    yield "commands", lambda: starts.commands(runs)
    yield "labels", lambda: keys.labels(runs)
    scales: tuple[Scale, ...] = ("1m", "10m") if given.scale == "all" else (given.scale,)
    orders: tuple[Order, ...] = ("sorted", "random") if given.order == "both" else (given.order,)
    for scale in scales:
        for order in orders:
            one: Data = data(scale, order, given.data)
            yield "building", lambda one=one: building.figures(one, builds)
            yield "first rows", lambda one=one: starts.first_rows(one, runs, home)
            if order == "sorted":
                yield "keys", lambda one=one: keys.while_indexing(one, runs)
                yield "keys", lambda one=one: keys.indexed(one, runs, home)
                yield "search", lambda one=one: searching.figures(one, runs)
            yield "queries", lambda one=one: queries.figures(one, runs, given.queries)


if __name__ == "__main__":
    sys.exit(main())
