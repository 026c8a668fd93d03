"""The runner of model judges against a fake server: how close to the ideal it is, and what a kill costs.

Usage: python -m benchmarks.judge_runner [--calls 2000] [--kills 10] [speed] [limit] [kills] [batch]

speed: 200 ms a call, 6 kB a prompt, 64 in flight; wall time against the ideal, CPU time of the whole process a call.
limit: the server allows 100 requests a second and answers 429 beyond; nothing may be lost.
kills: the process is killed (-9) in the middle again and again, then finishes with `--unknown hold`: nothing is paid
twice, at most as many calls are held as were in flight, and all of them are listed.
batch: the same with message batches, of which none may be held.
Exit code 1 if a floor is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.judge_runs import Server, a_server
from traceview.judges.ledger.listing import held_rows
from traceview.judges.ledger.telling import ask_ledger

SECONDS = 0.2
AT_ONCE = 64
BODY = 6_000
MOST_RATIO, MOST_CPU_MS = 1.25, 4.0
ALLOWED, MOST_LIMIT_RATIO, MOST_REFUSED = 100.0, 1.4, 0.02

Row = tuple[str, str, str, bool]


def speed(calls: int, kills: int) -> list[Row]:
    """Wall and CPU time of so many calls."""
    with a_server("--seconds", str(SECONDS)) as server, tempfile.TemporaryDirectory() as folder:
        report = finished(Path(folder), server, calls)
        bare = finished(Path(folder), server, calls, bare=True)
    ideal = calls * SECONDS / AT_ONCE
    ratio, cpu = report["wall"] / ideal, report["cpu"] / calls * 1000
    return [
        (
            f"{calls:,} calls of {SECONDS:g} s, {AT_ONCE} at once",
            f"{report['wall']:.2f} s",
            f"ideal {ideal:.2f}",
            True,
        ),
        ("the SDK alone, wall / ideal", f"{bare['wall'] / ideal:.3f}", "", True),
        ("the SDK alone, CPU a call", f"{bare['cpu'] / calls * 1000:.2f} ms", "", True),
        ("wall / ideal", f"{ratio:.3f}", f"<= {MOST_RATIO}", ratio <= MOST_RATIO),
        ("wall / the SDK alone", f"{report['wall'] / bare['wall']:.3f}", "", True),
        ("CPU a call", f"{cpu:.2f} ms", f"<= {MOST_CPU_MS}", cpu <= MOST_CPU_MS),
        ("scored", f"{report['scored']:,}", f"= {calls:,}", report["scored"] == calls),
    ]


def limit(calls: int, kills: int) -> list[Row]:
    """The same where a bucket of 100 requests a second is the limit."""
    calls = min(calls, 1_500)
    with a_server("--seconds", str(SECONDS), "--rate", str(ALLOWED)) as server:
        with tempfile.TemporaryDirectory() as folder:
            report = finished(Path(folder), server, calls)
        told = server.figures()
    # the bucket is full at the beginning
    ideal = (calls - ALLOWED) / ALLOWED + SECONDS
    ratio, refused = report["wall"] / ideal, told["statuses"].get("429", 0) / calls
    return [
        (
            f"{calls:,} calls, {ALLOWED:.0f} allowed a second",
            f"{report['wall']:.2f} s",
            f"ideal {ideal:.2f}",
            True,
        ),
        ("wall / ideal", f"{ratio:.3f}", f"<= {MOST_LIMIT_RATIO}", ratio <= MOST_LIMIT_RATIO),
        ("refused (429)", f"{refused:.2%}", f"<= {MOST_REFUSED:.0%}", refused <= MOST_REFUSED),
        ("lost", f"{calls - report['scored']}", "= 0", report["scored"] == calls),
    ]


def kills(calls: int, kills: int) -> list[Row]:
    """Killed in the middle so many times, then finished with what is unknown held."""
    calls = min(calls, 1_500)
    with a_server("--seconds", "0.5") as server, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        on_the_way = killed_again_and_again(place, server, calls, kills, {})
        report = finished(place, server, calls)
        told = server.figures()
        nothing: list[dict[str, Any]] = []
        listed = ask_ledger(place / "x.labels.db", held_rows, nothing)
    return [
        (f"kills -9 in {calls:,} calls, hold", f"{len(on_the_way)}", f"= {kills}", len(on_the_way) == kills),
        ("paid twice", f"{len(told['paid_twice'])}", "= 0", not told["paid_twice"]),
        (
            "held",
            f"{report['held']}",
            f"<= {sum(on_the_way)}, {AT_ONCE} each",
            report["held"] <= sum(on_the_way),
        ),
        ("held and listed", f"{len(listed)}", f"= {report['held']}", len(listed) == report["held"]),
        (
            "scored, in all",
            f"{report['already_done'] + report['scored']:,}",
            f"= {calls - report['held']:,}",
            report["already_done"] + report["scored"] + report["held"] == calls,
        ),
    ]


def batch(calls: int, kills: int) -> list[Row]:
    """Killed in the middle of batches, then finished."""
    with a_server("--batch-seconds", "1") as server, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        on_the_way = killed_again_and_again(place, server, calls, kills, {"batch": True})
        report = finished(place, server, calls, batch=True)
        told = server.figures()
        nothing: list[dict[str, Any]] = []
        listed = ask_ledger(place / "x.labels.db", held_rows, nothing)
    whole = report["already_done"] + report["scored"]
    return [
        (f"kills -9 in a batch of {calls:,}", f"{len(on_the_way)}", f"= {kills}", len(on_the_way) == kills),
        ("paid twice", f"{len(told['paid_twice'])}", "= 0", not told["paid_twice"]),
        ("held", f"{report['unknown'] + len(listed)}", "= 0", not report["unknown"] and not listed),
        ("scored, in all", f"{whole:,}", f"= {calls:,}", whole == calls),
    ]


def finished(folder: Path, server: Server, calls: int, **options: Any) -> dict[str, Any]:
    """A run in a process of its own; its report."""
    with started(folder, server, calls, options) as process:
        assert process.stdout is not None
        process.stdout.readline()
        line = process.stdout.readline()
    found: dict[str, Any] = json.loads(line)
    return found


def started(folder: Path, server: Server, calls: int, options: dict[str, Any]) -> subprocess.Popen[str]:
    """A run that has begun; it says `planned` before it sends."""
    command = [sys.executable, "-m", "benchmarks.judge_runs", str(folder), server.url, str(calls), str(BODY)]
    return subprocess.Popen(
        [*command, json.dumps(options)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )


def killed_again_and_again(
    folder: Path, server: Server, calls: int, kills: int, options: dict[str, Any]
) -> list[int]:
    """Calls that were in flight at each kill; a run that ended before is no kill."""
    chance = random.Random(11)
    found = []
    for _ in range(kills):
        before = server.figures()["calls"]
        with started(folder, server, calls, options) as process:
            assert process.stdout is not None
            process.stdout.readline()
            moment = time.monotonic() + chance.uniform(0.05, 1.2)
            while time.monotonic() < moment and process.poll() is None:
                time.sleep(0.01)
            if not options:
                # a kill in the middle: calls have been made, and some are on the way
                while server.figures()["calls"] == before and process.poll() is None:
                    time.sleep(0.01)
            process.kill()
            process.wait()
            if process.returncode == -9:
                found.append(AT_ONCE if not options else 0)
        print(f"  killed: {len(found)}", file=sys.stderr)
    return found


PARTS: dict[str, Callable[[int, int], list[Row]]] = {
    "speed": speed,
    "limit": limit,
    "kills": kills,
    "batch": batch,
}


def main() -> int:
    """Measure, print the table, and say whether the floors hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without one")
    given = parser.parse_args()
    good = True
    for name in given.parts or PARTS:
        for what, value, floor, holds in PARTS[name](given.calls, given.kills):
            print(f"{name:6} {what:46} {value:>12}   {floor:24} {'ok' if holds else 'MISSED'}", flush=True)
            good = good and holds
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
