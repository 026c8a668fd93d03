"""How well facts without a source find the made-up links of the sample data, and what else they flag.

Usage: python benchmarks/unsourced.py [--all]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from traceview.store.interface import ListQuery
from traceview.store.open import open_engine
from traceview.store.provenance import unsourced
from traceview.text.facts import Fact

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data"
PLANTED = "made_up_link"


@dataclass
class Judged:
    """Traces by whether a made-up link is planted and whether one was found, and every fact that was flagged."""

    hits: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    others: list[tuple[str, str, Fact]] = field(default_factory=list)

    @property
    def precision(self) -> float:
        """Of the traces with a flagged address, how many have a planted one."""
        return len(self.hits) / max(1, len(self.hits) + len(self.wrong))

    @property
    def recall(self) -> float:
        """Of the traces with a planted address, how many were flagged."""
        return len(self.hits) / max(1, len(self.hits) + len(self.missed))


def judge() -> Judged:
    """Compare what is flagged in the sample data with what was planted."""
    lines = (SAMPLE / "truth.jsonl").read_text().splitlines()
    problems = {one["trace_id"]: one["problem"] for one in map(json.loads, lines)}
    engine = open_engine([str(SAMPLE / "traces.parquet")])
    judged = Judged()
    try:
        engine.wait_ready()
        selection = engine.select(ListQuery("spans"))
        spans = sorted(engine.rows(selection, 0, len(selection)).rows, key=lambda row: row["span_no"])
        by_trace: dict[str, list[int]] = {}
        for at, span in enumerate(spans):
            by_trace.setdefault(span["trace_id"], []).append(at)
        payloads = engine.payloads(spans)
        for trace_id, places in by_trace.items():
            found = unsourced([spans[at] for at in places], [payloads[at] for at in places])
            planted, flagged = problems.get(trace_id) == PLANTED, any(fact.kind == "url" for fact in found)
            if flagged:
                (judged.hits if planted else judged.wrong).append(trace_id)
            elif planted:
                judged.missed.append(trace_id)
            judged.others += [
                (problems.get(trace_id, "none"), trace_id, fact) for fact in found if fact.kind != "url"
            ]
    finally:
        engine.close()
    return judged


def main() -> None:
    """Print precision, recall, and what else was flagged."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--all", action="store_true", help="list every other fact that was flagged")
    shown = arguments.parse_args()
    judged = judge()
    print(f"made-up links: precision {judged.precision:.3f}, recall {judged.recall:.3f}")
    print(f"  {len(judged.hits)} found, {len(judged.missed)} missed, {len(judged.wrong)} wrong")
    traces = {trace_id for _, trace_id, _ in judged.others}
    print(f"other facts: {len(judged.others)} in {len(traces)} traces")
    for (problem, kind), count in Counter((p, fact.kind) for p, _, fact in judged.others).most_common():
        print(f"  {count:4} {kind} in traces with the problem {problem}")
    if shown.all:
        for problem, trace_id, fact in judged.others:
            print(f"{trace_id}  {problem}  {fact.text}")


if __name__ == "__main__":
    main()
