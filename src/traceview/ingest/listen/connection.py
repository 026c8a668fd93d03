"""HTTP connections that do not wait for ever for the head of a request."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class ImpatientProtocol(H11Protocol):
    """Closes a connection on which a request was begun, or nothing was sent, and whose head does not get complete.

    uvicorn itself only limits how long a connection may be idle between two requests.
    """

    HEAD_SECONDS: ClassVar[float] = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request soon."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Expect the rest of a head that has begun."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Expect the rest of a head that came behind the request that is answered."""
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        if self.conn.their_state is not h11.IDLE or not self.conn.trailing_data[0]:
            self._relax()
        elif self._deadline is None:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing more."""
        self._relax()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(self.HEAD_SECONDS, self._give_up)

    def _relax(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def impatient(head_seconds: float) -> type[ImpatientProtocol]:
    """The protocol with another time for the head of a request."""

    class Impatient(ImpatientProtocol):
        HEAD_SECONDS = head_seconds

    return Impatient
