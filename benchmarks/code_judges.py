"""Code judges: how well they find what is planted in the sample data, and how fast they are.

Usage: python -m benchmarks.code_judges --truth
       python -m benchmarks.code_judges --speed [--spans 200000] [--keep FILE]

The second generates a file of agent traces and prints, for every built-in check, traces a second on one core: of the
check alone, and with reading its texts; then a whole run with its labels, the same again, one whose filter leaves one
trace in a hundred beside DuckDB's own scan of the same columns, and a check of a project's own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from traceview.definitions.project import Project, load_project
from traceview.judges.code_run import run_code_judges
from traceview.judges.code_worker import FUNCTION, Checking, columns_of, needs_turns
from traceview.judges.hashing import hashed
from traceview.judges.loading import load_judges
from traceview.model.judges import Check, JudgeDefinition, ScoreShape
from traceview.store.duck import unit_scan
from traceview.store.duck.engine import DuckEngine
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine
from traceview.store.scan import Scan, TraceTexts

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data"
FINDS: Mapping[str, tuple[str, ...]] = {
    "grounded": ("made_up_link", "search_skipped"),
    "grounded_links": ("made_up_link",),
    "grounded_searched": ("search_skipped",),
    "format": ("format_broken",),
    "handled_errors": ("ignored_error",),
    "no_loop": ("loop",),
    "not_corrected": ("user_correction",),
    "no_injection": ("prompt_injection",),
}
"""Which planted problems each feedback of the sample's judges is to fail on."""

CHECKS: Mapping[str, dict[str, Any]] = {
    "urls_from_tools": {"tool": ["search documentation"]},
    "tool_called": {"tool": ["search documentation"]},
    "format_rules": {"max_words": 250, "no_table": True, "max_bullets": 3, "forbid": ["as an ai"]},
    "valid_json": {},
    "no_tool_error_ignored": {},
    "no_loop": {},
    "user_corrected": {},
    "tool_exists": {"tools": ["search documentation", "get_goal"]},
    "injection_in_tool_output": {},
}


SAMPLE_TRACES = 2_000


class Found(NamedTuple):
    """Traces that fail and have the problem, that only fail, and that only have it."""

    hits: frozenset[str]
    wrong: frozenset[str]
    missed: frozenset[str]

    @property
    def precision(self) -> float:
        """Share of those that fail."""
        return len(self.hits) / max(1, len(self.hits) + len(self.wrong))

    @property
    def recall(self) -> float:
        """Share of those with the problem."""
        return len(self.hits) / max(1, len(self.hits) + len(self.missed))


def against_truth(folder: Path) -> dict[str, Found]:
    """What the judges of the sample data find, by feedback; `folder` takes a copy of the data and its labels."""
    source = folder / "traces.parquet"
    shutil.copyfile(SAMPLE / "traces.parquet", source)
    project = load_project(SAMPLE)
    judges = load_judges(project).judges
    engine, labels = open_engine([str(source)]), LabelStore.open(folder / "traces.labels.db")
    try:
        engine.wait_ready()
        run_code_judges(engine, labels, judges)
        failed: dict[str, set[str]] = {}
        for row in labels.current():
            if row.value is False:
                failed.setdefault(row.name, set()).add(row.target.id)
        planted = _planted(engine)
        return {
            name: _found(failed.get(name, set()), set().union(*(planted[one] for one in problems)))
            for name, problems in FINDS.items()
        }
    finally:
        labels.close()
        engine.close()


def _planted(engine: Engine) -> dict[str, set[str]]:
    """Trace ids by problem. A correction is planted in the turn that corrects; the answer before it is at fault."""
    before: dict[str, str] = {}
    threads = (
        "SELECT list(trace_id ORDER BY start_time) FROM traces WHERE thread_id IS NOT NULL GROUP BY thread_id"
    )
    for (ids,) in engine.sql(threads).rows:
        before |= {later: earlier for earlier, later in pairwise(ids)}
    planted: dict[str, set[str]] = {}
    for line in (SAMPLE / "truth.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        trace_id = row["trace_id"]
        planted.setdefault(row["problem"], set()).add(
            before[trace_id] if row["problem"] == "user_correction" else trace_id
        )
    return planted


def _found(failed: set[str], planted: set[str]) -> Found:
    return Found(frozenset(failed & planted), frozenset(failed - planted), frozenset(planted - failed))


def print_truth() -> bool:
    """Print precision and recall of every feedback; whether the links are found exactly."""
    with tempfile.TemporaryDirectory() as folder:
        found = against_truth(Path(folder))
    print("| feedback | planted problem | found | wrong | missed | precision | recall |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, one in found.items():
        print(
            f"| {name} | {', '.join(FINDS[name])} | {len(one.hits)} | {len(one.wrong)} | {len(one.missed)} "
            f"| {one.precision:.3f} | {one.recall:.3f} |"
        )
    links = found["grounded_links"]
    return links.precision == links.recall == 1.0


def judge(use: str, options: Mapping[str, Any], name: str = "", where: str = "") -> JudgeDefinition:
    """A code judge of one check."""
    shape = ScoreShape("boolean", allow_na=True)
    name = name or use
    return hashed(
        JudgeDefinition(name, name, "code", "trace", shape, checks=(Check(use, options),), where=where)
    )


class Clock:
    """Seconds of wall and processor time of a block."""

    wall = 0.0
    cpu = 0.0


def _cpu() -> float:
    """Seconds of processor time of this process and of its children that ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@contextmanager
def timed() -> Iterator[Clock]:
    """The time of a block."""
    clock, wall, cpu = Clock(), time.perf_counter(), _cpu()
    yield clock
    clock.wall, clock.cpu = time.perf_counter() - wall, _cpu() - cpu


def print_speed(path: Path) -> None:
    """Print how fast code judges are on a file."""
    engine = open_engine([str(path)])
    engine.wait_ready()
    try:
        traces = engine.totals(ListQuery("traces")).count
        print(f"{path.name}: {engine.info().spans:,} spans, {traces:,} traces")
        print("| check | alone, traces a CPU second | with reading, traces a CPU second |")
        print("| --- | --- | --- |")
        for use, options in CHECKS.items():
            alone, reading = _speed(engine, judge(use, options))
            print(f"| {use} | {alone:,.0f} | {reading:,.0f} |")
        with tempfile.TemporaryDirectory() as folder:
            _whole_runs(engine, Path(folder), traces)
    finally:
        engine.close()


def _speed(engine: Engine, one: JudgeDefinition) -> tuple[float, float]:
    """Traces a second of processor time: of a check on texts in memory, and with reading them, in this process."""

    def scan(function: str) -> Scan:
        return Scan("traces", (None,), function, columns_of([one]), (one,), turns=needs_turns([one]))

    # children would not find this module
    before, unit_scan.INSIDE_SPANS = unit_scan.INSIDE_SPANS, sys.maxsize
    taken = engine.scan(scan("benchmarks.code_judges:keep"), CancelToken(), 1)
    unit_scan.INSIDE_SPANS = before
    texts: list[list[TraceTexts]] = []
    try:
        for _, results in taken.results(CancelToken()):
            texts += [result.value for result in results]
            if len(texts) > SAMPLE_TRACES:
                break
    finally:
        taken.close()
    function = Checking((one,))
    with timed() as clock:
        for traces in texts:
            function(traces)
    alone = len(texts) / clock.cpu
    unit_scan.INSIDE_SPANS = sys.maxsize
    scanning = engine.scan(scan(FUNCTION), CancelToken(), 1)
    unit_scan.INSIDE_SPANS = before
    try:
        count = 0
        with timed() as clock:
            for _, results in scanning.results(CancelToken()):
                count += len(results)
                if count > SAMPLE_TRACES:
                    break
        return alone, count / clock.cpu
    finally:
        scanning.close()


def keep(_: object) -> Any:
    """A scan that gives back what it read."""
    return list


def _whole_runs(engine: Engine, folder: Path, traces: int) -> None:
    labels = LabelStore.open(folder / "speed.labels.db")
    links = judge("urls_from_tools", CHECKS["urls_from_tools"], "links")
    rare = judge("urls_from_tools", CHECKS["urls_from_tools"], "rare", where="tool:search_goal errors>0")
    try:
        for words, judges in (
            ("one judge", [links]),
            ("the same again", [links]),
            ("all nine", [judge(use, options) for use, options in CHECKS.items()]),
        ):
            with timed() as clock:
                reports = run_code_judges(engine, labels, judges)
            done = sum(report.judged for report in reports)
            print(
                f"{words}: {done:,} verdicts, {clock.wall:.2f} s, {clock.cpu:.2f} s of processor "
                f"({traces / clock.cpu:,.0f} traces a second of it)"
            )
        with timed() as clock:
            (report,) = run_code_judges(engine, labels, [rare])
        with timed() as bare:
            _bare_scan(engine)
        print(
            f"filter `{rare.where}`: {report.planned:,} of {traces:,} traces, {clock.cpu:.2f} s of processor; "
            f"DuckDB's scan of the columns {bare.cpu:.2f} s: {clock.cpu / bare.cpu:.1f} times"
        )
        own = folder / "checks"
        own.mkdir()
        (own / "own.py").write_text("def check(item):\n    return bool(item['trace']['output']['text'])\n")
        with timed() as clock:
            (report,) = run_code_judges(
                engine,
                labels,
                [judge("python:checks/own.py:check", {}, "own")],
                project=Project((), folder / "traceview.toml", "cwd"),
                limit=2_000,
            )
        print(f"a check of one's own: {report.judged / clock.wall:,.0f} traces/s, {dict(report.errors)}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"memory: {peak:,.0f} MB, the largest child {children:,.0f} MB")
    finally:
        labels.close()


def _bare_scan(engine: Engine) -> None:
    """What DuckDB takes to read the texts that the judge reads, of all rows."""
    assert isinstance(engine, DuckEngine)
    placed = engine._queries().index.reader.placed[0]
    names = ("output", "input", "tool_args", "tool_result")
    summed = ", ".join(f"sum(strlen({placed.expression(name)}))" for name in names)
    engine._database.fetch(f"SELECT {summed} FROM {placed.scan()}")


def main(arguments: Iterable[str] | None = None) -> int:
    """Parse the command line and print; 1 if the links are not found exactly."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--truth", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--spans", type=int, default=200_000)
    parser.add_argument("--keep", type=Path, help="the generated file, made if it is not there")
    given = parser.parse_args(None if arguments is None else list(arguments))
    exact = print_truth() if given.truth or not given.speed else True
    if given.speed:
        from benchmarks.generate import generate

        with tempfile.TemporaryDirectory() as folder:
            path = given.keep or Path(folder) / "spans.parquet"
            if not path.exists():
                generate(given.spans, "sorted", "full", path)
            print_speed(path)
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
