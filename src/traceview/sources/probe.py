"""What a file is, by its content."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import orjson

from traceview.model.errors import BadInput
from traceview.sources.base import Probe
from traceview.sources.bytes import HEAD_BYTES, Compression, compression_of, read_head
from traceview.sources.locate import shown
from traceview.sources.looking import looking
from traceview.sources.otlp.wire import framing

_OF_EXPORTS = {"target_kind", "target_id", "trace_id"}
_OF_LABELS = {"target_kind", "target_id", "name", "value"}

Container = Literal["parquet", "duckdb", "json", "sqlite", "csv", "empty", "unknown"]


class Unreadable(Exception):
    """One file that cannot be read, which need not stop the others; the text says why."""


def probe(path: Path, overrides: Mapping[str, str] | None = None) -> Probe:
    """Look at the start of a file, at the footer of Parquet, at the catalog of DuckDB.

    `overrides` may name the `table` of a DuckDB file. Raises Unreadable if the file is torn or may not be
    read, BadInput where the user has to decide (which table) or to act (a locked DuckDB file).
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
        compression = compression_of(start)
        head = b"" if start.startswith(b"PAR1") else read_head(path, compression, HEAD_BYTES)
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    if start.startswith(b"PAR1") or start[8:12] == b"DUCK":
        _check_name(path)
    if start.startswith(b"PAR1"):
        return _parquet(path)
    if start[8:12] == b"DUCK":
        return _duckdb(path, overrides or {})
    if start.startswith(b"SQLite format 3\0"):
        return _other(path, "sqlite", None, head)
    if compression is not None and not head:
        raise Unreadable(f"the {compression} stream is torn at its start")
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf"):
        return _other(path, "empty", compression, head)
    return _text(path, compression, head)


def _check_name(path: Path) -> None:
    """Raise Unreadable for a name in another encoding than UTF-8, under which DuckDB cannot open a file."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise Unreadable("its name, or that of a folder above it, is not UTF-8; rename it") from None


def _other(path: Path, container: Container, compression: Compression, head: bytes) -> Probe:
    return Probe(path, container, compression, {}, head, None, frozenset())


def _parquet(path: Path) -> Probe:
    import duckdb

    from traceview.sources.sql import literal

    try:
        # DuckDB takes a quarter of a second to find out that a file is torn
        _check_footer(path)
        with looking() as connection:
            file = literal(str(path))
            columns = connection.execute(f"DESCRIBE FROM read_parquet({file})").fetchall()
            counted = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({file})").fetchone()
    except (duckdb.Error, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unreadable(
            f"torn or still being written: its Parquet footer cannot be read ({reason})"
        ) from error
    types = {row[0]: row[1] for row in columns}
    return Probe(path, "parquet", None, types, b"", None, frozenset(), rows=counted[0] if counted else None)


def _check_footer(path: Path) -> None:
    """Raise ValueError unless the file ends in a footer that fits: its length, then the magic bytes."""
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - 8))
        length, magic = stream.read(4), stream.read(4)
    if magic != b"PAR1":
        raise ValueError("the magic bytes at its end are missing")
    if int.from_bytes(length, "little") + 12 > size:
        raise ValueError("its footer is longer than the file")


def _duckdb(path: Path, overrides: Mapping[str, str]) -> Probe:
    from traceview.sources.duckdb_file import choose_table

    table, columns = choose_table(path, overrides.get("table"))
    return Probe(path, "duckdb", None, columns, b"", None, frozenset(), table)


def _text(path: Path, compression: Compression, head: bytes) -> Probe:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] in (b"{", b"["):
        first = _first_value(text)
        told = first[0] if isinstance(first, list) and first else first
        keys = frozenset(str(key) for key in told) if isinstance(told, dict) else frozenset(_keys_seen(text))
        return Probe(path, "json", compression, {}, head, first, keys)
    if framing(head) is not None:
        return _other(path, "unknown", compression, head)
    columns = _csv_columns(text)
    if columns:
        return Probe(path, "csv", compression, dict.fromkeys(columns, "VARCHAR"), head, None, frozenset())
    return _other(path, "unknown", compression, head)


def _first_value(text: bytes) -> Any:
    """The first JSON value that is whole within the head: the first good line, or the whole of the head."""
    for line in text.splitlines()[:50]:
        if line.strip()[:1] in (b"{", b"["):
            try:
                return orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _keys_seen(text: bytes) -> list[str]:
    """Keys near the start of a JSON text that does not parse within the head."""
    found = re.findall(rb'"((?:[^"\\]|\\.){1,100})"\s*:', text[:65536])
    return [key.decode("utf-8", "replace") for key in found]


def _csv_columns(text: bytes) -> list[str]:
    """The column names of a CSV text, if its first lines look like one."""
    if b"\0" in text[:4096]:
        return []
    lines = text.decode("utf-8", "replace").splitlines()[:20]
    if not lines or not re.search(r"[,;\t]", lines[0]):
        return []
    try:
        delimiter = csv.Sniffer().sniff(lines[0], delimiters=",;\t").delimiter
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    except csv.Error:
        return []
    names = [name.strip() for name in rows[0]]
    if len(names) < 2 or len(set(names)) != len(names) or not all(names):
        return []
    return names


def refuse_own(seen: Probe) -> None:
    """Raise BadInput for what traceview wrote itself: its exports and labels would be read as traces again."""
    path = shown(seen.path)
    names = seen.columns.keys() if seen.columns else seen.top_keys
    if names >= _OF_EXPORTS and ("input" in names or "scores" in names):
        raise BadInput(
            f"{path}: an export of traceview, not traces", hint="open the traces that it was made from"
        )
    if "traceview_export" in names:
        raise BadInput(f"{path}: it tells about an export of traceview, and is not traces")
    if seen.container == "json" and names >= _OF_LABELS:
        raise BadInput(
            f"{path}: labels of traceview, not traces", hint=f"traceview labels import SOURCE {path}"
        )


def refusal(seen: Probe, formats: tuple[str, ...]) -> BadInput:
    """What to tell about a file that no format recognises: what was seen in it, and what to do."""
    path = shown(seen.path)
    if seen.container == "empty":
        return BadInput(f"{path} is empty")
    if seen.container == "sqlite":
        return BadInput(
            f"{path} is an SQLite database, which traceview does not read",
            hint="export its spans first, for Phoenix with client.spans.get_spans_dataframe().to_parquet(...)",
        )
    if seen.container in ("parquet", "duckdb", "csv"):
        return BadInput(
            f"{path}: its columns do not tell which trace, span or thread a row is and what happened in it or when; "
            f"they are {_listed(seen.columns)}",
            hint="say which column is which: --map trace_id=COLUMN --map input=COLUMN --map start_time=COLUMN ...",
        )
    known = f"traceview reads {', '.join(formats)}"
    if seen.container == "json":
        keys = _listed(seen.top_keys) or "none"
        return BadInput(
            f"{path} is JSON of a kind that traceview does not know; its first keys are {keys}",
            hint=f"{known}; records of your own are read with --map FIELD=KEY",
        )
    return BadInput(f"{path} is no trace file: it starts with {_start(seen.head)}", hint=known)


def _listed(names: Mapping[str, str] | frozenset[str], limit: int = 30) -> str:
    """Names for a message: foreign text, so made safe; N of M where there are many."""
    from traceview.text.safe import safe_line

    ordered = sorted(names) if isinstance(names, frozenset) else list(names)
    shown = ", ".join(safe_line(name) for name in ordered[:limit])
    return shown if len(ordered) <= limit else f"{shown} ({limit} of {len(ordered)})"


START = 24
"""Characters that are shown of how a file begins."""


def _start(head: bytes) -> str:
    """How a file begins, as people read it: its text on one line, or its bytes where it is none."""
    from traceview.text.safe import safe_line

    try:
        text = head[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if error.start >= START else ""
    first = text.strip().splitlines()[0] if text.strip() else ""
    if not first or not first.isprintable():
        return f"the bytes {head[:8].hex(' ')}"
    return f"'{safe_line(first[:START])}{'…' if len(first) > START else ''}'"
