"""How much the receiver takes: what is beyond is refused with a status, never kept in memory."""

from __future__ import annotations

from msgspec import Struct

MIB = 1 << 20


class Limits(Struct, frozen=True):
    """Bytes, seconds and counts; every one has an answer of its own."""

    request_bytes: int = 64 * MIB
    """Of one request, as sent and after decompression: 413."""
    backlog_bytes: int = 1024 * MIB
    """Of all requests that wait in the inbox: 429."""
    flight_bytes: int = 256 * MIB
    """Of all bodies that are being received: 503."""
    flight_requests: int = 256
    """Requests that are being received: 503."""
    connections: int = 512
    """One more closes the one that is idle for longest; where none is: 503."""
    head_seconds: float = 10.0
    """For the first line and the headers of a request; the connection is closed."""
    body_seconds: float = 30.0
    """For the body of a request: 408."""
    idle_seconds: float = 65.0
    """Between two requests of a connection; exporters keep theirs and send every few seconds."""
    flush_seconds: float = 1.0
    """How old a request gets in the inbox before a part is written that is not full."""
