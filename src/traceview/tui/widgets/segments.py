"""Segments that cost few bytes on their way to the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment


def joined_blanks(segments: Iterable[Segment]) -> list[Segment]:
    """The segments with blanks drawn in the style of the text before them, which saves a change of style.

    All must share one background; an underlined or reversed text keeps its own blanks only.
    """
    kept: list[Segment] = []
    for segment in segments:
        before = kept[-1] if kept else None
        if before is not None and (
            segment.style == before.style or (segment.text.isspace() and _is_plain(before, segment))
        ):
            kept[-1] = Segment(before.text + segment.text, before.style)
        elif segment.text:
            kept.append(segment)
    return kept


def _is_plain(*segments: Segment) -> bool:
    return not any(
        segment.style is not None and (segment.style.underline or segment.style.reverse)
        for segment in segments
    )
