"""Which items come into a session, in which order, with which chance, and why each: the sampling rules over plain rows.

The same rows and the same seed give the same list in every process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from traceview.annotation.sampling.chance import random_sample, short, shuffled, spread, stratified_sample
from traceview.annotation.sampling.rows import APART, Candidate, Picked, Sample, part_of, thread_of
from traceview.annotation.sampling.rule import SamplingRule, parse_rule
from traceview.annotation.sampling.seeking import (
    Sought,
    by_disagreement,
    by_novelty,
    by_outlying,
    check_judge,
)

__all__ = ["Candidate", "Picked", "Sample", "SamplingRule", "draw", "parse_rule", "part_of"]

PER_THREAD = 2
"""Items of one thread that `next` takes at most; of what it seeks, one less, so that chance always has a place."""
SOUGHT = {"disagreement": 0.30, "outlier": 0.15, "novelty": 0.15}
"""The shares of `next` that are sought; the rest is chance."""
OUTLYING = 3.5
"""Robust spreads from the median beyond which `next` takes a figure for an outlier."""


def draw(rule: SamplingRule, candidates: Sequence[Candidate], seed: int) -> Sample:
    """The sample of a rule. Raises BadInput where a judge has said nothing, with the nearest that has."""
    match rule.kind:
        case "all":
            return Sample(tuple(Picked(one.id, 1.0, "all") for one in candidates), len(candidates))
        case "unlabelled":
            left = [one for one in candidates if not one.labelled]
            return Sample(tuple(Picked(one.id, 1.0, "unlabelled") for one in left), len(left))
        case "random":
            return random_sample(candidates, rule.count or 0, seed)
        case "stratified":
            return stratified_sample(candidates, rule.count or 0, rule.name or "", seed)
        case "outliers":
            return _sought(by_outlying(candidates), candidates, rule, "have a figure")
        case "disagreement":
            judge = rule.name or ""
            check_judge(judge, candidates)
            return _sought(
                by_disagreement(candidates, judge), candidates, rule, f"have another value than {judge}'s"
            )
        case "next":
            return _next(candidates, rule.count or 0, seed)


def _sought(
    found: Sequence[Sought], candidates: Sequence[Candidate], rule: SamplingRule, what: str
) -> Sample:
    """The first of a list that is in the order of how much is to be seen in each."""
    count = rule.count or 0
    items = tuple(Picked(one.id, None, reason) for one, reason in found[:count])
    return Sample(items, len(candidates), short(count, len(items), what))


def _next(candidates: Sequence[Candidate], count: int, seed: int) -> Sample:
    """What to label next: a part by chance, the rest where labels tell most; never what is labelled.

    What is sought has chance 1, what is left the chance of the part that is random: together they stand for all that is
    not labelled.
    """
    pool = [one for one in candidates if not one.labelled]
    picked: dict[str, Picked] = {}
    threads: Counter[str] = Counter()
    notes: list[str] = []

    def take(one: Candidate, reason: str) -> None:
        picked[one.id] = Picked(one.id, 1.0, reason)
        threads[thread_of(one)] += 1

    def fits(one: Candidate) -> bool:
        return one.id not in picked and threads[thread_of(one)] < PER_THREAD - 1

    quotas = _quotas(min(count, len(pool)))
    for part, found in (
        ("disagreement", by_disagreement(pool)),
        ("outlier", by_outlying(pool, OUTLYING)),
    ):
        taken = 0
        for one, reason in found:
            if taken < quotas[part] and fits(one):
                take(one, reason)
                taken += 1
    for one, reason in by_novelty(candidates, pool, picked, quotas["novelty"], fits, notes):
        take(one, reason)
    rest = [one for one in pool if one.id not in picked]
    chances = spread(rest, min(count, len(pool)) - len(picked), lambda name: PER_THREAD - threads[name], seed)
    said = f"random{APART}{len(chances):,} of {len(rest):,}, at most {PER_THREAD} a thread"
    picked |= {id_: Picked(id_, chance, said) for id_, chance in chances.items()}
    items = tuple(picked[one.id] for one in shuffled(pool, seed) if one.id in picked)
    notes += short(count, len(items), f"are not labelled yet, at most {PER_THREAD} of a thread")
    return Sample(items, len(pool), tuple(notes))


def _quotas(count: int) -> dict[str, int]:
    """How many of each sought part, rounded down: what does not divide is left to chance."""
    return {part: int(count * share + 1e-9) for part, share in SOUGHT.items()}
