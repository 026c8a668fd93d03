"""Where somebody was in a source: the list, its filter, sort and row, kept in one JSON file per source."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct, to_builtins
from msgspec.structs import fields

from traceview.files.kept import read_kept
from traceview.model.fields import column_name
from traceview.store.interface import Level, SortKey


class LastPlace(Struct, frozen=True):
    """What is restored when the source is opened again."""

    screen: str = "traces"
    filter: str = ""
    sort: str = ""
    descending: bool = False
    row: str = ""
    preview: str = ""
    """`on` or `off` if somebody said so."""
    other: str = ""
    """The filter of the other list."""
    stats_by: str = "model"
    """Fields that stats are grouped by, with commas."""
    stats_over: str = ""
    stats_sort: str = ""
    """What a screen of groups is sorted by, `-` before it for the largest first; nothing for its own order."""
    prompts_sort: str = ""


def read_place(path: Path | None) -> LastPlace:
    """The last place, or the default one where none was kept or the file is of no use."""
    if path is None:
        return LastPlace()
    found = read_kept(path)
    default = LastPlace()
    kept = {
        field.name: found[field.name]
        for field in fields(LastPlace)
        if isinstance(found.get(field.name), type(getattr(default, field.name)))
    }
    return LastPlace(**kept)


def keep_place(path: Path | None, place: LastPlace) -> str | None:
    """Write the place; a sentence if that was not possible."""
    if path is None:
        return None
    from traceview.files.atomic import atomic_write

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(to_builtins(place), ensure_ascii=False, indent=1))
    except OSError as error:
        return f"The place in the list was not kept: {error}"
    return None


def kept_sort(level: Level, field: str, descending: bool) -> SortKey | None:
    """The sort that was kept, None if the list has no such column any more."""
    return SortKey(field, descending) if field and column_name(level, field) == field else None
