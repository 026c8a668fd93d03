"""A thread is in one split for good: by hash, the rarer value filling the test split first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceview.judges.splits import TEST_QUOTA, chosen, groups_of, split_by_hash, splits_of
from traceview.model.labels import LabelRow, LabelValue, ScoreSource, Target
from traceview.model.splits import Assignment, Look
from traceview.store.labels.splits import add_look, assignments, looks, merge_splits
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

Labelled = dict[tuple[str | None, str | None], LabelRow]


def row(trace: str, value: LabelValue, at: int = 0, *, source: ScoreSource = "human") -> LabelRow:
    time = f"2026-11-20T10:{at // 60:02d}:{at % 60:02d}.000000Z"
    return LabelRow("", Target("trace", trace, trace), "good", value, source, "kim", time)


def labelled(values: list[LabelValue]) -> Labelled:
    return {(f"thread {number}", None): row(f"t{number}", value) for number, value in enumerate(values)}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hundred traces, two of a thread, the last ten in none."""
    for name in ("CACHE", "DATA", "STATE", "CONFIG"):
        monkeypatch.setenv(f"TRACEVIEW_{name}_DIR", str(tmp_path / name.lower()))
    ids = [f"t{number}" for number in range(100)]
    threads = [f"c{number // 2}" if number < 90 else None for number in range(100)]
    path = tmp_path / "traces.parquet"
    pq.write_table(pa.table({"trace_id": ids, "span_id": ids, "thread_id": threads, "input": ids}), path)
    return path


def test_the_hash_alone_gives_15_45_40() -> None:
    counts = Counter(split_by_hash((f"thread {number}", None)) for number in range(20_000))
    shares = {split: count / 20_000 for split, count in counts.items()}
    assert shares == pytest.approx({"train": 0.15, "dev": 0.45, "test": 0.40}, abs=0.01)


@given(st.lists(st.sampled_from([True, True, True, False, "n/a"]), max_size=200))
def test_each_value_fills_the_test_split_first(values: list[LabelValue]) -> None:
    found = list(chosen(labelled(values), {}))
    assert len(found) == len(values)
    for value, count in Counter(one.value for one in found).items():
        in_test = sum(one.value == value and one.split == "test" for one in found)
        assert in_test >= min(TEST_QUOTA, int(0.4 * count))
        if in_test > TEST_QUOTA:
            # past the quota only the hash puts any there
            assert sum(split_by_hash((one.thread_id, None)) == "test" for one in found if one.value == value)


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60))
def test_what_has_a_split_keeps_it_whatever_comes(values: list[bool], cut: int) -> None:
    every = labelled(list(values))
    early = dict(list(every.items())[:cut])
    known = {(one.thread_id, one.trace_id): one for one in chosen(early, {})}
    later = list(chosen(every, known))
    assert not {(one.thread_id, one.trace_id) for one in later} & known.keys()
    # whether at once or in two goes: the same
    whole = {one.thread_id: one.split for one in chosen(every, {})}
    assert whole == {one.thread_id: one.split for one in [*known.values(), *later]}


def test_traces_of_a_thread_share_its_split(source: Path, tmp_path: Path) -> None:
    engine, store = open_engine([str(source)]), LabelStore.open(tmp_path / "x.labels.db")
    try:
        engine.wait_ready()
        rows = [row(f"t{number}", number % 3 > 0, number) for number in range(100)]
        splits = splits_of(engine, store, rows)
        of = {target.id: split for target, split in splits.of.items()}
        assert len(of) == 100
        assert all(of[f"t{number}"] == of[f"t{number + 1}"] for number in range(0, 90, 2))
        kept = assignments(store)
        assert sum(thread is not None for thread, _ in kept) == 45
        assert sum(trace is not None for _, trace in kept) == 10
        # labels that change, and more of them, change no split
        again = splits_of(
            engine,
            store,
            [
                row("gone", True),
                row("t3", False, 500),
                *(row(f"t{number}", False, number) for number in range(90, 95)),
            ],
        )
        assert again.of[Target("trace", "t3", "t3")] == of["t3"]
        assert all(again.of[Target("trace", f"t{n}", f"t{n}")] == of[f"t{n}"] for n in range(90, 95))
        assert again.groups[Target("trace", "gone", "gone")] == (None, "gone")
        whole = [Target("thread", "c1"), Target("span", "s", "t3"), Target("trace", "t2", "t2")]
        assert set(groups_of(engine, whole).values()) == {("c1", None)}
    finally:
        engine.close()
        store.close()


def test_a_file_that_nobody_may_write_tells_the_same_and_keeps_nothing(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.labels.db"
    rows = [row(f"t{number}", number % 3 > 0, number) for number in range(60)]
    LabelStore.open(path).close()
    writable = LabelStore.open(path)
    writable.append_now(rows)
    writable.close()
    engine, reading = open_engine([str(source)]), LabelStore.open(path, readonly=True)
    try:
        engine.wait_ready()
        told = splits_of(engine, reading, rows)
        assert not assignments(reading)
    finally:
        reading.close()
    writable = LabelStore.open(path)
    try:
        assert splits_of(engine, writable, rows).of == told.of
        assert assignments(writable)
    finally:
        writable.close()
        engine.close()


@pytest.fixture
def stores(tmp_path: Path) -> Callable[[str], LabelStore]:
    return lambda name: LabelStore.open(tmp_path / name)


def test_merging_has_no_order_and_keeps_looks(stores: Callable[[str], LabelStore], tmp_path: Path) -> None:
    from traceview.store.labels import splits as stored

    for name, split in (("a.db", "train"), ("b.db", "test")):
        store = stores(name)
        both = Assignment("shared", None, split, "good", "pass")  # type: ignore[arg-type]
        own = Assignment(None, name, "dev", "good", "fail")
        stored.assign(store, lambda _, both=both, own=own: [both, own])
        add_look(store, Look("links", name, "test", "kim", 40))
        store.close()
    for name in ("a.db", "b.db"):
        copy = stores(f"both-{name}")
        first, second = ("a.db", "b.db") if name == "a.db" else ("b.db", "a.db")
        assert merge_splits(copy, tmp_path / first) == 2
        assert merge_splits(copy, tmp_path / second) == 2
        assert merge_splits(copy, tmp_path / second) == 0
        splits = {group: one.split for group, one in assignments(copy).items()}
        assert splits == {("shared", None): "train", (None, "a.db"): "dev", (None, "b.db"): "dev"}
        assert [one.judge_hash for one in looks(copy, "links")] == ["a.db", "b.db"]
        assert looks(copy, "other") == ()
        copy.close()
