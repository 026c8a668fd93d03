"""Which arguments are files of scores alone: they are opened beside the spans that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from traceview.files.dirs import expanded
from traceview.model.errors import BadInput
from traceview.sources.base import ScoreFormat
from traceview.sources.probe import Unreadable, probe
from traceview.sources.registry import detect


def the_one_of_spans(arguments: Sequence[str]) -> str | None:
    """The one argument beside which all others are files of scores alone; None if there are none or several.

    Reads the beginning of files until a second one is no file of scores.
    """
    spans: list[str] = []
    for argument in arguments:
        if not _is_of_scores(argument):
            spans.append(argument)
        if len(spans) > 1:
            return None
    return spans[0] if spans else None


def _is_of_scores(argument: str) -> bool:
    path = expanded(Path(argument))
    try:
        return path.is_file() and isinstance(detect(probe(path)), ScoreFormat)
    except (BadInput, Unreadable, OSError):
        return False
