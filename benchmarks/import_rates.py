"""Spans a second and peak memory of `traceview import`, by format: `python -m benchmarks.import_rates`.

The files are made of the sample files' records with new ids. Each import runs in a process of its own, from nothing to
a store on disk. The floor is the bare reading of the same bytes in the same run: orjson of every line or document,
protobuf of every message, DuckDB of every value of a table. Both are told in processor time, of all threads and
processes; `peak` is the most that the import has held, and the largest of the processes that read for it, as often as
there are. `--one` reads with one process. `--write` puts what was measured into docs/import-rates.md, in place of what
stands there for the same formats and numbers of spans.
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
from typing import BinaryIO

from benchmarks.import_files import FORMATS
from traceview.sources.parallel import most_workers

BEGINNINGS = (b'{"resourceSpans": [', b'{"data": [', b"[")
"""How the documents of one array begin."""
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
if sys.argv[4]:
    from traceview.sources import parallel
    parallel.most_workers = lambda: 1
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
    """Seconds of processor time of the bare reading of a file."""
    began = time.process_time()
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
                _bare(stream)
            else:
                for line in stream:
                    orjson.loads(line)
    return time.process_time() - began


def _bare(stream: BinaryIO) -> None:
    """Read a document; one that orjson does not take whole, some GB of it, in the pieces it is written of."""
    import orjson

    if os.fstat(stream.fileno()).st_size < 1 << 30:
        orjson.loads(stream.read())
        return
    for begin in BEGINNINGS:
        stream.seek(0)
        if stream.read(len(begin)) == begin:
            break
    for line in stream:
        piece = line.strip().removesuffix(b",")
        try:
            orjson.loads(b"[" + piece + b"]")
        except orjson.JSONDecodeError:
            orjson.loads(b"[" + piece[: piece.rindex(b"]")] + b"]")


def floor_apart(path: Path) -> float:
    """The same in a process of its own: what it held would count as the memory of every process started afterwards."""
    ran = subprocess.run([sys.executable, "-c", FLOOR, str(path)], capture_output=True, text=True, check=True)
    return float(ran.stdout.splitlines()[-1])


def measure(path: Path, folder: Path, *, one: bool) -> dict[str, float]:
    """One import in a process of its own, which has others read for it unless it is to be the only `one`."""
    env = {**os.environ, "TRACEVIEW_CACHE_DIR": str(folder / "cache")}
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            IMPORT,
            str(path),
            str(folder / "store"),
            str(0 if one else most_workers()),
            "1" if one else "",
        ],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    # DuckDB shows its progress where Python has no file to run
    told: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return told


HEADING = ("format", "spans", "MB", "spans per CPU second", "bare reading", "ratio", "peak MB", "load")
PAGE = Path(__file__).parents[1] / "docs" / "import-rates.md"
INTRODUCTION = """# How fast files are read

Generated by `python -m benchmarks.import_rates --write`; do not edit. Spans per second of processor time that
`traceview import` reads, all its processes together, beside the bare reading of the same bytes (orjson, protobuf or
DuckDB) in the same run. The ratio is what to trust where the machine was loaded: *load* says how much. The files are
copies of the sample files with other ids. *One process* is an import that has no others read for it.

"""


def row_of(name: str, path: Path, folder: Path, *, one: bool) -> tuple[str, ...]:
    """What was measured of a format, as the cells of its row."""
    told = measure(path, folder, one=one)
    bare = floor_apart(path)
    spans = told["spans"]
    if told["skipped"]:
        print(f"{name}: {told['skipped']:,} skipped", file=sys.stderr)
    return (
        name + (", one process" if one else ""),
        f"{spans:,}",
        f"{path.stat().st_size / 1e6:,.0f}",
        f"{spans / told['cpu']:,.0f}",
        f"{spans / bare:,.0f}",
        f"{told['cpu'] / bare:.1f}",
        f"{told['peak'] / 1024:,.0f}",
        f"{os.getloadavg()[0]:.0f}",
    )


def written(page: str, rows: list[tuple[str, ...]]) -> str:
    """The page with these rows in place of those of the same format and about as many spans."""
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    kept = {(cell[0], len(cell[1])): cell for cell in [*cells[1:], *rows] if cell[0] != "---"}
    table = [HEADING, ("---", *["---:"] * (len(HEADING) - 1)), *(kept[key] for key in sorted(kept))]
    return INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in table).replace("| --- ", "|---", 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=100_000)
    parser.add_argument("--only", metavar="WORD", default="", help="formats whose name has this word")
    parser.add_argument("--one", action="store_true", help="read with one process")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    chosen = parser.parse_args()
    names = [name for name in FORMATS if chosen.only.lower() in name.lower()]
    print(("{:<36}" + "{:>12}" * 2 + "{:>22}" + "{:>14}" * 4).format(*HEADING))
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            row = row_of(name, FORMATS[name](Path(folder), chosen.spans), Path(folder), one=chosen.one)
        print(("{:<36}" + "{:>12}" * 2 + "{:>22}" + "{:>14}" * 4).format(*row), flush=True)
        if chosen.write:
            PAGE.write_text(written(PAGE.read_text() if PAGE.exists() else "", [row]))


if __name__ == "__main__":
    main()
