"""What the calls on the way write into the ledger at about the same moment, as one job and in one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.steps import Claim, Settlement, write_steps
from traceview.model.errors import TraceviewError

GROUP_SECONDS = 0.002
"""How long the first waits for company: at most 10 ms pass with the commit itself, and 64 calls share one."""

Waiting = tuple[Claim | Settlement, asyncio.Future[str | None]]


class StepWriter:
    """Gathers the steps of a moment. To be used in one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[Waiting] = []

    async def claim(self, one: Claim) -> str | None:
        """Claim a call, as `steps.claim`, after the settlements that wait too. Raises TraceviewError."""
        return await self._written(one)

    async def settle(self, one: Settlement) -> None:
        """Write down what came of a request. Raises TraceviewError."""
        await self._written(one)

    async def _written(self, one: Claim | Settlement) -> str | None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()
        if not self._waiting:
            loop.call_later(GROUP_SECONDS, self._flush)
        self._waiting.append((one, done))
        return await done

    def _flush(self) -> None:
        """Write what waits, behind what is written now. A claim that nobody waits for any more is none."""
        waiting, self._waiting = self._waiting, []
        waiting = [entry for entry in waiting if isinstance(entry[0], Settlement) or not entry[1].done()]
        if waiting:
            self._write(waiting)

    def _write(self, waiting: Sequence[Waiting]) -> None:
        loop = asyncio.get_running_loop()
        settled, claimed = _apart(waiting)
        job = partial(
            write_steps, settlements=[one for one, _ in settled], claims=[one for one, _ in claimed]
        )

        def tell(future: Future[list[str | None]]) -> None:
            # whoever waited may be gone: what was asked is done all the same
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._tell, waiting, future)

        self._ledger.submit(job).add_done_callback(tell)

    def _tell(self, waiting: Sequence[Waiting], future: Future[list[str | None]]) -> None:
        settled, claimed = _apart(waiting)
        error = future.exception()
        if error is not None and not isinstance(error, TraceviewError) and len(waiting) > 1:
            # one of them cannot be written: it must not keep the others from it
            for entry in waiting:
                self._write([entry])
            return
        answers: list[Any] = [*(None for _ in settled), *(future.result() if error is None else claimed)]
        for (_, done), answer in zip((*settled, *claimed), answers, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(answer)
            else:
                done.set_exception(error)


def _apart(
    waiting: Sequence[Waiting],
) -> tuple[
    list[tuple[Settlement, asyncio.Future[str | None]]], list[tuple[Claim, asyncio.Future[str | None]]]
]:
    """Settlements and claims, each in their order."""
    settled = [(one, done) for one, done in waiting if isinstance(one, Settlement)]
    claimed = [(one, done) for one, done in waiting if isinstance(one, Claim)]
    return settled, claimed
