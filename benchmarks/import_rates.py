"""Spans a second and peak memory of `traceview import`, by format: `python -m benchmarks.import_rates`.

The files are made of the sample files' records with new ids. Each import runs in a process of its own, from nothing to
a store on disk. The floor is the bare reading of the same bytes in the same run: orjson of every line or document,
protobuf of every message, DuckDB of every value of a table. `CPU` is the processor time of all threads and processes,
per span; `peak` is the most that the import has held, and the largest of the processes that read for it, as often as
there are.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.import_files import FORMATS
from traceview.sources.parallel import most_workers

FLOOR = """
import sys
from pathlib import Path
from benchmarks.import_rates import floor
print(floor(Path(sys.argv[1])))
"""
IMPORT = """
import json, resource, sys, time
from pathlib import Path
from traceview.ingest.importer import import_sources
from traceview.sources.freed_memory import keep_freed_memory
keep_freed_memory()
began = time.perf_counter()
report = import_sources([sys.argv[1]], Path(sys.argv[2]))
seconds = time.perf_counter() - began
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(one.ru_utime + one.ru_stime for one in used)
peak = used[0].ru_maxrss + used[1].ru_maxrss * int(sys.argv[3])
told = {"spans": report.spans, "seconds": seconds, "cpu": cpu, "peak": peak}
told["skipped"] = sum(one.count for one in report.skipped)
print(json.dumps(told))
"""


def floor(path: Path) -> float:
    """Seconds of the bare reading of a file."""
    began = time.perf_counter()
    if path.suffix in (".csv", ".parquet"):
        import duckdb

        with duckdb.connect(config={"threads": "1"}) as connection:
            connection.execute("SELECT sum(hash(COLUMNS(*))) FROM query_table(?)", [str(path)]).fetchall()
    elif path.suffix == ".binpb":
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        with path.open("rb") as stream:
            while size := stream.read(4):
                ExportTraceServiceRequest().ParseFromString(stream.read(int.from_bytes(size, "big")))
    else:
        import orjson

        with path.open("rb") as stream:
            start = stream.read(1)
            stream.seek(0)
            first = stream.readline()
            whole = start == b"[" or first.startswith((b'{"data"', b'{"resourceSpans": ['))
            stream.seek(0)
            if whole:
                orjson.loads(stream.read())
            else:
                for line in stream:
                    orjson.loads(line)
    return time.perf_counter() - began


def floor_apart(path: Path) -> float:
    """The same in a process of its own: what it held would count as the memory of every process started afterwards."""
    ran = subprocess.run([sys.executable, "-c", FLOOR, str(path)], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def measure(path: Path, folder: Path) -> dict[str, float]:
    """One import in a process of its own."""
    env = {**os.environ, "TRACEVIEW_CACHE_DIR": str(folder / "cache")}
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT, str(path), str(folder / "store"), str(most_workers())],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    told: dict[str, float] = json.loads(ran.stdout)
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--only", metavar="WORD", default="", help="formats whose name has this word")
    chosen = parser.parse_args()
    names = [name for name in FORMATS if chosen.only.lower() in name.lower()]
    print(
        f"{'format':<22}{'MB':>7}{'spans':>10}{'spans/s':>10}{'CPU µs':>9}{'floor/s':>10}{'peak MB':>9}{'skipped':>9}"
    )
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            path = FORMATS[name](Path(folder), chosen.spans)
            told = measure(path, Path(folder))
            bare = floor_apart(path)
            size, spans = path.stat().st_size / 1e6, told["spans"]
            rates = (
                f"{spans / told['seconds']:>10,.0f}{told['cpu'] / spans * 1e6:>9.0f}{spans / bare:>10,.0f}"
            )
            rest = f"{told['peak'] / 1024:>9.0f}{told['skipped']:>9,}"
            print(f"{name:<22}{size:>7.0f}{spans:>10,}{rates}{rest}", flush=True)


if __name__ == "__main__":
    main()
