"""The scores of a span as a few words behind its name: what people said first, machines named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from traceview.model.labels import RESERVED_NAMES
from traceview.text.safe import safe_line
from traceview.tui import glyphs

MOST = 3
"""Badges that are shown; how many more there are is said."""
_SIGNS = {True: (glyphs.OK, "good"), False: (glyphs.BAD, "error")}


def score_badges(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[tuple[str, str]]:
    """Words and the part they are drawn in, from `{name: {source: {annotator: value}}}`; notes are a word."""
    found = list(_badges(scores))
    shown, rest = found[:MOST], len(found) - MOST
    return [*shown, (f"+{rest:,} scores", "dim")] if rest > 0 else shown


def _badges(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    order = sorted(
        ((name, source) for name, by in scores.items() for source, values in by.items() if values),
        key=lambda one: (one[1] != "human", one),
    )
    for name, source in order:
        values = list(scores[name][source].values())
        if name in RESERVED_NAMES:
            yield name, "dim"
            continue
        shown = safe_line(name) + ("" if source == "human" else f"{glyphs.SEPARATOR}{source}")
        sign, part = _SIGNS[values[0]] if isinstance(values[0], bool) else ("", "dim")
        if len({str(value) for value in values}) > 1:
            yield f"{shown}: {len(values):,} differ", "mark"
        elif sign:
            yield f"{sign} {shown}", part if source == "human" else "dim"
        else:
            value = f"{values[0]:.4g}" if isinstance(values[0], float) else safe_line(str(values[0]))
            yield f"{shown}={value}", "dim"
