"""What message batches need of a client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from traceview.judges.exchange import BatchResult, BatchState, Request, Response


class BatchClient(Protocol):
    """What batches need: `traceview.judges.client.JudgeClient`."""

    async def create_batch(self, requests: Sequence[Request]) -> BatchState:
        """Send a batch."""
        ...

    async def batch(self, id: str) -> BatchState | None:
        """A batch as it stands."""
        ...

    def batches(self, most: int = 200) -> AsyncIterator[BatchState]:
        """The newest batches."""
        ...

    def batch_results(self, id: str) -> AsyncIterator[BatchResult]:
        """The results of a batch."""
        ...

    def failure_of(self, error: Exception) -> Response:
        """What an error means."""
        ...
