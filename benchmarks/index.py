"""Measures the building of an index: spans/s, processor seconds and peak memory beside a floor of the same run; kills.

Usage: python -m benchmarks.index PATH [--runs 3] [--kills 20]

The floor is a bare DuckDB that copies the same columns of the file into a table of a new database file. With --kills
the building process is killed -9 so often, each time further on; after each the next build must give the index of a
build that nobody disturbed, and nothing may be left behind.
"""

from __future__ import annotations

import argparse
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

FLOOR = """
import sys, duckdb
from pathlib import Path
path, out, columns = sys.argv[1:]
database = duckdb.connect(config={"memory_limit": "300MB", "temp_directory": out + ".spill"})
database.execute(f"ATTACH '{out}' AS built")
database.execute(f"CREATE TABLE built.spans AS SELECT {columns}, file_row_number FROM read_parquet('{path}')")
database.execute("CHECKPOINT built")
"""
TEXTS = ("input", "output", "attributes")
"""Columns that an index does not copy."""


def finished(command: Sequence[str], given: bytes = b"") -> tuple[float, float, float]:
    """Seconds, processor seconds and peak memory in MB of a whole process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[-1]} ended with {process.returncode}")
    seconds = time.perf_counter() - began
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def floor(path: Path, home: Path) -> tuple[float, float, float]:
    """What a bare DuckDB needs to copy the columns."""
    import duckdb

    described = duckdb.sql(f"DESCRIBE FROM read_parquet('{path}')").fetchall()
    columns = ", ".join(f'"{name}"' for name, *_ in described if name not in TEXTS)
    out = home / "floor.duckdb"
    out.unlink(missing_ok=True)
    return finished([sys.executable, "-c", FLOOR, str(path), str(out), columns])


class Build:
    """The building process of the index of one file."""

    command = (sys.executable, "-P", "-m", "traceview.store.duck.build_file")

    def __init__(self, path: Path) -> None:
        from traceview.definitions.prices import PriceTable
        from traceview.definitions.prompt_files import PromptFiles
        from traceview.sources.open import open_sources
        from traceview.store.duck.index_file import IndexFile

        sources = open_sources([str(path)])
        self.file = IndexFile.of(sources.identity, PriceTable(), PromptFiles())
        self.given = pickle.dumps((self.file, sources.relations, False))

    def run(self) -> tuple[float, float, float]:
        """Build it anew; seconds, processor seconds, MB."""
        self.file.path.unlink(missing_ok=True)
        return finished(self.command, self.given)

    def killed(self, after: float) -> None:
        """Begin to build it anew, and kill that process after so many seconds."""
        self.file.path.unlink(missing_ok=True)
        process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert process.stdin is not None
        process.stdin.write(self.given)
        process.stdin.close()
        time.sleep(after)
        process.kill()
        process.wait()

    def content(self) -> tuple[object, ...]:
        """Counts and sums that tell a whole index from any other."""
        import duckdb

        with duckdb.connect(str(self.file.path), read_only=True) as database:
            return database.execute(
                "SELECT (SELECT (count(*), sum(input_tokens), bit_xor(hash(span_id, trace_no, row_no))) FROM spans), "
                "(SELECT (count(*), sum(spans), bit_xor(hash(trace_id, input_preview, models))) FROM traces), "
                "(SELECT (count(*), sum(traces), bit_xor(hash(thread_id, last_output))) FROM threads)"
            ).fetchall()[0]

    def left(self) -> list[str]:
        """What lies beside the index file, but for its lock."""
        known = {self.file.path.name, f"{self.file.path.name}.lock"}
        return [path.name for path in self.file.path.parent.iterdir() if path.name not in known]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    path = options.path.absolute()
    with tempfile.TemporaryDirectory() as given:
        home = Path(given)
        os.environ["TRACEVIEW_CACHE_DIR"] = str(home / "cache")
        build = Build(path)
        floors, builds = [], []
        for _ in range(options.runs):
            floors.append(floor(path, home))
            builds.append(build.run())
        right = build.content()
        spans = right[0][0]  # type: ignore[index]
        print(f"{path.name}: {spans:,} spans, {options.runs} runs, load {os.getloadavg()[0]:.1f}")
        for name, runs in (("floor: bare copy of the columns", floors), ("index", builds)):
            seconds, busy, memory = zip(*runs, strict=True)
            print(
                f"{name:<36}{statistics.median(seconds):8.2f} s  best {min(seconds):7.2f} s  "
                f"processor {min(busy):7.2f} s  {spans / min(seconds):10,.0f} spans/s  peak {max(memory):4.0f} MB"
            )
        ratios = [one[0] / bare[0] for one, bare in zip(builds, floors, strict=True)]
        busy_ratio = min(one[1] for one in builds) / min(one[1] for one in floors)
        print(
            f"index / floor: {statistics.median(ratios):.2f} of the time, {busy_ratio:.2f} of the processor"
        )
        if options.kills:
            print(killed(build, options.kills, statistics.median(one[0] for one in builds), right))


def killed(build: Build, kills: int, seconds: float, right: tuple[object, ...]) -> str:
    """Kill so many builds, each time further on, and build after each; what came of it, in words."""
    good = unfinished = 0
    for number in range(kills):
        build.killed(seconds * (number + 1) / (kills + 1))
        unfinished += not build.file.ready()
        # not `run`: what the killed process has left stays
        if not build.file.ready():
            finished(build.command, build.given)
        good += build.content() == right and not build.left()
    return f"killed {kills} times, {unfinished} of them before the end: the next was right {good} of {kills} times"


if __name__ == "__main__":
    main()
