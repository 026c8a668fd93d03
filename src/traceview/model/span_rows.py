"""The span rows of a trace kept by column: what is worked out for all takes columns, a row is made when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

Row = dict[str, Any]


class SpanRows(Sequence[Row]):
    """A sequence of rows over `columns`, lists of the same length by name, none of which is changed afterwards.

    A row is made when it is first looked at, by any thread, and kept: every look gives the same object.
    """

    __slots__ = ("_columns", "_count", "_made")

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns
        self._count = len(next(iter(columns.values()), ()))
        self._made: dict[int, Row] = {}

    @classmethod
    def of(cls, rows: Sequence[Row]) -> SpanRows:
        """Rows that were made already, by column too; a field that a row does not have is None there."""
        if isinstance(rows, SpanRows):
            return rows
        names = dict.fromkeys(name for row in rows for name in row)
        found = cls({name: column(rows, name) for name in names})
        found._made = dict(enumerate(rows))
        return found

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        if index < 0:
            index += self._count
        made = self._made.get(index)
        if made is None:
            if not 0 <= index < self._count:
                raise IndexError(index)
            made = self._made.setdefault(
                index, {name: values[index] for name, values in self._columns.items()}
            )
        return made

    def passing(self, indexes: Iterable[int]) -> list[Row]:
        """Rows for one look each at many: those that are made for it are not kept."""
        rows = []
        for index in indexes:
            made = self._made.get(index)
            if made is None:
                made = {name: values[index] for name, values in self._columns.items()}
            rows.append(made)
        return rows

    def __repr__(self) -> str:
        return f"SpanRows({self._count} rows)"

    def column(self, name: str) -> Sequence[Any]:
        """The values of a field, None for each row if there is none of that name."""
        values = self._columns.get(name)
        return (None,) * self._count if values is None else values

    def value(self, index: int, name: str) -> Any:
        """One field of a row, None if there is none of that name."""
        values = self._columns.get(name)
        return None if values is None else values[index]

    def with_column(self, name: str, values: Sequence[Any]) -> SpanRows:
        """The same rows with another field; it replaces one of the same name."""
        return SpanRows({**self._columns, name: values})


def column(rows: Sequence[Mapping[str, Any]], name: str) -> Sequence[Any]:
    """The values of a field of some rows, None where a row has none."""
    return rows.column(name) if isinstance(rows, SpanRows) else [row.get(name) for row in rows]
