"""The event loop is free again within a twentieth of a second, whatever is done, and whoever else writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.stalls import Loop, measure, measure_loaded

from traceview.store.labels.store import LabelStore

TOURS = 3


def of_some_tours(tmp_path: Path, take: Callable[[Path], Loop]) -> Path:
    """The folder of the first of some tours without a stall that is too long."""
    # Processor time of the loop's thread grows too when other programs fill the caches of a busy machine: the budget
    # grows with a floor of the same run, and what a callback needs is what it needed in the best of some tours.
    over = []
    for number in range(TOURS):
        folder = tmp_path / str(number)
        folder.mkdir()
        seen = take(folder)
        longest = seen.worst(1)
        if not longest or longest[0].seconds < seen.budget:
            return folder
        over.append((seen.budget, longest[0]))
    pytest.fail(str(over))


def test_no_stall_of_a_tour_is_longer_than_the_budget(tmp_path: Path) -> None:
    of_some_tours(tmp_path, measure)


def test_no_stall_is_longer_while_an_index_is_built_and_an_import_and_a_judge_write(tmp_path: Path) -> None:
    folder = of_some_tours(tmp_path, measure_loaded)
    # They did, and the app took up all of it: otherwise the tour would not have ended.
    assert not list((folder / "coming").iterdir())
    labels = LabelStore.open(folder / "store.labels.db")
    try:
        assert sum(row.source == "judge" for row in labels.history()) > 20
    finally:
        labels.close()
