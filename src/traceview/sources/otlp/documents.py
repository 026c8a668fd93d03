"""The JSON documents of a file, one after the other, with the line on which each starts."""

from __future__ import annotations

import io
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

import orjson

from traceview.sources.base import Probe, ReadReport
from traceview.sources.bytes import open_bytes
from traceview.sources.json_stream import LARGEST, Element, elements
from traceview.sources.jsontext import cleaned, loads
from traceview.sources.ranges import opened
from traceview.sources.torn_json import whole_spans

_BOM = b"\xef\xbb\xbf"
_OPENING = frozenset((b"{", b"["))
_REST = "; the spans before that were read"
_LISTS = (
    "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans", "spans",
    "scopeLogs", "scope_logs", "logRecords", "log_records",
)  # fmt: skip
_OPENS = (b"[", b"{", b":")


SMALL = 8 << 20
"""Up to so many bytes a document is parsed as a whole, above element by element."""


def documents(
    probe: Probe,
    report: ReadReport,
    parse: Callable[[bytes], Any] = orjson.loads,
    pages: tuple[str, ...] = (),
) -> Iterator[tuple[int, int, Any]]:
    """Line number, size in bytes, and value of every JSON document, as `parse` gives it.

    Lines are read one by one. A file whose first line is only the beginning of a value is read as a whole if it is
    small; of a large one every item of its array is a document, and every item of a list under one of the keys `pages`,
    inside of an object with that key. What cannot be parsed is reported with its line and costs only itself.
    """
    if is_large_document(probe):
        yield from _elements(probe, report, parse, pages)
        return
    with opened(probe) as stream:
        lines = enumerate(_lines(stream, probe, report), 1 if probe.range is None else probe.range.line + 1)
        begun: list[tuple[int, bytes]] = []
        for number, line in lines:
            if line.strip(b" \t\r\n\0"):
                begun.append((number, line))
                if len(begun) == 2:
                    break
        rest = itertools.chain(begun, lines)
        if probe.range is None and begun and _spans_lines([line for _, line in begun]):
            text = b"".join(line for _, line in rest)
            yield from _whole(begun[0][0], text, probe, report, parse, pages)
            return
        for number, line in rest:
            yield from _line(number, line, probe, report, parse)


def is_large_document(probe: Probe) -> bool:
    """Whether a file is more than is parsed at once, and begins with a value of many lines or of a very long one."""
    begun: list[bytes] = []
    try:
        if probe.range is not None or (probe.compression is None and probe.path.stat().st_size <= SMALL):
            return False
        with open_bytes(probe.path, probe.compression) as stream:
            while len(begun) < 2 and (line := stream.readline(SMALL)):
                line = line.removeprefix(_BOM)
                if not begun and len(line) == SMALL:
                    return line.lstrip()[:1] in _OPENING
                if line.strip(b" \t\r\n\0"):
                    begun.append(line)
    except (EOFError, OSError, zlib.error):
        return False
    return bool(begun) and begun[0].lstrip()[:1] in _OPENING and _spans_lines(begun)


def _elements(
    probe: Probe, report: ReadReport, parse: Callable[[bytes], Any], pages: tuple[str, ...]
) -> Iterator[tuple[int, int, Any]]:
    line = 1
    with open_bytes(probe.path, probe.compression) as stream:
        below = getattr(stream, "fileobj", None)

        def count(size: int) -> None:
            report.bytes_read = report.bytes_read + size if below is None else below.tell()

        try:
            for element in elements(stream, pages, count, _LISTS):
                line = element.line
                yield from _element(element, 0, probe, report, parse)
        except (EOFError, OSError, zlib.error) as error:
            report.skip(_ends_early(probe, error), f"{probe.path.name}:{line}")


def _element(
    element: Element, before: int, probe: Probe, report: ReadReport, parse: Callable[[bytes], Any]
) -> Iterator[tuple[int, int, Any]]:
    """The value of one element, with its line (there are lines before it) and its size; nothing if it is broken."""
    line = before + element.line
    where = f"{probe.path.name}:{line} (byte {element.offset:,})"
    text = element.text
    if element.broken is not None:
        whole = whole_spans(text, element.key) if element.torn else None
        report.skip(f"not JSON: {element.broken}{_REST if whole else ''}", where)
        if whole is None:
            return
        text = whole
    if element.key is not None:
        text = b"{%s:[%s]}" % (orjson.dumps(element.key), text)
    try:
        value = parse(text)
    except orjson.JSONDecodeError:
        try:
            value = loads(text)
        except ValueError as error:
            report.skip(f"not JSON: {_reason(error)}", where)
            return
        _note_replaced(text, where, report)
    yield line, len(text), value


def _ends_early(probe: Probe, error: Exception) -> str:
    return f"the {probe.compression or 'file'} stream ends too early ({error})"


def _lines(stream: IO[bytes], probe: Probe, report: ReadReport) -> Iterator[bytes]:
    # below a decompression the file itself says how far it was read
    below = getattr(stream, "fileobj", None)
    first = True
    number = 0
    while True:
        try:
            line = stream.readline(LARGEST)
            if len(line) == LARGEST and not line.endswith(b"\n"):
                report.skip(f"a line of more than {LARGEST >> 20} MB", f"{probe.path.name}:{number + 1}")
                while line and not line.endswith(b"\n"):
                    line = stream.readline(SMALL)
                line = b"\n" if line else line
        except (EOFError, OSError, zlib.error) as error:
            report.skip(_ends_early(probe, error), f"{probe.path.name}:{number + 1}")
            return
        if not line:
            return
        number += 1
        report.bytes_read = report.bytes_read + len(line) if below is None else below.tell()
        yield line.removeprefix(_BOM) if first else line
        first = False


def _spans_lines(begun: list[bytes]) -> bool:
    """True if a value goes on over several lines: the first line is no value, nor is the second."""
    stripped = [line.strip() for line in begun]
    if _parses(stripped[0]):
        return False
    if len(begun) == 1:
        # an array that is torn: what is whole of it is read
        return stripped[0].startswith(b"[") and stripped[0] != b"["
    opened, listed = stripped[0].endswith(_OPENS), stripped[0].endswith(b",") and stripped[1].endswith(b",")
    if stripped[0][:1] == b"{" and (opened or listed):
        # an object that holds a list with an item per line
        return True
    # an array with one element per line is read line by line too
    return not any(_parses(line.rstrip(b",")) for line in stripped[1:] if line[:1] in _OPENING)


def _parses(line: bytes) -> bool:
    try:
        return isinstance(loads(line), dict | list)
    except ValueError:
        return False


def _line(
    number: int, line: bytes, probe: Probe, report: ReadReport, parse: Callable[[bytes], Any]
) -> Iterator[tuple[int, int, Any]]:
    """The value of one line, with its number and its size; nothing if it holds none, which is reported."""
    text = line.strip(b" \t\r\n\0")
    if text in (b"", b"[", b"]", b","):
        return
    where = f"{probe.path.name}:{number}"
    try:
        value = parse(text)
    except orjson.JSONDecodeError:
        try:
            value = _tolerant(text.strip(b","))
        except ValueError as error:
            torn = "" if line.endswith(b"\n") else " (the last line is torn)"
            if (several := _several(text)) is not None:
                # two writers, or one that was stopped before its line ended
                yield from ((number, len(text) // len(several), one) for one in several)
                return
            value = _of_whole_spans(text)
            report.skip(f"not JSON{torn}: {_reason(error)}{'' if value is None else _REST}", where)
            if value is None:
                return
        _note_replaced(text, where, report)
    yield number, len(line), value


def _several(text: bytes) -> list[Any] | None:
    """The objects of a line that holds several, one after the other; None for anything else."""
    if not text.startswith(b"{"):
        return None
    decoder = json.JSONDecoder(parse_constant=str)
    content = text.decode("utf-8", "replace")
    found: list[Any] = []
    position = 0
    while position < len(content):
        try:
            value, end = decoder.raw_decode(content, position)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        found.append(cleaned(value))
        position = _after_space(content, end)
    return found


def _of_whole_spans(text: bytes) -> Any:
    """The value of what is whole of a broken text, if there are spans in it."""
    whole = whole_spans(text)
    try:
        return None if whole is None else loads(whole)
    except ValueError:
        return None


def _tolerant(text: bytes) -> Any:
    """A value even where a bracket of the surrounding array stands on its line."""
    try:
        return loads(text)
    except ValueError:
        if text.startswith(b"[{") or text.endswith(b"}]"):
            return loads(text.removeprefix(b"[").removesuffix(b"]"))
        raise


def _whole(
    number: int,
    text: bytes,
    probe: Probe,
    report: ReadReport,
    parse: Callable[[bytes], Any],
    pages: tuple[str, ...],
) -> Iterator[tuple[int, int, Any]]:
    """The values of a text; of one that is torn those of its elements that are whole."""
    where = f"{probe.path.name}:{number}"
    try:
        yield number, len(text), parse(text)
        return
    except orjson.JSONDecodeError:
        _note_replaced(text, where, report)
    decoder = json.JSONDecoder(parse_constant=str)
    content = text.decode("utf-8", "replace")
    position = 0
    while True:
        position = _after_space(content, position)
        if position == len(content):
            return
        line = number + content.count("\n", 0, position)
        try:
            value, end = decoder.raw_decode(content, position)
        except (ValueError, RecursionError):
            for element in elements(io.BytesIO(content[position:].encode()), pages):
                yield from _element(element, line - 1, probe, report, parse)
            return
        yield line, end - position, cleaned(value)
        position = end


def _after_space(content: str, position: int) -> int:
    """Where the next value begins."""
    while position < len(content) and content[position] in " \t\r\n\0,":
        position += 1
    return position


def _note_replaced(text: bytes, where: str, report: ReadReport) -> None:
    try:
        text.decode()
    except UnicodeDecodeError:
        report.skip("invalid UTF-8, the bytes were replaced and the line was read", where)


def _reason(error: Exception) -> str:
    """The decoder's sentence without its position, so that the same reason counts together."""
    return error.msg if isinstance(error, json.JSONDecodeError) else str(error)
