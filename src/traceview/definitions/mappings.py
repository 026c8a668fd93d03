"""`[sources."NAME".map]`: which columns of a table are which fields, remembered for files of a name.

NAME is a file's name or path, or a glob of either, as people write it: `calls.csv`, `logs/*.jsonl`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from msgspec import Struct

from traceview.definitions.document import Document
from traceview.files.dirs import expanded
from traceview.model.errors import BadInput


class RememberedMap(Struct, frozen=True):
    """Field to column (empty: left out) for the sources that `pattern` names."""

    pattern: str
    columns: Mapping[str, str]

    def fits(self, source: str, folder: Path) -> bool:
        """True for a source of this name, or of this path, relative to the folder of the file or not."""
        if source == self.pattern:
            return True
        path = expanded(Path(source)).absolute()
        names = [path.name, str(path)]
        if path.is_relative_to(folder):
            names.append(str(path.relative_to(folder)))
        return any(fnmatchcase(name, self.pattern) for name in names)


def parse_mappings(document: Document) -> tuple[RememberedMap, ...]:
    """The remembered mappings of a file, in its order. Raises BadInput with file and line."""
    table = document.typed(document.data.get("sources", {}), ("sources",), dict, "a table of sources")
    found = []
    for pattern, value in table.items():
        keys = ("sources", pattern)
        document.typed(value, keys, dict, 'a table like { map = { input = "prompt" } }')
        document.only(value, keys, ("map",))
        columns = document.typed(value.get("map", {}), (*keys, "map"), dict, "fields and their columns")
        told = {
            field: document.typed(column, (*keys, "map", field), str, "the name of a column, in quotes")
            for field, column in columns.items()
        }
        found.append(RememberedMap(pattern, told))
    return tuple(found)


def mapping_of(
    remembered: Sequence[RememberedMap], sources: Sequence[str], path: Path | None
) -> dict[str, str]:
    """The mapping that is remembered for sources which are opened together; of several that fit, the later counts.

    Raises BadInput if two of the sources are remembered in different ways.
    """
    folder = path.parent if path is not None else Path.cwd()
    found: dict[str, str] = {}
    given_by: dict[str, str] = {}
    for source in sources:
        of_source: dict[str, str] = {}
        for one in remembered:
            if one.fits(source, folder):
                of_source |= one.columns
        for field, column in of_source.items():
            if found.setdefault(field, column) != column:
                raise BadInput(
                    f"{path}: {field} is {found[field]!r} for {given_by[field]} and {column!r} for {source}",
                    hint="open them apart, or say --map for both",
                )
            given_by.setdefault(field, source)
    return found
