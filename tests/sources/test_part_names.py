"""Which files of a store count: merged ones in place of those that they are made of, from one rename to the next."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceview.sources.lease import GRACE_SECONDS, READERS, lease, remove_superseded
from traceview.sources.locate import locate
from traceview.sources.part_names import covered, name_of, next_number, numbers_of
from traceview.sources.parts import parts_in, write_rows
from traceview.sources.superseding import MERGES, current, proven, record, superseded


def paths(*names: str) -> list[Path]:
    return [Path("/store") / name for name in names]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("part-000000000007.parquet", ("part", 7, 7)),
        ("part-000000000007-000000000009.parquet", ("part", 7, 9)),
        ("scores-000000000001.jsonl", ("scores", 1, 1)),
        ("part-000000000007.jsonl", None),
        ("part-000007.parquet", None),
        ("spans.parquet", None),
    ],
)
def test_what_a_name_tells(name: str, expected: tuple[str, int, int] | None) -> None:
    found = numbers_of(name)
    assert (None if found is None else tuple(found)) == expected


def test_a_wide_file_may_stand_for_those_within_its_numbers() -> None:
    kept = paths(name_of("part", 1), name_of("part", 2, 9), name_of("part", 10), "spans.parquet")
    within = paths(name_of("part", 2), name_of("part", 3, 5), name_of("part", 9))
    other = [Path("/elsewhere") / name_of("part", 3), *paths(name_of("scores", 3))]
    assert covered([*within, *kept, *other]) == {path: [kept[1]] for path in within}
    assert next_number([*within, *kept, *other], "part") == 11
    assert next_number([], "part") == 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_merging_neighbours_again_and_again_never_loses_or_doubles_a_number(sizes: list[int]) -> None:
    """Whatever was merged, and whichever of the superseded files are still there, every number counts once."""

    generator = random.Random(repr(sizes))
    live = [(number, number) for number in range(1, 13)]
    with TemporaryDirectory() as made:
        directory = Path(made)
        for first, last in live:
            (directory / name_of("part", first, last)).write_text(f"{first}")
        for size in sizes:
            begin = generator.randrange(len(live))
            run = live[begin : begin + size]
            merged = directory / name_of("part", run[0][0], run[-1][1])
            if not merged.exists():
                live[begin : begin + size] = [(run[0][0], run[-1][1])]
                merged.write_text(f"{run}")
                within = [path for path, over in covered(directory.iterdir()).items() if merged in over]
                record(merged, merged.name, within)
            names = [path.name for path in current(sorted(directory.glob("part-*")))]
            assert names == [name_of("part", first, last) for first, last in live]
            for path in superseded(directory.iterdir()):
                if generator.random() < 0.5:
                    path.unlink()


def store(tmp_path: Path) -> Path:
    for name in (name_of("part", 1), name_of("part", 2), name_of("part", 1, 2)):
        (tmp_path / name).write_bytes(b"x")
    merged = tmp_path / name_of("part", 1, 2)
    record(merged, merged.name, [tmp_path / name_of("part", number) for number in (1, 2)])
    (tmp_path / READERS).touch()
    return tmp_path


def test_every_way_to_list_a_store_passes_over_superseded_files(tmp_path: Path) -> None:
    merged = store(tmp_path) / name_of("part", 1, 2)
    assert parts_in(tmp_path) == (merged,)
    assert locate([str(tmp_path)]).files == [merged]
    assert locate([str(tmp_path / "*.parquet")]).files == [merged]
    # a file that is named is read
    assert locate([str(tmp_path / name_of("part", 1))]).files == [tmp_path / name_of("part", 1)]


@pytest.mark.parametrize(
    "what", ["the merged file is torn", "a part is another", "no record", "a damaged one"]
)
def test_a_name_alone_hides_and_removes_nothing(tmp_path: Path, what: str) -> None:
    one, two, merged = (store(tmp_path) / name_of("part", *numbers) for numbers in ((1,), (2,), (1, 2)))
    if what == "the merged file is torn":
        merged.write_bytes(b"z")
    elif what == "a part is another":
        one.write_bytes(b"y")
        two.write_bytes(b"y")
    elif what == "no record":
        (tmp_path / MERGES).unlink()
    else:
        (tmp_path / MERGES).write_text("[" * 100_000)
    # the wide one may be newer than all that it has the numbers of
    assert parts_in(tmp_path) == (one, two, merged)
    assert locate([str(tmp_path)]).files == [one, two, merged]
    assert remove_superseded(tmp_path) == ([], [])


def test_a_merged_part_of_an_older_version_hides_what_it_holds_and_nothing_else(tmp_path: Path) -> None:
    """No record was written then: what the parts hold decides, and nothing is removed."""

    def part(numbers: tuple[int, ...], *ids: str | None) -> Path:
        rows = [
            {"source": "x", "trace_id": "t", "span_id": one, "kind": "llm", "status": "ok", "start_ns": 1}
            for one in ids
        ]
        path = tmp_path / name_of("part", *numbers)
        write_rows(rows, path)
        return path

    one, two = part((1,), "a", "b", None), part((2,), "a", None, None)
    merged = part((1, 2), "a", "b", None, None, None)
    assert parts_in(tmp_path) == (merged,)
    assert proven(tmp_path.iterdir()) == {}
    assert remove_superseded(tmp_path) == ([], [])
    newer = part((2,), "a", "c")
    assert parts_in(tmp_path) == (newer, merged)
    merged = part((1, 2), "a", "b", None, None)
    nameless = part((2,), None, None, None)
    assert parts_in(tmp_path) == (nameless, merged)
    assert one.exists()
    assert two == nameless


def test_superseded_files_go_once_nobody_reads_them_or_after_an_hour(tmp_path: Path) -> None:
    gone = [store(tmp_path) / name_of("part", number) for number in (1, 2)]
    reading = lease(tmp_path)
    assert reading is not None
    assert remove_superseded(tmp_path) == ([], gone)
    assert all(path.exists() for path in gone)
    old = time.time() - GRACE_SECONDS - 1
    os.utime(tmp_path / name_of("part", 1, 2), (old, old))
    assert remove_superseded(tmp_path) == (gone, [])
    store(tmp_path)
    del reading
    assert remove_superseded(tmp_path) == (gone, [])
    assert remove_superseded(tmp_path) == ([], [])


def test_a_directory_that_is_no_store_has_no_lease(tmp_path: Path) -> None:
    assert lease(tmp_path) is None
    assert lease(tmp_path / "missing") is None
