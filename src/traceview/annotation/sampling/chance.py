"""What comes into a sample by chance: hashes of the seed and the ids decide, never the order of the rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from traceview.annotation.sampling.rows import APART, Candidate, Picked, Sample, thread_of

NO_VALUE = "(none)"
"""The stratum of the items that have no value of the field."""


def chance(seed: int, purpose: str, name: str) -> int:
    """A number below 2**64 that is as good as drawn, the same in every process."""
    text = f"{seed}\x1f{purpose}\x1f{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def shuffled(candidates: Collection[Candidate], seed: int) -> list[Candidate]:
    """The items in an order of chance."""
    return sorted(candidates, key=lambda one: (chance(seed, "item", one.id), one.id))


def random_sample(candidates: Sequence[Candidate], count: int, seed: int) -> Sample:
    """So many items, each with the same chance; a larger sample has the items of a smaller one."""
    taken = shuffled(candidates, seed)[:count]
    reason = f"random{APART}{len(taken):,} of {len(candidates):,}"
    items = tuple(Picked(one.id, len(taken) / len(candidates), reason) for one in taken)
    return Sample(items, len(candidates), short(count, len(items), "are there"))


def stratified_sample(candidates: Sequence[Candidate], count: int, name: str, seed: int) -> Sample:
    """As many of every value of a field as of every other, or all of a value that has fewer."""
    strata: dict[str, list[Candidate]] = defaultdict(list)
    for one in shuffled(candidates, seed):
        strata[one.fields.get(name) or NO_VALUE].append(one)
    sizes = {value: len(items) for value, items in strata.items()}
    level, over, left = _even_shares(sizes, count)
    # the items that do not divide go to strata by chance: with fewer items than values every value has one
    lucky = sorted(left, key=lambda value: (chance(seed, "stratum", value), value))[:over]
    picked: dict[str, Picked] = {}
    for value, items in strata.items():
        taken = items[: min(len(items), level) + (value in lucky)]
        share = level + over / len(left) if value in left else len(items)
        said = f"{name} {value.replace(APART, ' ')}{APART}{len(taken):,} of {len(items):,}"
        picked |= {one.id: Picked(one.id, share / len(items), said) for one in taken}
    ordered = tuple(picked[one.id] for one in shuffled(candidates, seed) if one.id in picked)
    notes = [*short(count, len(ordered), "are there")]
    if count < len(strata):
        notes.append(f"{count:,} items for {len(strata):,} values of {name}: some values have none")
    return Sample(ordered, len(candidates), tuple(notes))


def _even_shares(sizes: Mapping[str, int], count: int) -> tuple[int, int, list[str]]:
    """How many items every stratum gives if it has them, how many are over, and the strata that have more to give."""
    level, over, left = 0, min(count, sum(sizes.values())), sorted(sizes)
    while left and over >= len(left):
        step = min(over // len(left), min(sizes[value] for value in left) - level)
        level += step
        over -= step * len(left)
        left = [value for value in left if sizes[value] > level]
    return level, over, left


def spread(
    candidates: Sequence[Candidate], count: int, room: Callable[[str], int], seed: int
) -> dict[str, float]:
    """The ids of a sample of equal chances with so much room (at least 1) in each thread, and the chance of each.

    Systematic sampling of items that stand thread by thread, those with the same values of the fields together, else in
    an order of chance: a thread, and a value, has as many as is its share of the whole, rounded up or down. Threads
    whose share is more than their room give as many as they have room for, each of their items with the same chance.
    """
    if count <= 0:
        return {}
    threads: dict[str, list[Candidate]] = defaultdict(list)
    for one in shuffled(candidates, seed):
        threads[thread_of(one)].append(one)
    chances: dict[str, float] = {}
    while threads:
        total = sum(map(len, threads.values()))
        wanted = min(count, total)
        full = [name for name, items in threads.items() if len(items) * wanted > room(name) * total]
        for name in full:
            items = threads.pop(name)
            chances |= {one.id: room(name) / len(items) for one in items[: room(name)]}
            count -= room(name)
        if full:
            continue
        names = sorted(threads, key=lambda name: (_values(threads[name]), chance(seed, "thread", name), name))
        line = [one for name in names for one in threads[name]]
        start = chance(seed, "start", "") / 2**64
        places = [int((start + step) * total / wanted) for step in range(wanted)]
        return chances | {line[min(place, total - 1)].id: wanted / total for place in places}
    return chances


def _values(items: Sequence[Candidate]) -> list[tuple[str, str]]:
    """The values of the fields of a thread: those of its first item by id."""
    first = min(items, key=lambda one: one.id)
    return sorted((name, value or "") for name, value in first.fields.items())


def short(count: int, found: int, what: str) -> tuple[str, ...]:
    """A note that fewer items were found than wanted, and why."""
    return (f"{found:,} of {count:,}: no more {what}",) if found < count else ()
