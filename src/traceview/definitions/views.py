"""`[views]` and `[columns]`: named filters with sort and columns, and the columns that lists begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, cast

from msgspec import Struct

from traceview.definitions.document import Document, nearest, read_document
from traceview.model.errors import BadInput
from traceview.model.fields import column_name, columns_of
from traceview.text.safe import safe_line

ViewLevel = Literal["traces", "threads"]
LEVELS: tuple[ViewLevel, ...] = ("traces", "threads")
LONGEST_NAME = 64
_KEYS = ("filter", "sort", "columns", "screen")


class SavedView(Struct, frozen=True):
    """A named look at a list.

    `sort` is a column, `-` before it for descending; empty is newest first. No `columns` means those that the list
    shows anyway.
    """

    name: str
    filter: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    screen: ViewLevel = "traces"

    @property
    def sort_field(self) -> str:
        """The column of `sort`."""
        return self.sort.lstrip("-")

    @property
    def descending(self) -> bool:
        """Whether `sort` begins with the largest."""
        return self.sort.startswith("-")


def parse_views(document: Document) -> tuple[dict[str, SavedView], dict[str, BadInput]]:
    """The views of a file in its order, and by name what is wrong with the others: file, line, view.

    Raises BadInput where `views` is no table.
    """
    table = document.typed(document.data.get("views", {}), ("views",), dict, "a table of named filters")
    views: dict[str, SavedView] = {}
    refused: dict[str, BadInput] = {}
    for name, value in table.items():
        try:
            views[name] = _view(document, name, value)
        except BadInput as error:
            refused[name] = error
    return views, refused


def parse_columns(document: Document) -> dict[ViewLevel, tuple[str, ...]]:
    """The columns of each list that has some in the file. Raises BadInput with file and line."""
    table = document.typed(
        document.data.get("columns", {}), ("columns",), dict, 'a table like { traces = ["name"] }'
    )
    document.only(table, ("columns",), LEVELS)
    return {
        level: _columns(document, ("columns", level), level, table[level])
        for level in LEVELS
        if level in table
    }


def view_error(path: Path, name: str, message: str) -> BadInput:
    """The error for what is wrong with a view's filter: file, line, view."""
    return read_document(path).error(("views", name), message)


def _view(document: Document, name: str, value: Any) -> SavedView:
    keys = ("views", name)
    if not _is_name(name):
        raise document.error(keys, f"a view's name has 1 to {LONGEST_NAME} printable characters")
    if isinstance(value, str):
        return SavedView(name, value)
    document.typed(value, keys, dict, "a filter in quotes, or a table with filter, sort, columns, screen")
    document.only(value, keys, _KEYS)
    screen = document.typed(value.get("screen", "traces"), (*keys, "screen"), str, "traces or threads")
    if screen not in LEVELS:
        raise document.error((*keys, "screen"), f"{screen!r} is no list", nearest(screen, LEVELS))
    level = cast(ViewLevel, screen)
    sort = document.typed(value.get("sort", ""), (*keys, "sort"), str, "a column, - before it for descending")
    if sort:
        sort = "-" * sort.startswith("-") + _column(document, (*keys, "sort"), level, sort.removeprefix("-"))
    return SavedView(
        name,
        document.typed(value.get("filter", ""), (*keys, "filter"), str, "a filter in quotes"),
        sort,
        _columns(document, (*keys, "columns"), level, value.get("columns", [])),
        level,
    )


def _is_name(name: str) -> bool:
    """Whether people can read this as a name; what joins the parts of one emoji is no character of its own."""
    shown = name.replace("\u200d", "") if safe_line(name) == name else name
    return bool(shown.strip()) and shown.isprintable() and len(name) <= LONGEST_NAME


def _columns(document: Document, keys: tuple[str, ...], level: ViewLevel, value: Any) -> tuple[str, ...]:
    document.typed(value, keys, list, "an array of columns")
    names = [document.typed(one, keys, str, "the name of a column") for one in value]
    return tuple(dict.fromkeys(_column(document, keys, level, name) for name in names))


def _column(document: Document, keys: tuple[str, ...], level: ViewLevel, name: str) -> str:
    found = column_name(level, name)
    if found is None:
        known = [field.name for field in columns_of(level)]
        hint = f"{nearest(name, known)}; or attr.KEY, score.NAME"
        raise document.error(keys, f"{level} have no column {name!r}", hint)
    return found
