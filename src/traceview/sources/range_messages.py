"""What a process and those that read for it say to each other: pickled, with the length before it."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import IO, Any

from traceview.sources.base import ReadReport

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was read of a range: tables as Arrow IPC streams, and the report."""

    tables: tuple[bytes, ...]
    report: ReadReport


def send(stream: IO[bytes], told: object) -> None:
    """Write one message. Raises OSError if nobody reads."""
    text = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
    stream.write(_LENGTH.pack(len(text)))
    stream.write(text)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Read one message, which this program wrote. Raises EOFError at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    text = stream.read(length)
    if len(text) < length:
        raise EOFError
    return pickle.loads(text)
