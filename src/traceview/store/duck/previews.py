"""The beginnings of the texts of a source that stand in the rows of traces, read in one pass over its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traceview.store.duck.connection import Database
from traceview.store.duck.reading import Placed, Reader
from traceview.store.interface import CancelToken

LENGTH = 160
"""Characters of a preview at most."""

_FEW_FILES = 16
_MANY_ROWS = 200_000
_BLANKS = (9, 10, 12, 13)
"""Characters that are as good as a blank: tab, line feed, form feed, carriage return."""


def read(
    database: Database,
    work: str,
    reader: Reader,
    token: CancelToken | None,
    progress: Callable[[float], object] = lambda done: None,
) -> None:
    """Fill the table `previews` of a schema with the texts of the spans that its table `previewed` names.

    Nothing else is read. `progress` gets 0..1.
    """
    ranges = database.fetch(
        f"SELECT file_no, min(row_no), max(row_no) FROM {work}.previewed GROUP BY file_no ORDER BY file_no",
        token=token,
    )
    for number, placed in enumerate(reader.placed):
        last = placed.first_file + len(placed.relation.files) - 1
        mine = [one for one in ranges if placed.first_file <= one[0] <= last]
        if mine:
            _read(database, work, placed, mine, token)
        progress((number + 1) / len(reader.placed))


def _read(
    database: Database,
    work: str,
    placed: Placed,
    ranges: Sequence[tuple[int, int, int]],
    token: CancelToken | None,
) -> None:
    """Read out of some files of a relation: (file number, first row, last row) each."""
    # of the first call only the input can be a preview, of the last one only the output
    given = f"CASE WHEN preview_role <> 2 THEN {placed.expression('input_text')} END"
    answered = f"CASE WHEN preview_role <> 1 THEN {placed.expression('output_text')} END"
    files = [file_no for file_no, _, _ in ranges]
    # with few files each is read between its first and last row only
    parted = placed.parquet and 1 < len(files) <= _FEW_FILES and max(one[2] for one in ranges) > _MANY_ROWS
    for some in [[one] for one in ranges] if parted else [list(ranges)]:
        numbers = [file_no for file_no, _, _ in some]
        bounds = f"BETWEEN {min(one[1] for one in some)} AND {max(one[2] for one in some)}"
        database.execute_large(
            f"INSERT INTO {work}.previews "
            + _beginnings(
                f"""SELECT preview_trace, preview_role, {given} AS given, {answered} AS answered
                FROM {placed.scan(numbers)}
                JOIN (SELECT trace_no AS preview_trace, role AS preview_role, file_no AS preview_file,
                    row_no AS preview_row FROM {work}.previewed
                    WHERE file_no BETWEEN {numbers[0]} AND {numbers[-1]})
                ON {placed.row_no} = preview_row AND preview_file = {placed.number_in(numbers)}
                WHERE {placed.row_no} {bounds}"""
            ),
            token=token,
        )


def _beginnings(texts: str) -> str:
    """SELECT of the previews of texts `given` and `answered`: beginnings in one line, NULL if there is nothing in them.

    One SELECT over the other: what stands twice in an expression is worked out twice.
    """
    for step in (_first, _one_blank, _whole):
        texts = (
            f"SELECT preview_trace, preview_role, {step('given')} AS given, {step('answered')} AS answered "
            f"FROM ({texts})"
        )
    return texts


def _first(text: str) -> str:
    """So much as is looked at, in the hope that not two thirds of it are blanks; ltrim copies a text to its end."""
    line = f"left(CASE WHEN starts_with({text}, ' ') THEN ltrim({text}) ELSE {text} END, {LENGTH * 3})"
    for code in _BLANKS:
        line = f"replace({line}, chr({code}), ' ')"
    return line


def _one_blank(line: str) -> str:
    """At most LENGTH characters, with one blank in place of several; most texts have no two in a row."""
    single = f"CASE WHEN contains({line}, '  ') THEN regexp_replace({line}, '  +', ' ', 'g') ELSE {line} END"
    return f"rtrim(left(ltrim({single}), {LENGTH}))"


def _whole(line: str) -> str:
    return f"nullif({line}, '')"
