"""Calls as message batches: half the price, done within a day; a crash at any moment costs nothing twice.

The calls of a batch are written down before it is created. Where a process died in between, the batch is looked for
among those of the account, by its size and by the ids of its results. What is not found and may have been paid is held.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from traceview.definitions.prices import Price
from traceview.judges.exchange import BatchResult, BatchState, Request, Response
from traceview.judges.ledger import batches as ledger_batches
from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger.batches import Batch
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import AttemptResult, PendingCall, Verdict
from traceview.judges.ledger.steps import Cap, Settlement, settle
from traceview.judges.running.batch_client import BatchClient
from traceview.judges.running.deciding import (
    Decision,
    StoppedBy,
    Tries,
    decide,
    result_of_reply,
)
from traceview.judges.running.money import worst_cost
from traceview.judges.running.run_sender import RunSender
from traceview.model.errors import TraceviewError
from traceview.model.judges import JudgeDefinition
from traceview.store.labels.ids import uuid7

Result = TypeVar("Result")

MOST_CALLS = 10_000
MOST_BYTES = 64 << 20
"""Of one batch: the endpoint takes 100,000 calls and 256 MB, but what is being sent is held in memory."""
FIRST_POLL, LONGEST_POLL = 0.5, 30.0
_MOST_ROUNDS = 6
SEARCH_SECONDS = 10.0
_EARLIER = timedelta(days=1)
"""How much the endpoint's clock may be behind this one."""
MOST_LISTED = 1_000
"""Batches of the account among which one is looked for."""
_READS = 3
"""How often results are read that lack some of their batch."""
NOT_FOUND = "this batch was sent, and the endpoint neither answered nor lists it: it may have been paid"
_PAGE = 500


class BatchSender(RunSender):
    """Sends them as batches. Stopping leaves a batch where it is: the next run of the judge reads it."""

    def __init__(
        self,
        ledger: Ledger,
        run: str,
        judge: JudgeDefinition,
        client: BatchClient,
        *,
        caps: Callable[[], Sequence[Cap]],
        price: Price | None,
        endpoint: str,
        on_final: Callable[[str], object],
        on_event: Callable[[str, Mapping[str, Any]], object],
    ) -> None:
        super().__init__(ledger, run, judge, caps=caps, price=price, on_final=on_final, on_event=on_event)
        self._client = client
        self._endpoint = endpoint
        self._waiting = 0
        self._stop = asyncio.Event()
        self._rounds = 0

    @property
    def in_flight(self) -> int:
        """Calls in batches that have not ended."""
        return self._waiting

    def stop(self, by: StoppedBy = "cancel", message: str = "") -> None:
        """Create no more batches, and wait for none."""
        if by == "cancel" and not message:
            message = "the batch goes on; the same command reads it later"
        super().stop(by, message)
        self._stop.set()

    def abort(self) -> None:
        """As `stop`."""
        self.stop()

    def pause(self, paused: bool) -> None:
        """Batches that are sent go on; no more are created meanwhile."""
        self.paused = paused

    async def run(self) -> None:
        """Read the batches of dead runs, then send what is planned, until nothing is left to send."""
        adopted = await self._write(
            partial(ledger_batches.adopt_batches, run=self._run, judge_hash=self._judge.hash)
        )
        for batch in adopted:
            await self._take_up(batch)
        while not self._stop.is_set() and self._rounds < _MOST_ROUNDS:
            self._rounds += 1
            sent = False
            for calls in self._portions():
                while self.paused and not self._stop.is_set():
                    await self._rest(0.5)
                if self._stop.is_set():
                    return
                sent = await self._one_batch(calls) or sent
                if self._stop.is_set():
                    return
            if not sent:
                return

    def _portions(self) -> Iterator[list[PendingCall]]:
        """What is planned, in portions that one batch takes."""
        after, portion, size = 0, list[PendingCall](), 0
        while True:
            found: list[PendingCall] = []
            found = self._ledger.read(
                partial(ledger_calls.pending, run=self._run, after=after, limit=_PAGE), found
            )
            for call in found:
                length = len(call.user.encode("utf-8", "surrogatepass")) + len(call.system) + len(call.schema)
                if portion and (len(portion) >= MOST_CALLS or size + length > MOST_BYTES):
                    yield portion
                    portion, size = [], 0
                portion.append(call)
                size += length
            if len(found) < _PAGE:
                break
            after = found[-1].seq
        if portion:
            yield portion

    async def _one_batch(self, calls: Sequence[PendingCall]) -> bool:
        """Create a batch of calls and read its results; False if nothing of them could be sent."""
        name = uuid7()
        wanted = []
        for call in calls:
            tries = self._tries.setdefault(call.call_key, Tries(self._model.max_tokens))
            worst = None
            if self._price is not None:
                texts = (call.system, call.user, call.schema)
                worst = worst_cost(self._price, texts, tries.max_tokens, batch=True)
            wanted.append((call.call_key, tries.max_tokens, worst))
        claimed, refused = await self._write(
            partial(
                ledger_batches.begin_batch,
                name=name,
                run=self._run,
                endpoint=self._endpoint,
                calls=wanted,
                caps=self._caps(),
            )
        )
        if claimed:
            keys = set(claimed)
            await self._create(name, [call for call in calls if call.call_key in keys])
        if refused is not None and not self._stop.is_set():
            self.stop("budget", refused)
        return bool(claimed)

    async def _create(self, name: str, calls: Sequence[PendingCall]) -> None:
        requests = [
            Request(
                call.call_key,
                call.system,
                call.user,
                json.loads(call.schema),
                self._tries[call.call_key].max_tokens,
            )
            for call in calls
        ]
        self.tally.sent += len(requests)
        try:
            state = await self._client.create_batch(requests)
        except Exception as error:  # noqa: BLE001 (the client tells what it means)
            failed = self._client.failure_of(error)
            if failed.paid == "no":
                await self._write(partial(ledger_batches.batch_lost, name=name))
                await self._refused(failed)
                return
            await self._write(partial(ledger_batches.batch_in_doubt, name=name))
            found, _ = await self._look_for(
                Batch(name, self._run, datetime.now(UTC).isoformat(), len(calls), None, True)
            )
            if found is None:
                self.stop(
                    "cancel",
                    "it is not known whether the endpoint took a batch: the same command looks for it",
                )
                return
            state = found
        await self._write(partial(ledger_batches.batch_created, name=name, id=state.id))
        self._on_event("batch", {"id": state.id, "calls": len(calls)})
        await self._await(name, state, {call.call_key: call for call in calls})

    async def _refused(self, failed: Response) -> None:
        """A batch was not taken: later again, or never."""
        failure = failed.failure or "network"
        if 300 <= (failed.status or 0) < 400:
            failure = "bad_request"
        stops: dict[str, StoppedBy] = {
            "auth": "credentials",
            "billing": "billing",
            "not_found": "not_found",
            "bad_request": "bad_request",
            "too_large": "bad_request",
            "context_exceeded": "bad_request",
        }
        if failure in stops or self._rounds >= _MOST_ROUNDS:
            self.stop(stops.get(failure, "bad_request"), failed.message or failure)
            return
        self._on_event("retry", {"reason": failure, "status": failed.status, "seconds": 2.0 * self._rounds})
        await self._rest(2.0 * self._rounds)

    async def _take_up(self, batch: Batch) -> None:
        """Go on with a batch whose process died."""
        never = False
        if batch.id is None:
            state, never = await self._look_for(batch)
        else:
            state = await self._patiently(partial(self._client.batch, batch.id))
        if state is None and self._stop.is_set():
            return
        if state is None and never:
            await self._write(partial(ledger_batches.batch_lost, name=batch.name))
            return
        if state is None:
            gone = NOT_FOUND if batch.id is None else f"the endpoint has no batch {batch.id} any more"
            await self._hold(batch.name, "lost", gone)
            return
        if batch.id is None:
            await self._write(partial(ledger_batches.batch_created, name=batch.name, id=state.id))
        self._on_event("batch", {"id": state.id, "calls": batch.calls})
        await self._await(batch.name, state, {})

    async def _look_for(self, batch: Batch) -> tuple[BatchState | None, bool]:
        """The batch of the account that this one must be: as large, unknown here, with our ids in it.

        And whether there surely is none: every batch that can be it was looked at, and nothing says that it was sent.
        Clocks differ, so that its time decides only how far back is looked.
        """
        since = datetime.fromisoformat(batch.created_at.replace("Z", "+00:00")) - _EARLIER
        deadline = time.monotonic() + SEARCH_SECONDS
        while True:
            known = await self._write(ledger_batches.known_ids)
            keys = await self._write(partial(ledger_batches.keys_of, name=batch.name))
            listed = await self._patiently(partial(self._newest, since))
            found, all_seen = listed or ([], False)
            # those that have ended tell at once what they are
            for one in sorted(found, key=lambda one: not one.ended):
                if one.id not in known and one.count == batch.calls and await self._is_ours(one, keys):
                    return one, False
            if self._stop.is_set() or time.monotonic() > deadline:
                return None, all_seen and not batch.doubtful
            await self._rest(1.0)

    async def _newest(self, since: datetime) -> tuple[list[BatchState], bool]:
        """The batches since a time, as far as they are listed; whether all of them are."""
        found: list[BatchState] = []
        async for one in self._client.batches(MOST_LISTED):
            if one.created_at < since:
                return found, True
            found.append(one)
        return found, len(found) < MOST_LISTED

    async def _is_ours(self, state: BatchState, keys: set[str]) -> bool:
        """Whether the results of a batch have the ids of these calls; that is known once it has ended."""
        ended = await self._ended(state)
        if ended is None:
            return False

        async def first() -> bool:
            async for result in self._client.batch_results(ended.id):
                return result.key in keys
            return False

        return bool(await self._patiently(first))

    async def _await(self, name: str, state: BatchState, calls: Mapping[str, PendingCall]) -> None:
        """Wait for the end of a batch, then write down its results."""
        self._waiting = state.count
        ended = await self._ended(state)
        if ended is None:
            return

        async def read() -> bool:
            async for result in self._client.batch_results(ended.id):
                await self._result(result, calls.get(result.key))
            return True

        for again in range(_READS):
            if again:
                await self._rest(FIRST_POLL * again)
            if not await self._patiently(read):
                return
            left = await self._write(partial(ledger_batches.keys_of, name=name))
            if not left:
                break
        self._waiting = 0
        told = f"the results of the batch {ended.id} lack this call, or hold more than is read: it may have been paid"
        await self._hold(name, "read", told)

    async def _hold(self, name: str, state: str, message: str) -> None:
        """A batch is done with; what it has no result of is not sent again."""
        held = await self._write(partial(ledger_batches.batch_held, name=name, state=state, message=message))
        for key in held:
            self.tally.unknown += 1
            self._tries.pop(key, None)
            self._on_final(key)

    async def _ended(self, state: BatchState) -> BatchState | None:
        """The batch once it has ended; None if this run is to stop before."""
        seconds = FIRST_POLL
        found: BatchState | None = state
        while found is not None and not found.ended:
            await self._rest(seconds)
            if self._stop.is_set():
                return None
            seconds = min(LONGEST_POLL, seconds * 1.5)
            found = await self._patiently(partial(self._client.batch, state.id))
        return found

    async def _result(self, result: BatchResult, call: PendingCall | None) -> None:
        tries = self._tries.setdefault(result.key, Tries(self._model.max_tokens))
        if result.reply is not None:
            response = Response("yes", 200, reply=result.reply)
            schema = json.loads(call.schema) if call is not None else await self._schema(result.key)
            if schema is None:
                return
            decision = decide(self._judge, self._price, schema, response, tries, self._mistakes, "hold")
            priced = result_of_reply(self._price, response, batch=True)
            decision = Decision(priced, decision.state, decision.verdict, decision.max_tokens)
        elif result.kind == "errored":
            response = Response("no", 400 if result.failure == "bad_request" else 500, failure=result.failure)
            told = AttemptResult("no", response.status, failure=result.failure, message=result.message)
            decided = decide(self._judge, self._price, {}, response, tries, self._mistakes, "hold")
            verdict = decided.verdict
            if verdict is not None:
                verdict = Verdict(verdict.outcome, verdict.reason, explanation=result.message or "")
            decision = Decision(told, decided.state, verdict, stop=decided.stop)
        else:
            decision = Decision(AttemptResult("no", failure=result.kind), "todo")
        written = await self._write(partial(_settle, key=result.key, decision=decision))
        if not written:
            return
        self.tally.add(decision)
        self._waiting = max(0, self._waiting - 1)
        if decision.state != "todo":
            self._tries.pop(result.key, None)
            self._on_final(result.key)
        if decision.stop is not None:
            self.stop(decision.stop, decision.result.message or "")

    async def _schema(self, key: str) -> Any:
        row = await self._write(partial(ledger_calls.schema_of, call_key=key))
        return None if row is None else json.loads(row)

    async def _patiently(self, ask: Callable[[], Awaitable[Result]]) -> Result | None:
        """Ask until there is an answer: nothing is paid by asking. None if this run is to stop before."""
        seconds = FIRST_POLL
        while not self._stop.is_set():
            try:
                return await ask()
            except TraceviewError:
                raise
            except Exception as error:  # noqa: BLE001 (the client tells what it means)
                failed = self._client.failure_of(error)
            if failed.failure in ("auth", "billing"):
                self.stop("credentials" if failed.failure == "auth" else "billing", failed.message or "")
                return None
            if 300 <= (failed.status or 0) < 400:
                self.stop("bad_request", failed.message or "")
                return None
            self._on_event("retry", {"reason": failed.failure, "status": failed.status, "seconds": seconds})
            await self._rest(seconds)
            seconds = min(LONGEST_POLL, seconds * 2)
        return None

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


def _settle(connection: Any, key: str, decision: Decision) -> bool:
    """Write down one result; False for a call that has its result already, or is not in this ledger."""
    row = connection.execute("SELECT state FROM calls WHERE call_key = ?", (key,)).fetchone()
    if row is None or row["state"] != "sent":
        return False
    settle(connection, Settlement(key, decision.result, decision.state, decision.verdict))
    if decision.state == "todo":
        connection.execute("UPDATE calls SET batch = NULL WHERE call_key = ?", (key,))
    return True
