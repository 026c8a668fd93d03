"""Values of an attribute of spans, read from the texts of the source."""

from __future__ import annotations

from collections.abc import Mapping

from traceview.store.duck.connection import text
from traceview.store.duck.indexes import Index
from traceview.store.duck.reading import Placed

COLUMNS = ("attributes", "metadata", "resource")
"""Where attributes stand, each a JSON object."""

SAMPLED = 5_000
"""Rows of a relation whose attributes are looked at for the names that there are."""


def paths(key: str) -> list[str]:
    """The JSON paths that `attr.KEY` means: the key itself, and where it has dots the keys within each other."""
    found = ['$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"']
    if "." in key:
        found.append("$" + "".join(f'."{part}"' for part in key.replace('"', '\\"').split(".")))
    return found


def values(index: Index, key: str, ranges: Mapping[int, tuple[int, int]] | None = None) -> str:
    """SELECT of (trace_no, span_no, v): the texts that spans have under a key.

    With `ranges`, only rows between these numbers of these files are read: file_no to (first, last).
    """
    selects = []
    # the quick test for the key's name spares most rows the parsing
    last = text(key.rpartition(".")[2])
    for placed in index.reader.placed:
        found = [
            f"CASE WHEN contains(({placed.expression(name)}), {last}) "
            f"THEN TRY(json_extract_string(({placed.expression(name)}), {text(path)})) END"
            for name in _columns(placed)
            for path in paths(key)
        ]
        if not found:
            continue
        one = f"unnest([{', '.join(found)}]) AS v"
        if ranges is None:
            selects.append(
                f"SELECT {placed.file_no} AS file_no, {placed.row_no} AS row_no, {one} FROM {placed.scan()}"
            )
            continue
        last_file = placed.first_file + len(placed.files()) - 1
        for file_no, (low, high) in ranges.items():
            if placed.first_file <= file_no <= last_file:
                selects.append(
                    f"SELECT {file_no} AS file_no, {placed.row_no} AS row_no, {one} FROM {placed.scan([file_no])} "
                    f"WHERE {placed.row_no} BETWEEN {low} AND {high}"
                )
    if not selects:
        return "SELECT NULL::BIGINT AS trace_no, NULL::BIGINT AS span_no, NULL::VARCHAR AS v WHERE false"
    return (
        f"SELECT s.trace_no, s.span_no, a.v FROM ({' UNION ALL '.join(selects)}) a "
        f"JOIN {index.spans} s ON s.file_no = a.file_no AND s.row_no = a.row_no WHERE a.v IS NOT NULL"
    )


def names(index: Index) -> str | None:
    """SELECT of the keys `v` of attributes in a sample of the source; None where it has none."""
    selects = [
        f"SELECT unnest(coalesce(TRY(json_keys(a)), [])) AS v FROM (SELECT ({placed.expression(name)}) AS a "
        f"FROM {placed.scan()} LIMIT {SAMPLED})"
        for placed in index.reader.placed
        for name in _columns(placed)
    ]
    return " UNION ALL ".join(selects) if selects else None


def _columns(placed: Placed) -> list[str]:
    return [name for name in COLUMNS if name in placed.relation.mapping.expressions]
