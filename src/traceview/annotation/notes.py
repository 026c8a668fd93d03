"""Notes that were written before, to write the same one again by a few letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from traceview.model.labels import LabelRow


def earlier_notes(current: Iterable[LabelRow]) -> tuple[str, ...]:
    """The notes of one line among current rows, each once: the most frequent first, of those alike the newest."""
    notes = [
        row for row in current if row.name == "note" and isinstance(row.value, str) and "\n" not in row.value
    ]
    newest_first = sorted(notes, key=lambda row: (row.created_at, row.id), reverse=True)
    return tuple(text for text, _ in Counter(str(row.value) for row in newest_first).most_common())


def notes_with(notes: Sequence[str], typed: str) -> list[str]:
    """The notes that have the beginning of a word for every word that was typed; those that begin so come first."""
    words = typed.casefold().split()
    if not words:
        return []
    found = [
        note
        for note in notes
        if note != typed
        and all(any(one.startswith(word) for one in note.casefold().split()) for word in words)
    ]
    return sorted(found, key=lambda note: not note.casefold().startswith(" ".join(words)))
