"""The judges of the sample data find what was planted in it."""

from __future__ import annotations

from pathlib import Path

from benchmarks.code_judges import FINDS, against_truth


def test_the_planted_problems_are_found(tmp_path: Path) -> None:
    found = against_truth(tmp_path)
    assert len(found["grounded_links"].hits) == 61 and len(found["grounded_searched"].hits) == 18
    assert {name: (one.precision, one.recall) for name, one in found.items()} == dict.fromkeys(
        FINDS, (1.0, 1.0)
    )
