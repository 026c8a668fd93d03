"""A large file of JSON lines as ranges of whole lines, which may be read apart from each other."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from msgspec.structs import replace

from traceview.sources.base import Probe, Range
from traceview.sources.bytes import open_bytes

RANGE_BYTES = 4 << 20
_BLOCK = 1 << 20


def ranges_of(probe: Probe) -> Iterator[Probe]:
    """The file as probes of its ranges, in order; a longer line makes its range longer. Raises OSError."""
    with probe.path.open("rb") as stream:
        start = line = 0
        while True:
            lines = 0
            end = start
            while end - start < RANGE_BYTES and (block := stream.read(_BLOCK)):
                lines += block.count(b"\n")
                end += len(block)
            rest = stream.readline()
            end += len(rest)
            lines += rest.endswith(b"\n")
            if end == start:
                return
            yield replace(probe, range=Range(start, end, line))
            start, line = end, line + lines


def opened(probe: Probe) -> IO[bytes]:
    """The decompressed bytes of a file, or of its range alone. Raises OSError."""
    if probe.range is None:
        return open_bytes(probe.path, probe.compression)
    with probe.path.open("rb") as stream:
        stream.seek(probe.range.start)
        return io.BytesIO(stream.read(probe.range.end - probe.range.start))


def contains(probe: Probe, words: tuple[bytes, ...]) -> bool:
    """Whether one of these short words stands anywhere in the file, or in its range. Raises OSError."""
    before = b""
    with suppress(EOFError, zlib.error), opened(probe) as stream:
        while block := stream.read(_BLOCK):
            text = before + block
            if any(word in text for word in words):
                return True
            before = block[-64:]
    return False
