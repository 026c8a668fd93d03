"""Sends the calls of a run as fast as the endpoint takes them, and writes down each step before and after."""

from __future__ import annotations

import asyncio
import heapq
import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from traceview.definitions.prices import Price
from traceview.judges.exchange import Request, Response
from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import AttemptResult, PendingCall, Usage, Verdict
from traceview.judges.ledger.steps import TAKEN, Cap, Claim, Settlement
from traceview.judges.running.deciding import (
    Decision,
    StoppedBy,
    Tries,
    UnknownPolicy,
    decide,
)
from traceview.judges.running.money import worst_cost
from traceview.judges.running.pace import FIRST_BACKOFF, Pace, backoff
from traceview.judges.running.replies import usage_of
from traceview.judges.running.run_sender import RunSender
from traceview.judges.running.step_writer import StepWriter
from traceview.model.judges import JudgeDefinition

GRACE_SECONDS = 30.0
"""How long calls on the way are waited for when a run is to stop."""
_PAGE = 128


class Client(Protocol):
    """Whatever can be asked: `traceview.judges.client.JudgeClient`."""

    async def send(self, request: Request) -> Response:
        """Ask once."""
        ...


class Sender(RunSender):
    """Sends them one by one, so many at once as the pace allows."""

    def __init__(
        self,
        ledger: Ledger,
        run: str,
        judge: JudgeDefinition,
        client: Client,
        pace: Pace,
        *,
        caps: Callable[[], Sequence[Cap]],
        price: Price | None,
        unknown: UnknownPolicy,
        on_final: Callable[[str], object],
        on_event: Callable[[str, Mapping[str, Any]], object],
        grace: float = GRACE_SECONDS,
        first_backoff: float = FIRST_BACKOFF,
    ) -> None:
        super().__init__(ledger, run, judge, caps=caps, price=price, on_final=on_final, on_event=on_event)
        self._client = client
        self._steps = StepWriter(ledger)
        self._pace = pace
        self._unknown: UnknownPolicy = unknown
        self._grace = grace
        self._first_backoff = first_backoff
        self._primed = False
        self._blocked = ""
        self._page: deque[PendingCall] = deque()
        self._after = 0
        self._exhausted = False
        self._waiting: list[tuple[float, int, PendingCall]] = []
        self._order = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = 0
        self._news = asyncio.Event()
        self._chance = random.Random()
        self._failure: BaseException | None = None
        self._schemas: dict[str, Any] = {}

    @property
    def in_flight(self) -> int:
        """Calls on the way: without those that are answered, and only being written down."""
        return len(self._tasks) - self._answered

    def stop(self, by: StoppedBy = "cancel", message: str = "") -> None:
        """Begin no more calls; those on the way are waited for."""
        super().stop(by, message)
        self._news.set()

    def pause(self, paused: bool) -> None:
        """Begin no more calls for now, or go on."""
        if paused != self.paused:
            self.paused = paused
            self._news.set()

    def abort(self) -> None:
        """Wait no longer for calls on the way: they may have been paid."""
        self.stop()
        for task in self._tasks:
            task.cancel()

    async def run(self) -> None:
        """Send everything that is planned. Raises TraceviewError where the ledger cannot be written."""
        try:
            while not self.is_stopping and self._failure is None:
                seconds = self._seconds_until_room()
                if seconds > 0:
                    await self._wait(seconds)
                    continue
                call = self._next()
                if call is None:
                    if not self._tasks and not self._waiting:
                        if self._blocked:
                            self.stop("budget", self._blocked)
                        break
                    await self._wait(self._seconds_until_retry())
                    continue
                self._begin(call)
        finally:
            await self._finish()
        if self._failure is not None:
            raise self._failure

    def _begin(self, call: PendingCall) -> None:
        self._pace.sent()
        self._tell_pause()
        task = asyncio.create_task(self._one(call))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        self._news.set()

    async def _wait(self, seconds: float) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(min(seconds, 60.0)):
                await self._news.wait()
        except TimeoutError:
            pass

    def _seconds_until_room(self) -> float:
        """How long nothing may be sent: until there is news, or a pause is over; 0 if something may."""
        if self.paused or self.in_flight >= self._window():
            return 60.0
        if self._blocked:
            if self._tasks:
                return 60.0
            if self._waiting or self._page:
                # nothing is on the way that could give back what it has reserved
                self.stop("budget", self._blocked)
                return 0.001
        return self._pace.wait()

    def _window(self) -> int:
        """Calls at once: one alone until the first is answered, so that the others find the cache filled."""
        return self._pace.window if self._primed else 1

    def _seconds_until_retry(self) -> float:
        return max(0.001, self._waiting[0][0] - time.monotonic()) if self._waiting else 60.0

    def _next(self) -> PendingCall | None:
        """The next call to send: one that is due again, else the next that was planned."""
        if self._waiting and self._waiting[0][0] <= time.monotonic():
            return heapq.heappop(self._waiting)[2]
        if not self._page and not self._exhausted:
            found: list[PendingCall] = []
            found = self._ledger.read(
                lambda connection: ledger_calls.pending(connection, self._run, self._after, _PAGE), found
            )
            self._exhausted = len(found) < _PAGE
            if found:
                self._after = found[-1].seq
            self._page.extend(call for call in found if call.call_key not in self._tries)
        return self._page.popleft() if self._page else None

    async def _one(self, call: PendingCall) -> None:
        tries = self._tries.setdefault(call.call_key, Tries(self._model.max_tokens))
        texts = (call.system, call.user, call.schema)
        reserve = None if self._price is None else worst_cost(self._price, texts, tries.max_tokens)
        refused = await self._steps.claim(
            Claim(self._run, call.call_key, tries.max_tokens, reserve, self._caps())
        )
        if refused == TAKEN:
            self._tries.pop(call.call_key, None)
            return
        if refused is not None:
            self._block(call, refused)
            return
        self.tally.sent += 1
        sent_at = time.monotonic()
        schema = self._schema(call.schema)
        try:
            response = await self._client.send(
                Request(call.call_key, call.system, call.user, schema, tries.max_tokens)
            )
        except asyncio.CancelledError:
            lost = AttemptResult("maybe", failure="cancelled", seconds=time.monotonic() - sent_at)
            await asyncio.shield(self._settle(call, Decision(lost, "unknown", Verdict("unknown"))))
            return
        decision = decide(self._judge, self._price, schema, response, tries, self._mistakes, self._unknown)
        if decision.stop is not None:
            self.stop(decision.stop, decision.result.message or "")
        if not self._primed and decision.state != "todo":
            self._primed = True
            self._on_event("primed", {"seconds": decision.result.seconds})
        self._tell_pace(response, sent_at)
        # Its place is free at once: what is sent there is claimed behind what is written here, in the same commit.
        # A call that is tried again keeps its place.
        is_final = decision.state != "todo"
        self._answered += is_final
        try:
            await self._settle(call, decision)
        finally:
            self._answered -= is_final

    async def _settle(self, call: PendingCall, decision: Decision) -> None:
        await self._steps.settle(Settlement(call.call_key, decision.result, decision.state, decision.verdict))
        self._blocked = ""
        self.tally.add(decision)
        if decision.state == "todo":
            self._again(call, decision)
        else:
            self._tries.pop(call.call_key, None)
            self._on_final(call.call_key)

    def _again(self, call: PendingCall, decision: Decision) -> None:
        tries = self._tries[call.call_key]
        seconds = 0.0
        if decision.wait:
            tried = max(1, tries.failures + tries.put_off)
            seconds = backoff(tried, self._chance, first=self._first_backoff)
        self._order += 1
        heapq.heappush(self._waiting, (time.monotonic() + seconds, self._order, call))
        self._on_event(
            "retry",
            {
                "reason": decision.result.failure or "unread",
                "status": decision.result.status,
                "seconds": seconds,
            },
        )

    def _block(self, call: PendingCall, scope: str) -> None:
        """There is no money for this call now: it waits until others give back what they have reserved."""
        if not self._blocked:
            self._on_event("budget", {"scope": scope, "in_flight": len(self._tasks)})
        self._blocked = scope
        self._order += 1
        heapq.heappush(self._waiting, (time.monotonic(), self._order, call))

    def _tell_pace(self, response: Response, sent_at: float) -> None:
        if response.failure in ("rate_limited", "overloaded"):
            self._pace.refused(response.status or 0, sent_at, response.headers)
            self._tell_pause()
        elif response.reply is not None:
            usage = usage_of(response.reply) or Usage()
            self._pace.succeeded(response.headers, usage.input, usage.output)
        self._news.set()

    def _tell_pause(self) -> None:
        pause = self._pace.pause
        if pause is not None:
            self._on_event("paused", {"reason": pause[0], "until": time.time() + pause[1]})

    def _schema(self, text: str) -> Mapping[str, Any]:
        if text not in self._schemas:
            self._schemas[text] = json.loads(text)
        found: Mapping[str, Any] = self._schemas[text]
        return found

    async def _finish(self) -> None:
        """Wait for calls on the way, no longer than the grace allows."""
        deadline = time.monotonic() + self._grace
        while self._tasks and time.monotonic() < deadline:
            await asyncio.wait(set(self._tasks), timeout=0.2)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=10)
