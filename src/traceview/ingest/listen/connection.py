"""HTTP connections that do not wait for ever for the head of a request, and as many of them as there is room for."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which a request was begun, or nothing was sent, and whose head does not get complete.

    uvicorn itself only limits how long a connection may be idle between two requests. Of more connections than there
    is room for, the one is closed that has been idle for longest: senders open another when they need it.
    """

    HEAD_SECONDS: ClassVar[float] = 10.0
    CONNECTIONS: ClassVar[int] = 512
    _deadline: asyncio.TimerHandle | None = None
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request soon."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        self._expect()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head that has begun."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Expect the rest of a head that came behind the request that is answered."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        self._look()

    def _look(self) -> None:
        if not self.has_begun:
            self._relax()
        elif self._deadline is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._relax()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        """Close the connection that is idle for longest, or, where every one is at work, this one with a 503."""
        others = [
            one
            for one in self.connections
            if isinstance(one, ImpatientProtocol) and one is not self and not one.transport.is_closing()
        ]
        if len(others) < self.CONNECTIONS:
            return
        idle = [one for one in others if one.cycle is None or one.cycle.response_complete]
        if idle:
            min(idle, key=lambda one: (one.has_begun, one._idle_since)).transport.close()
        else:
            self.transport.write(_FULL)
            self.transport.close()

    @property
    def has_begun(self) -> bool:
        """Whether a part of the head of a request has come."""
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(self.HEAD_SECONDS, self._give_up)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def impatient(
    head_seconds: float, connections: int = ImpatientProtocol.CONNECTIONS
) -> type[ImpatientProtocol]:
    """The protocol with another time for the head of a request, and another number of connections."""

    class Impatient(ImpatientProtocol):
        HEAD_SECONDS = head_seconds
        CONNECTIONS = connections

    return Impatient
