"""Earlier notes: the most frequent first, found by the beginnings of their words."""

from __future__ import annotations

import pytest

from traceview.annotation.notes import earlier_notes, notes_with
from traceview.model.labels import LabelRow, Target

NOTES = ("no search before the link", "wrong page linked", "the search found nothing")


def note(number: int, text: str, name: str = "note") -> LabelRow:
    return LabelRow(
        f"{number}", Target("trace", f"t{number}"), name, text, "human", "me", f"2026-01-0{number}"
    )


def test_each_note_is_there_once_the_most_frequent_first_then_the_newest() -> None:
    rows = [note(1, "old"), note(2, "often"), note(3, "new"), note(4, "often"), note(5, "two\nlines")]
    assert earlier_notes([*rows, note(6, "text", "correction")]) == ("often", "new", "old")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", []),
        ("sea", [NOTES[0], NOTES[2]]),
        ("the", [NOTES[2], NOTES[0]]),
        ("li PA", [NOTES[1]]),
        ("arch", []),
        (NOTES[1], []),
    ],
)
def test_letters_find_notes_by_the_beginnings_of_words(typed: str, found: list[str]) -> None:
    assert notes_with(NOTES, typed) == found
