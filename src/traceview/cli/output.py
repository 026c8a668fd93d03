"""How commands print: JSON lines, tables that are safe on a terminal, counts of what is not shown."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import click

DEFAULT_LIMIT = 50
MAX_CELL = 60
LEAST_CELL = 8
SAMPLE_ROWS = 200
TIME_COLUMNS = ("start_time", "end_time", "first_seen", "last_seen")
"""Columns of points in time: people read them to the second, JSON has every digit."""
_EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def limit_or_default(limit: int | None, as_json: bool) -> int | None:
    """The limit asked for; else 50 on a terminal, and None (all) when piped or as JSON."""
    if limit is not None:
        return limit
    return DEFAULT_LIMIT if sys.stdout.isatty() and not as_json else None


def jsonable(value: Any) -> Any:
    """A value as JSON can hold it: NaN and infinities become null, other objects their text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, Iterable):
        return [jsonable(entry) for entry in value]
    return str(value)


def json_line(value: Any) -> str:
    """One JSON document on one line; lone surrogates and control characters are escaped."""
    text = json.dumps(jsonable(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(jsonable(value), allow_nan=False, separators=(",", ":"))
    return text


def print_json_lines(rows: Iterable[Mapping[str, Any]]) -> int:
    """Print one object a line; the number printed."""
    count = 0
    for row in rows:
        click.echo(json_line(row))
        count += 1
    return count


def print_lines(lines: Iterable[str]) -> None:
    """Print lines for people, each safe on a terminal."""
    from traceview.text.safe import safe_line

    for line in lines:
        click.echo(safe_line(line))


def say(message: str) -> None:
    """One sentence on stderr, safe to print."""
    from traceview.text.safe import safe_block

    click.echo(safe_block(message), err=True)


class ProgressLine:
    """One line of the terminal that says how far a long wait is; nothing is written where stderr is no terminal."""

    AFTER_SECONDS = 0.5
    SECONDS = 0.2

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._next = time.monotonic() + self.AFTER_SECONDS
        self._written = False

    def show(self, text: str) -> None:
        """Show it, unless something was shown just now or the wait is short so far."""
        now = time.monotonic()
        if self._live and now >= self._next:
            self._next = now + self.SECONDS
            self._written = True
            click.echo(f"\r{text}\x1b[K", err=True, nl=False)

    def clear(self) -> None:
        """Remove the line."""
        if self._written:
            self._written = False
            click.echo("\r\x1b[K", err=True, nl=False)


def say_shown(shown: int, total: int, what: str) -> None:
    """`50 of 1,234 traces` on stderr, when the list was cut."""
    if shown < total:
        say(f"{shown:,} of {total:,} {what}; --limit shows more")


def heading(column: str) -> str:
    """A column's name over cells for people: without the unit, which the cells themselves say."""
    for unit in ("_ms", "_ns", "_usd"):
        if column.endswith(unit):
            return column.removesuffix(unit)
    return column


def cell(column: str, value: Any) -> str:
    """A value as a table shows it, on one line, with nothing that a terminal would obey."""
    from traceview.text import human
    from traceview.text.safe import safe_line

    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if column.endswith("_ns") and isinstance(value, int):
        return human.rfc3339(value, digits=0) or ""
    if column in TIME_COLUMNS and isinstance(value, str) and _EXACT.fullmatch(value):
        return f"{value[:19]}Z"
    if column.endswith("_ms") and isinstance(value, int | float):
        return human.duration(value)
    if column.startswith("cost") and isinstance(value, int | float):
        return human.money(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return safe_line(json_line(value))
    if isinstance(value, list | tuple):
        return safe_line(", ".join(_entry(entry) for entry in value))
    return safe_line(str(value))


def row_cell(row: Mapping[str, Any], column: str) -> str:
    """The cell of a row; a cost of which some calls' part is not known is said to be the least."""
    shown = cell(column, row.get(column))
    return f"{shown}+" if column == "cost_usd" and shown and row.get("uncosted") else shown


def _entry(value: Any) -> str:
    """An element of a list cell; a prompt version reads name@version, with a word if it was not recorded."""
    if isinstance(value, Mapping) and {"name", "version"} <= set(value) <= {"name", "version", "inferred"}:
        told = f"{value['name'] or ''}@{value['version'] or ''}"
        return f"{told} (inferred)" if value.get("inferred") else told
    return str(value)


def print_table(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], heads: Mapping[str, str] | None = None
) -> int:
    """Print an aligned table with a header; the number of rows printed.

    `heads` are the headings of columns that are not called what `heading` calls them.
    Widths come from the first 200 rows. On a terminal long cells are cut with an ellipsis; when piped
    nothing is cut.
    """
    from traceview.text.cells import pad, truncate
    from traceview.text.cells import width as cell_width

    on_terminal = sys.stdout.isatty()
    over = {column: (heads or {}).get(column) or heading(column) for column in columns}
    iterator = iter(rows)
    sample = [[row_cell(row, column) for column in columns] for row in islice(iterator, SAMPLE_ROWS)]
    widths = [
        max([cell_width(over[column]), *(cell_width(line[index]) for line in sample)])
        for index, column in enumerate(columns)
    ]
    left_out = 0
    if on_terminal:
        total = shutil.get_terminal_size().columns
        kept = fitting_columns(columns, widths, total)
        left_out = len(columns) - len(kept)
        columns = [columns[index] for index in kept]
        sample = [[line[index] for index in kept] for line in sample]
        widths = fit_widths([widths[index] for index in kept], total, columns)

    def line_of(cells: Sequence[str]) -> str:
        parts = [
            pad(truncate(text, width) if on_terminal else text, width)
            for text, width in zip(cells, widths, strict=True)
        ]
        return "  ".join(parts).rstrip()

    click.echo(line_of([over[column] for column in columns]))
    count = 0
    for line in sample:
        click.echo(line_of(line))
        count += 1
    for row in iterator:
        click.echo(line_of([row_cell(row, column) for column in columns]))
        count += 1
    if left_out:
        say(f"+{left_out} {'column' if left_out == 1 else 'columns'}; --json has all")
    return count


def is_id(column: str) -> bool:
    """Whether a column holds ids, which are pasted into other commands: they are never cut."""
    return column.endswith("_id")


def least_width(column: str, width: int) -> int:
    """The cells that a column needs at least."""
    return width if is_id(column) else min(width, LEAST_CELL)


def fitting_columns(columns: Sequence[str], widths: Sequence[int], total: int) -> list[int]:
    """The places of the columns that fit a terminal at their least widths: the first ones, and at least one."""
    kept: list[int] = []
    used = 0
    for index, column in enumerate(columns):
        used += least_width(column, widths[index]) + (2 if kept else 0)
        if kept and used > total:
            break
        kept.append(index)
    return kept


def fit_widths(widths: Sequence[int], total: int, columns: Sequence[str] = ()) -> list[int]:
    """Column widths that fit a terminal: the widest shrink first, none below 8 cells, ids not at all."""
    ids = {index for index, column in enumerate(columns) if is_id(column)}
    fitted = [width if index in ids else min(width, MAX_CELL) for index, width in enumerate(widths)]
    while sum(fitted) + 2 * (len(fitted) - 1) > total:
        widest = max(
            (index for index in range(len(fitted)) if index not in ids),
            key=lambda index: fitted[index],
            default=None,
        )
        if widest is None or fitted[widest] <= LEAST_CELL:
            break
        fitted[widest] -= 1
    return fitted


def print_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Print `name  value` lines, names aligned."""
    pairs = [(name, cell(name, value)) for name, value in fields]
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        click.echo(f"{name:<{width}}  {value}".rstrip())
