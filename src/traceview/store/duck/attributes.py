"""Values of an attribute of spans, read from the texts of the source."""

from __future__ import annotations

from traceview.store.duck.connection import text
from traceview.store.duck.indexes import Index

COLUMNS = ("attributes", "metadata", "resource")
"""Where attributes stand, each a JSON object."""


def paths(key: str) -> list[str]:
    """The JSON paths that `attr.KEY` means: the key itself, and where it has dots the keys within each other."""
    found = ['$."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"']
    if "." in key:
        found.append("$" + "".join(f'."{part}"' for part in key.replace('"', '\\"').split(".")))
    return found


def values(index: Index, key: str) -> str:
    """SELECT of (trace_no, v): the texts that spans have under a key."""
    selects = []
    # the quick test for the key's name spares most rows the parsing
    last = text(key.rpartition(".")[2])
    for placed in index.reader.placed:
        found = [
            f"CASE WHEN contains(({placed.expression(name)}), {last}) "
            f"THEN TRY(json_extract_string(({placed.expression(name)}), {text(path)})) END"
            for name in COLUMNS
            if name in placed.relation.mapping.expressions
            for path in paths(key)
        ]
        if found:
            selects.append(
                f"SELECT {placed.file_no} AS file_no, {placed.row_no} AS row_no, unnest([{', '.join(found)}]) AS v "
                f"FROM {placed.scan()}"
            )
    if not selects:
        return "SELECT NULL::BIGINT AS trace_no, NULL::VARCHAR AS v WHERE false"
    return (
        f"SELECT s.trace_no, a.v FROM ({' UNION ALL '.join(selects)}) a "
        f"JOIN {index.spans} s ON s.file_no = a.file_no AND s.row_no = a.row_no WHERE a.v IS NOT NULL"
    )
