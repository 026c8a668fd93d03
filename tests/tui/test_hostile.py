"""Hostile texts in every widget, on shared pages and through the whole app: nothing that acts is written."""

from __future__ import annotations

from benchmarks.hostile import faults, run


def test_nothing_that_acts_is_written() -> None:
    # The command `python -m benchmarks.hostile` does the same with ten thousand texts.
    said = run(60, seed=7, items=1)
    assert said[0].startswith("60 texts in every widget")


def test_a_fault_would_be_seen() -> None:
    assert faults("\x1b[1;31mgood\x1b[0m\x1b[3;4H\x1b[?2026h") == set()
    assert faults("\x1b[2J") == {"\x1b"}
    assert faults("a\u202eb\x9b") == {"\u202e", "\x9b"}
