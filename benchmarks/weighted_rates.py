"""How often the interval of a weighted rate holds the truth, in simulated annotation sessions.

Usage: python -m benchmarks.weighted_rates [--sessions 500] [--seed 0]

Every session draws its list with a sampling rule from one of five pools of 1,000 traces, in which what fails more often
is slow, disputed, of the rarer version, and in the same threads; somebody labels all of the list, or its first part.
Prints one line per rule: how many of the intervals hold the pool's pass rate, weighted and as if all items were alike,
by how much the rates are off on average, and half the width of the weighted interval. Exits with 1 if less than 93 % of
the weighted ones hold it: at 95 %, 500 sessions differ by one.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from traceview.analysis.intervals import wilson
from traceview.analysis.weighted import SampledItem, weighted_rate
from traceview.annotation.sampling import Candidate, draw, parse_rule, part_of
from traceview.model.labels import LabelRow, Target

RULES: tuple[tuple[str, float], ...] = (
    ("random:100", 1.0),
    ("random:100", 0.5),
    ("stratified:90:version", 1.0),
    ("next:100", 1.0),
    ("next:100", 0.6),
    ("next:300", 1.0),
)
"""A sampling rule, and the share of the list that is labelled."""
POOLS = 5
ITEMS = 1_000
LEAST = 0.93


@dataclass
class Coverage:
    """What the sessions of one rule found."""

    held: list[bool] = field(default_factory=list)
    naive_held: list[bool] = field(default_factory=list)
    off: list[float] = field(default_factory=list)
    naive_off: list[float] = field(default_factory=list)
    half_widths: list[float] = field(default_factory=list)


def pool_of(seed: int, size: int = ITEMS) -> tuple[list[Candidate], dict[str, bool], dict[str, str | None]]:
    """Traces in threads of one to eight, whether each passes, and the thread of each."""
    chance = random.Random(seed)
    candidates: list[Candidate] = []
    passes: dict[str, bool] = {}
    while len(candidates) < size:
        thread = f"t{len(candidates)}"
        mood = chance.gauss(0, 0.1)
        for _ in range(min(chance.choice((1, 1, 1, 2, 3, 8)), size - len(candidates))):
            name = f"i{len(candidates)}"
            version = chance.choices(("v1", "v2", "v3"), (70, 25, 5))[0]
            slow = chance.random() < 0.05
            likely = 0.85 + mood - 0.3 * slow - (0.35 if version == "v3" else 0.0)
            good = passes[name] = chance.random() < likely
            judge = good if chance.random() < 0.85 else not good
            check = good if chance.random() < 0.75 else not good
            candidates.append(
                Candidate(
                    name,
                    thread,
                    {"version": version},
                    {"duration_ms": chance.lognormvariate(7, 0.4) * (30 if slow else 1)},
                    [_row(name, "judge", judge), _row(name, "check", check)],
                    text=f"about {chance.choice(('orders', 'refunds', 'parcels'))} {chance.randrange(40)}",
                )
            )
    return candidates, passes, {one.id: one.thread_id for one in candidates}


def _row(target: str, annotator: str, value: bool) -> LabelRow:
    return LabelRow(
        f"{target}{annotator}", Target("trace", target, target), "good", value, "judge", annotator, ""
    )


def sessions(rule: str, labelled: float, count: int, seed: int) -> Coverage:
    """So many sessions with a rule of whose lists a share is labelled, from the beginning."""
    coverage = Coverage()
    parsed = parse_rule(rule)
    pools = [pool_of(seed + number) for number in range(POOLS)]
    for number in range(count):
        candidates, passes, threads = pools[number % POOLS]
        truth = fmean(passes.values())
        picked = draw(parsed, candidates, seed + number).items
        done = round(labelled * len(picked))
        items = [
            SampledItem(one.probability, passes[one.id], at < done, part_of(one.reason), threads[one.id])
            for at, one in enumerate(picked)
        ]
        found = weighted_rate(items)
        good = sum(passes[one.id] for one in picked[:done])
        naive = wilson(good, done)
        assert found.value is not None and found.ci95 is not None and naive is not None
        coverage.held.append(found.ci95[0] <= truth <= found.ci95[1])
        coverage.naive_held.append(naive[0] <= truth <= naive[1])
        coverage.off.append(found.value - truth)
        coverage.naive_off.append(good / done - truth)
        coverage.half_widths.append((found.ci95[1] - found.ci95[0]) / 2)
    return coverage


def lines(count: int, seed: int) -> Iterator[tuple[str, Coverage]]:
    """What each rule finds, with its name."""
    for rule, labelled in RULES:
        name = rule if labelled == 1 else f"{rule}, {labelled:.0%} labelled"
        yield name, sessions(rule, labelled, count, seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if too few intervals hold the truth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    print(f"{options.sessions} sessions a rule from {POOLS} pools of {ITEMS:,} traces; seed {options.seed}")
    print(f"{'rule':28} {'holds':>6} {'alike':>6} {'off by':>7} {'alike':>7} {'half width':>10}")
    worst = 1.0
    for name, found in lines(options.sessions, options.seed):
        held, alike = fmean(found.held), fmean(found.naive_held)
        worst = min(worst, held)
        print(
            f"{name:28} {held:6.1%} {alike:6.1%} {fmean(found.off):+7.3f} {fmean(found.naive_off):+7.3f} "
            f"{fmean(found.half_widths):10.3f}",
            flush=True,
        )
    return int(worst < LEAST)


if __name__ == "__main__":
    sys.exit(main())
