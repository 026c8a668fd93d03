"""Four programs write labels into one file at the same time: two apps, an import of rows, and a judge-like writer.

Usage: python -m benchmarks.four_writers [--seconds 60]

The apps run in pseudo-terminals, a key each PAUSE seconds in a session of their own. A label is timed from its key to
its row, which has the time at which its transaction held the lock, and to the next item on the screen, which comes
behind the commit; how long that takes one app alone is measured before. What the screen moved on from, what the import
called added and what the judge-like writer heard of as committed must be in the file. Exit code 1 if anything is
missing, if a lock error reached anybody, or if the 95th percentile of a label is 50 ms or more, unless the machine is
so busy that one app alone takes a quarter of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from msgspec import to_builtins

from benchmarks.app import environment, p95
from benchmarks.kills import sample_copy
from benchmarks.session_kills import ITEMS, place
from benchmarks.terminal import Terminal
from traceview.annotation.transfer import check_labels
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore

MOST_SECONDS = 0.050
PAUSE = 0.25
"""Seconds between the keys of one person."""
IMPORTED = 200
"""Rows of a file that is imported; a file each IMPORT_PAUSE seconds."""
IMPORT_PAUSE = 2.0
JUDGED = 4
"""Rows that the judge-like writer commits at once, again after JUDGE_PAUSE seconds."""
JUDGE_PAUSE = 0.02
PEOPLE = ("ana@example.com", "ben@example.com")
JUDGE, IMPORTER = "judge-1", "importer"
TROUBLE = re.compile(r"NOT SAVED|not saved|locked|waiting for (process|another)")
LABELS = "traces.labels.db"


@dataclass(frozen=True)
class Outcome:
    """What each program says that it wrote, and what the file holds."""

    told: tuple[Written, ...]
    held: Counter[str]
    """Rows by annotator."""
    problems: tuple[str, ...]
    labels: tuple[float, ...]
    """Seconds from a person's key to the row."""

    @property
    def lost(self) -> int:
        """Rows that were called written and are not there."""
        return sum(max(0, one.rows - self.held[one.who]) for one in self.told)

    @property
    def trouble(self) -> list[str]:
        """What went wrong anywhere."""
        return [*self.problems, *(line for one in self.told for line in one.trouble)]


@dataclass
class Written:
    """What one program heard of as written, how long each write took, and what went wrong."""

    who: str
    rows: int = 0
    seconds: list[float] = field(default_factory=list)
    began: list[float] = field(default_factory=list)
    """Seconds since 1970 at which each write was asked for."""
    trouble: list[str] = field(default_factory=list)


def label_in_app(source: Path, home: str, who: str, until: float) -> Written:
    """Press a value, wait for the next item, rest, until the time is over."""
    env = environment(home) | {"TRACEVIEW_ANNOTATOR": who}
    command = [sys.executable, "-m", "traceview.cli.main", "annotate", str(source)]
    command += ["--sample", f"random:{ITEMS}", "--define", "grounded", "--name", who]
    done = Written(who)
    with Terminal(command, env=env, cwd=str(source.parent)) as terminal:
        terminal.wait(lambda one: place(one) is not None and "grounded" in one.text, 60)
        terminal.settle(1.0)
        print("ready", flush=True)
        sys.stdin.readline()
        end = time.monotonic() + until
        while time.monotonic() < end and done.rows < ITEMS - 1:
            before = place(terminal)
            pressed = time.perf_counter()
            done.began.append(time.time())
            terminal.press("12"[done.rows % 2])
            try:
                came = terminal.wait(lambda one, before=before: place(one) not in (None, before), 20)
            except TimeoutError as error:
                done.trouble.append(str(error))
                break
            done.rows += 1
            done.seconds.append(came - pressed)
            terminal.settle(PAUSE, at_most=PAUSE)
            found = TROUBLE.search(terminal.text)
            if found:
                done.trouble.append(found[0])
    return done


def import_rows(source: Path, home: str, until: float) -> Written:
    """Import a file of new rows by the command line, again and again."""
    done = Written(IMPORTER)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + until
    number = 0
    env = environment(home)
    while time.monotonic() < end:
        number += 1
        rows = source.with_name(f"rows-{number}.jsonl")
        rows.write_text(
            "".join(
                json.dumps(
                    {
                        "target_kind": "trace",
                        "target_id": f"imported-{number}-{row}",
                        "name": "grounded",
                        "value": row % 2 == 0,
                        "source": "human",
                        "annotator": IMPORTER,
                    }
                )
                + "\n"
                for row in range(IMPORTED)
            )
        )
        begun = time.perf_counter()
        command = [sys.executable, "-m", "traceview.cli.main", "labels", "import", str(source), str(rows)]
        ran = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        if ran.returncode or f"{IMPORTED} added" not in ran.stderr:
            done.trouble.append(ran.stderr)
        else:
            done.rows += IMPORTED
            done.seconds.append(time.perf_counter() - begun)
        time.sleep(IMPORT_PAUSE)
    return done


def judge_rows(source: Path, until: float) -> Written:
    """Commit a few rows of a judge, again and again, as its worker does."""
    done = Written(JUDGE)
    store = LabelStore.open(source.with_name(LABELS))
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + until
    number = 0
    while time.monotonic() < end:
        number += 1
        rows = [
            LabelRow("", Target("trace", f"judged-{number}-{row}"), "grounded", True, "judge", JUDGE, "")
            for row in range(JUDGED)
        ]
        begun = time.perf_counter()
        try:
            done.rows += len(store.append_now(rows))
        except BadInput as error:
            done.trouble.append(repr(error))
        done.seconds.append(time.perf_counter() - begun)
        time.sleep(JUDGE_PAUSE)
    store.close()
    return done


ROLES = (*(("app", who) for who in PEOPLE), ("import", IMPORTER), ("judge", JUDGE))


def write_together(seconds: float, roles: Sequence[tuple[str, str]] = ROLES) -> Outcome:
    """All programs at once for so long."""
    with tempfile.TemporaryDirectory() as home:
        source = sample_copy(Path(home))
        LabelStore.open(source.with_name(LABELS)).close()
        programs = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "benchmarks.four_writers",
                    f"--seconds={seconds}",
                    f"--role={role}",
                    f"--who={who}",
                    f"--source={source}",
                    f"--home={home}",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).resolve().parents[1],
            )
            for role, who in roles
        ]
        for program in programs:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
        for program in programs:
            assert program.stdin is not None
            program.stdin.write("go\n")
            program.stdin.flush()
        told = [Written(**json.loads(program.communicate(timeout=seconds + 120)[0])) for program in programs]
        store = LabelStore.open(source.with_name(LABELS))
        try:
            rows = [row for row in store.history() if row.op == "set"]
            labels = [
                datetime.fromisoformat(row.created_at).timestamp() - began
                for one in told
                if one.who in PEOPLE
                for row, began in zip(
                    (row for row in rows if row.annotator == one.who), one.began, strict=False
                )
            ]
            held = Counter(row.annotator for row in rows)
            return Outcome(tuple(told), held, check_labels(store, []).problems, tuple(labels))
        finally:
            store.close()


def main() -> None:
    """Write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    for hidden in ("--role", "--who", "--source", "--home"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role is not None:
        source = Path(options.source)
        if options.role == "app":
            done = label_in_app(source, options.home, options.who, options.seconds)
        elif options.role == "import":
            done = import_rows(source, options.home, options.seconds)
        else:
            done = judge_rows(source, options.seconds)
        print(json.dumps(to_builtins(done)))
        return
    alone = write_together(options.seconds / 6, ROLES[:1])
    found = write_together(options.seconds)
    for one in found.told:
        print(
            f"{one.who}: {one.rows:,} rows in {len(one.seconds):,} writes, "
            f"{max(0, one.rows - found.held[one.who]):,} lost, {_times(one.seconds)}"
        )
    painted = [seconds for one in found.told if one.who in PEOPLE for seconds in one.seconds]
    print(f"a label, from its key to its row: {_times(found.labels)}; one app alone {_times(alone.labels)}")
    print(
        f"to the next item on the screen: {_times(painted)}; one app alone {_times(alone.told[0].seconds)}; "
        f"{len(found.trouble):,} errors"
    )
    for line in found.trouble[:5]:
        print(f"  {line}")
    most = max(MOST_SECONDS, 4 * p95(alone.labels)) if alone.labels else MOST_SECONDS
    sys.exit(1 if found.lost or found.trouble or p95(found.labels) >= most else 0)


def _times(seconds: Sequence[float]) -> str:
    """The 95th percentile and the longest in milliseconds."""
    if not seconds:
        return "none"
    return f"p95 {p95(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms of {len(seconds):,}"


if __name__ == "__main__":
    main()
