"""Two apps, an import of rows and a judge-like writer at once: nothing is lost, and nobody hears of a lock."""

from __future__ import annotations

from benchmarks.four_writers import write_together


def test_four_writers_at_once_lose_nothing() -> None:
    found = write_together(3)
    assert found.trouble == []
    assert found.lost == 0
    assert all(one.rows for one in found.told) and len(found.told) == 4
    assert len(found.labels) == sum(one.rows for one in found.told[:2])
