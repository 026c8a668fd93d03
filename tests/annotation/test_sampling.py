"""Sampling: the chances that are said are those that hold, over many seeds; what is sought is what should be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from math import sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from traceview.annotation.sampling import Candidate, Sample, draw, parse_rule, part_of
from traceview.annotation.sampling.chance import spread
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, ScoreSource, Target

SEEDS = {"random": 600, "stratified": 600, "next": 80}


def items(count: int, **given: Callable[[int], object]) -> list[Candidate]:
    """Candidates `i0`, `i1`, ... with what is given for each number."""
    return [Candidate(f"i{n}", **{name: of(n) for name, of in given.items()}) for n in range(count)]  # type: ignore[arg-type]


def row(
    target: str, annotator: str, value: LabelValue, source: ScoreSource = "judge", name: str = "grounded"
) -> LabelRow:
    return LabelRow(
        f"{target}-{annotator}-{name}", Target("trace", target, target), name, value, source, annotator, ""
    )


def ids(sample: Sample) -> list[str]:
    return [one.id for one in sample.items]


# Several to a thread, few in most; versions of very different sizes; some labelled; some odd, disputed, new.
POOL = [
    Candidate(
        f"i{n}",
        thread_id=f"t{n // 7}" if n < 70 else f"u{n // 2}" if n < 100 else None,
        fields={"version": "v1" if n % 10 else ("v2" if n % 20 else None)},
        figures={"duration_ms": 90_000.0 if n in (3, 120) else 1000.0 + n % 13},
        labels=[row(f"i{n}", "judge", True), row(f"i{n}", "check", n % 17 != 0, "code")],
        labelled=n % 11 == 0,
        text=f"an answer about orders {n % 5}" if n % 40 else f"quite another matter {n} zebra",
    )
    for n in range(130)
]


@pytest.mark.parametrize(
    "text",
    [
        "random:20",
        "stratified:24:version",
        "stratified:2:version",
        "stratified:100:version",
        "next:30",
        "next:70",
    ],
)
def test_chances_hold_over_seeds(text: str) -> None:
    """Every item comes as often as its chance says, within what so many draws differ by; so do the weights."""
    rule = parse_rule(text)
    times: Counter[str] = Counter()
    said: dict[str, set[float]] = {}
    pool_size = sum(not one.labelled for one in POOL) if rule.kind == "next" else len(POOL)
    weights: list[float] = []
    seeds = SEEDS[rule.kind]
    for seed in range(seeds):
        sample = draw(rule, POOL, seed)
        assert len(set(ids(sample))) == len(sample.items) == rule.count
        weights.append(0.0)
        for one in sample.items:
            assert one.probability is not None
            times[one.id] += 1
            said.setdefault(one.id, set()).add(round(one.probability, 9))
            weights[-1] += 1 / one.probability
    assert abs(fmean(weights) - pool_size) <= 4 * stdev(weights) / sqrt(seeds) + 1e-6
    for id_, chances in said.items():
        (chance,) = chances
        assert 0 < chance <= 1
        assert abs(times[id_] / seeds - chance) <= 4.5 * sqrt(chance * (1 - chance) / seeds) + 1e-9, id_


def test_chances_within_threads_hold_over_seeds() -> None:
    """What `next` leaves to chance: full threads, small ones, and one where something sought has taken a place."""
    pool = [
        Candidate(f"i{n}", thread_id="big" if n < 20 else f"t{n // 3}", fields={"v": str(n % 2)})
        for n in range(60)
    ]
    room = {"thread big": 2, "thread t8": 1}
    chances: dict[str, float] = {}
    times: Counter[str] = Counter()
    seeds = 1500
    for seed in range(seeds):
        found = spread(pool, 15, lambda thread: room.get(thread, 2), seed)
        threads = Counter(one.thread_id for one in pool if one.id in found)
        assert len(found) == 15
        assert all(count <= room.get(f"thread {thread}", 2) for thread, count in threads.items())
        times.update(list(found))
        chances |= found
    assert len(chances) == 60 and chances["i0"] == 0.1
    for id_, chance in chances.items():
        assert abs(times[id_] / seeds - chance) <= 4.5 * sqrt(chance * (1 - chance) / seeds), id_


@pytest.mark.parametrize(
    "text", ["random:20", "stratified:24:version", "outliers:9", "disagreement:5:judge", "next:30"]
)
def test_the_same_in_any_order_and_process(text: str) -> None:
    """Chance comes from hashes: neither the order of the rows nor the process plays a part."""
    rule = parse_rule(text)
    sample = draw(rule, POOL, 7)
    assert draw(rule, POOL[::-1], 7) == sample
    if "outliers" not in text and "disagreement" not in text:
        assert ids(draw(rule, POOL, 8)) != ids(sample)


def test_the_same_in_another_process() -> None:
    script = (
        "from traceview.annotation.sampling import Candidate, draw, parse_rule\n"
        "pool = [Candidate(f'i{n}', thread_id=f't{n // 3}', text=f'word{n % 9} other') for n in range(60)]\n"
        "print([(one.id, one.probability, one.reason) for one in draw(parse_rule('next:12'), pool, 3).items])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1 and b"i" in printed.pop()


def test_a_larger_random_sample_has_the_smaller() -> None:
    small, large = (ids(draw(parse_rule(f"random:{count}"), POOL, 1)) for count in (10, 40))
    assert large[:10] == small


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 2)), max_size=60),
    st.integers(1, 70),
    st.integers(0, 3),
)
def test_next_holds_its_promises(rows: list[tuple[int, bool, int]], count: int, seed: int) -> None:
    """At most two of a thread, nothing labelled, as many as there can be, and a chance for each that is left."""
    pool = [
        Candidate(
            f"i{n}",
            thread_id=f"t{thread}" if thread else None,
            labelled=labelled,
            figures={"tokens": 10.0**size},
            labels=[row(f"i{n}", "judge", True), row(f"i{n}", "check", size > 0, "code")],
            text=f"text {n}",
        )
        for n, (thread, labelled, size) in enumerate(rows)
    ]
    sample = draw(parse_rule(f"next:{count}"), pool, seed)
    thread_of = {one.id: one.thread_id or one.id for one in pool}
    left = Counter(thread_of[one.id] for one in pool if not one.labelled)
    taken = Counter(thread_of[one.id] for one in sample.items)
    assert not {one.id for one in pool if one.labelled} & set(ids(sample))
    assert all(times <= 2 for times in taken.values())
    assert len(sample.items) == min(count, sum(min(2, times) for times in left.values()))
    assert bool(sample.notes) == (len(sample.items) < count)
    assert sample.of == sum(left.values())
    assert all(one.probability is not None and 0 < one.probability <= 1 for one in sample.items)


def test_the_mix_of_next() -> None:
    """40 % chance, 30 % disputed, 15 % odd, 15 % new, each with its reason; what is missing goes to chance."""
    wide = [
        Candidate(
            f"i{n}",
            figures={"duration_ms": 1e6 + n if n % 10 == 1 else 1000.0 + n % 13},
            labels=[row(f"i{n}", "judge", True), row(f"i{n}", "check", n % 10 != 2, "code")],
            text=f"one of many {n % 3}" if n % 10 != 3 else f"a word{n} never{n} seen{n}",
        )
        for n in range(400)
    ]
    sample = draw(parse_rule("next:40"), wide, 1)
    parts = Counter(part_of(one.reason) for one in sample.items)
    assert parts == {"random": 16, "disagreement": 12, "outlier": 6, "novelty": 6}
    for one in sample.items:
        number, part = int(one.id[1:]), part_of(one.reason)
        assert (one.probability == 1) == (part != "random")
        if part != "random":
            assert number % 10 == {"outlier": 1, "disagreement": 2, "novelty": 3}[part]
    told = {part_of(one.reason): one.reason for one in sample.items}
    assert "grounded: check fail, judge pass" in told["disagreement"]
    assert "usually 1,007" in told["outlier"]
    assert "like the nearest" in told["novelty"]
    plain = draw(parse_rule("next:40"), items(400), 1)
    assert Counter(part_of(one.reason) for one in plain.items) == {"random": 40}
    assert plain.items[0].probability == 0.1


@pytest.mark.parametrize(
    ("sizes", "count", "shares"),
    [
        ({"a": 100, "b": 100, "c": 100}, 30, {"a": 10, "b": 10, "c": 10}),
        ({"a": 100, "b": 4, "c": 100}, 30, {"a": 13, "b": 4, "c": 13}),
        ({"a": 5, "b": 4, "c": 3}, 30, {"a": 5, "b": 4, "c": 3}),
        ({"a": 1, "b": 2, "c": 100}, 9, {"a": 1, "b": 2, "c": 6}),
    ],
)
def test_strata_get_even_shares(sizes: dict[str, int], count: int, shares: dict[str, int]) -> None:
    pool = [
        Candidate(f"{value}{n}", fields={"f": value}) for value, size in sizes.items() for n in range(size)
    ]
    sample = draw(parse_rule(f"stratified:{count}:f"), pool, 5)
    assert Counter(one.id[0] for one in sample.items) == shares
    assert {one.id[0]: one.probability for one in sample.items} == {
        value: pytest.approx(share / sizes[value]) for value, share in shares.items()
    }
    assert {part_of(one.reason) for one in sample.items} == {f"f {value}" for value in shares}
    assert bool(sample.notes) == (sum(sizes.values()) < count)


def test_items_without_a_value_are_a_stratum() -> None:
    pool = items(20, fields=lambda n: {"f": "a" if n % 2 else None})
    sample = draw(parse_rule("stratified:4:f"), pool, 1)
    assert Counter(part_of(one.reason) for one in sample.items) == {"f a": 2, "f (none)": 2}


def test_outliers_are_the_farthest_first() -> None:
    """On a logarithmic scale, both ways, whichever figure is the oddest; no chance is claimed."""
    figures: Sequence[dict[str, float | None]] = [
        {"tokens": 1000.0 + 10 * (n % 9), "steps": 3.0 + n % 2} for n in range(40)
    ]
    figures[5]["tokens"] = 50_000.0
    figures[6]["tokens"] = 2.0
    figures[7]["steps"] = 900.0
    figures[8]["tokens"] = None
    sample = draw(parse_rule("outliers:3"), items(40, figures=lambda n: figures[n]), 1)
    assert set(ids(sample)) == {"i5", "i6", "i7"}
    assert all(one.probability is None for one in sample.items)
    reasons = {one.id: one.reason for one in sample.items}
    assert reasons["i7"].startswith("outlier · steps 900, usually 3.5 (+")
    assert "tokens 2, usually 1,030 (-" in reasons["i6"]
    assert draw(parse_rule("outliers:3"), items(40), 1).notes == ("0 of 3: no more have a figure",)


def test_disagreement_of_one_judge() -> None:
    """Whoever said something else than the judge counts, people too; other metrics and what was cleared do not."""
    said = {
        0: [("judge", True, "judge"), ("check", True, "code")],
        1: [("judge", True, "judge"), ("check", False, "code"), ("kim", False, "human")],
        2: [("judge", False, "judge"), ("check", True, "code")],
        3: [("check", True, "code"), ("kim", False, "human")],
        4: [("judge", "n/a", "judge"), ("kim", True, "human")],
    }
    pool = [
        Candidate(f"i{n}", labels=[row(f"i{n}", who, value, source) for who, value, source in rows])  # type: ignore[arg-type]
        for n, rows in said.items()
    ]
    cleared = replace(row("i5", "check", None, "code"), op="clear")
    pool.append(
        Candidate("i5", labels=[row("i5", "judge", True), cleared, row("i5", "check", False, "code", "tone")])
    )
    sample = draw(parse_rule("disagreement:9:judge"), pool, 1)
    assert ids(sample) == ["i2", "i4", "i1"]
    assert sample.items[2].reason == "disagreement · grounded: check fail, judge pass, kim fail"
    assert sample.notes == ("3 of 9: no more have another value than judge's",)
    with pytest.raises(BadInput) as caught:
        draw(parse_rule("disagreement:9:juge"), pool, 1)
    assert caught.value.hint == "did you mean judge?"
    with pytest.raises(BadInput, match="no judge has scored"):
        draw(parse_rule("disagreement:9:judge"), items(3), 1)


def test_next_takes_people_for_no_party() -> None:
    """What a colleague said against a judge is no reason to look: annotators are blind to each other."""
    pool = items(30, labels=lambda n: [row(f"i{n}", "judge", True), row(f"i{n}", "kim", False, "human")])
    assert {part_of(one.reason) for one in draw(parse_rule("next:20"), pool, 1).items} == {"random"}


def test_all_and_unlabelled_keep_the_order() -> None:
    pool = items(6, labelled=lambda n: n % 2 == 0)
    assert ids(draw(parse_rule("all"), pool, 1)) == [f"i{n}" for n in range(6)]
    left = draw(parse_rule("unlabelled"), pool, 1)
    assert (ids(left), left.of) == (["i1", "i3", "i5"], 3)
    assert {one.probability for one in left.items} == {1.0}


@pytest.mark.parametrize("text", ["all", "random:5", "stratified:5:f", "outliers:5", "unlabelled", "next:5"])
def test_nothing_to_sample(text: str) -> None:
    assert draw(parse_rule(text), [], 1).items == ()
