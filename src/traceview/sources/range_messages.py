"""What a process and those that read for it say to each other: pickled, with the lengths before it.

Tables are not pickled but follow as they are: to copy them takes longer than to send them.
"""

from __future__ import annotations

import pickle
import struct
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct

from traceview.sources.base import ReadReport

if TYPE_CHECKING:
    from pyarrow import Buffer

_COUNT = struct.Struct(">I")
_LENGTH = struct.Struct(">Q")


class Answer(Struct, frozen=True):
    """What was read of a range: tables as Arrow IPC streams, and the report."""

    tables: tuple[Buffer, ...]
    report: ReadReport


def send(stream: IO[bytes], told: object) -> None:
    """Write one message. Raises OSError if nobody reads."""
    beside: list[pickle.PickleBuffer] = []
    text = pickle.dumps(told, pickle.HIGHEST_PROTOCOL, buffer_callback=beside.append)
    pieces: list[bytes | memoryview] = [text, *(buffer.raw() for buffer in beside)]
    stream.write(_COUNT.pack(len(beside)))
    for piece in pieces:
        stream.write(_LENGTH.pack(len(piece)))
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message, which this program wrote. Raises EOFError at the end of the stream."""
    (count,) = _COUNT.unpack(_exactly(stream, _COUNT.size))
    lengths = [_LENGTH.unpack(_exactly(stream, _LENGTH.size))[0] for _ in range(count + 1)]
    text, *beside = [_exactly(stream, length) for length in lengths]
    return pickle.loads(text, buffers=beside)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise EOFError
    return found
