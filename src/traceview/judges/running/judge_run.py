"""One judge over one selection: planned, sent, scored, reported."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from msgspec import Struct

from traceview.definitions.prices import Price
from traceview.judges.exchange import Request
from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger import plans as ledger_plans
from traceview.judges.ledger import runs as ledger_runs
from traceview.judges.ledger.lease import BEAT_SECONDS, Lease
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import PlannedCall, Run
from traceview.judges.ledger.steps import Cap, spent
from traceview.judges.running import scoring
from traceview.judges.running.batching import BatchSender
from traceview.judges.running.deciding import UnknownPolicy
from traceview.judges.running.estimate import Estimate, Estimator, observed_output
from traceview.judges.running.money import dollars, nanos_of
from traceview.judges.running.pace import CEILING, FIRST_BACKOFF, Pace
from traceview.judges.running.planning import Plan, plan
from traceview.judges.running.sender import GRACE_SECONDS, Sender
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.sources.rare_collections import rare_collections
from traceview.store.labels.ids import uuid7
from traceview.store.labels.rows import now
from traceview.store.labels.store import LabelStore

SCORE_SECONDS = 0.3
_SCORES_AT_ONCE = 200

Tell = Callable[[str, Mapping[str, Any]], object]


class RunOptions(Struct, frozen=True):
    """How a judge is run. `command` names what several judges of one command share: their budget."""

    filter: str = ""
    limit: int | None = None
    batch: bool = False
    unknown: UnknownPolicy = "hold"
    budget_usd: float | None = None
    day_usd: float | None = None
    """What all judges of the project may cost in a day."""
    command: str = ""
    concurrency: int = CEILING
    grace: float = GRACE_SECONDS
    first_backoff: float = FIRST_BACKOFF


class Planned(Struct, frozen=True):
    """A plan with its price."""

    plan: Plan
    estimate: Estimate
    sample: tuple[PlannedCall, ...]


class JudgeRun:
    """A run of a model judge. `tell` gets what happens: a name and its fields."""

    def __init__(
        self,
        ledger: Ledger,
        labels: LabelStore,
        judge: JudgeDefinition,
        options: RunOptions,
        *,
        price: Price | None,
        endpoint: str,
        tell: Tell,
    ) -> None:
        """Raises BadInput where a budget holds and the model's price is not known."""
        if judge.model is None:
            raise BadInput(f"{judge.name} asks no model")
        budgets = (options.budget_usd, options.day_usd, judge.usd_per_run, judge.usd_per_day)
        if price is None and any(one is not None for one in budgets):
            raise BadInput(
                f"{judge.name}: the price of {judge.model.id} is not known, so its budget cannot be kept",
                hint=f'write it into traceview.toml: [prices."{judge.model.id}"] input = 1.0, output = 5.0 '
                "(dollars per million tokens)",
            )
        self.id = uuid7()
        self.judge = judge
        self.model = judge.model
        self._ledger = ledger
        self._labels = labels
        self._options = options
        self._price = price
        self._endpoint = endpoint
        self._tell = tell
        self._began = time.monotonic()
        self._planning = 0.0
        self._planned = Plan()
        self._estimator = Estimator(self.model, price, None)
        self._sender: Sender | BatchSender | None = None
        self._stop_wanted = False

    def _caps(self) -> list[Cap]:
        """Every scope that money sent now counts in, with the most that may be spent there: a run outlasts its day."""
        day = datetime.now(UTC).date().isoformat()
        judge, options = self.judge, self._options
        caps = [
            Cap(f"run:{self.id}", None if judge.usd_per_run is None else nanos_of(judge.usd_per_run)),
            Cap(
                f"judge:{judge.name}:{day}",
                None if judge.usd_per_day is None else nanos_of(judge.usd_per_day),
            ),
            Cap(f"all:{day}", None if options.day_usd is None else nanos_of(options.day_usd)),
        ]
        if options.command:
            budget = None if options.budget_usd is None else nanos_of(options.budget_usd)
            caps.append(Cap(f"command:{options.command}", budget))
        return caps

    def begin(self) -> int:
        """Take note of what dead processes left, and write down that this one works now; how many calls are unknown."""
        unknown = self._ledger.now(ledger_runs.recover)
        # what was paid before a process died becomes scores first
        scoring.replay(self._ledger, self._labels)
        judge, options = self.judge, self._options
        run = Run(
            self.id,
            judge.name,
            judge.metric,
            judge.hash,
            judge.rule_hash,
            self.model.id,
            self._endpoint,
            "batch" if options.batch else "sync",
            options.filter,
            now(),
            min((cap.nanos for cap in self._caps() if cap.nanos is not None), default=None),
        )
        self._ledger.now(partial(ledger_runs.begin_run, run=run, lease=Lease.own()))
        return unknown

    def make_plan(self, rendered: Iterable[RenderedCall | Judgement]) -> Planned:
        """Render everything into the ledger. Raises BadInput, Cancelled."""
        observed = self._ledger.now(partial(observed_output, judge_hash=self.judge.hash))
        self._estimator = Estimator(self.model, self._price, observed, batch=self._options.batch)
        self._planned = plan(
            self._ledger,
            self._labels,
            self.id,
            self.judge,
            rendered,
            self._estimator,
            self._price,
            limit=self._options.limit,
            retry_unknown=self._options.unknown == "retry",
            batch=self._options.batch,
        )
        self._planning = time.monotonic() - self._began
        return self._told(())

    async def count_tokens(self, client: Any) -> Planned:
        """The plan with the tokens of a few calls as the endpoint counts them."""
        sample = self._estimator.sample

        async def count(call: PlannedCall) -> tuple[PlannedCall, int] | None:
            import json

            request = Request(call.call_key, call.system, call.user, json.loads(call.schema), 1)
            tokens = await client.count_tokens(request)
            return None if tokens is None else (call, tokens)

        counted = await asyncio.gather(*(count(call) for call in sample))
        return self._told([one for one in counted if one is not None])

    def _told(self, counted: Iterable[tuple[PlannedCall, int]]) -> Planned:
        caps = [cap.nanos for cap in self._caps() if cap.nanos is not None]
        estimate = self._estimator.estimate(list(counted), min(caps, default=None))
        nanos = None if estimate.usd is None else nanos_of(estimate.usd)
        self._ledger.now(
            partial(
                ledger_runs.planned,
                run=self.id,
                planned=self._planned.planned,
                already_done=self._planned.already_done,
                estimate=nanos,
            )
        )
        return Planned(self._planned, estimate, tuple(self._estimator.sample))

    def decline(self) -> None:
        """The plan is not wanted: nothing of it stays."""
        self._ledger.now(partial(ledger_plans.forget_planned, run=self.id))
        self._ledger.now(partial(ledger_runs.end_run, run=self.id, stopped_by="declined", report={}))

    def stop(self) -> None:
        """Begin no more calls."""
        self._stop_wanted = True
        if self._sender is not None:
            self._sender.stop()

    def abort(self) -> None:
        """Wait for nothing any more."""
        self.stop()
        if self._sender is not None:
            self._sender.abort()

    def pause(self, paused: bool) -> None:
        """Begin no more calls for now, or go on."""
        if self._sender is not None:
            self._sender.pause(paused)

    async def send(self, client: Any, pace: Pace | None = None) -> dict[str, Any]:
        """Send what was planned; the report of the run. Raises BadInput where something cannot be written."""
        # how long somebody thought about the plan is not counted
        self._began = time.monotonic()
        if self._planned.again:
            await asyncio.to_thread(
                scoring.score, self._ledger, self._labels, self.judge, self._planned.again
            )
        waiting: list[str] = []
        pace = pace or Pace(time.monotonic, ceiling=self._options.concurrency, chance=random.Random())
        sender = self._a_sender(client, pace, waiting.append)
        self._sender = sender
        if self._stop_wanted:
            sender.stop()
        beats = asyncio.create_task(self._beat(sender, pace))
        scores = asyncio.create_task(self._score(waiting))
        try:
            # a search for cycles looks through all that the SDK has made, and calls leave few
            with rare_collections:
                await sender.run()
        finally:
            for task in (beats, scores):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self._score_now(waiting)
        return self.end(sender.stopped_by, sender.message, sender.tally.sent)

    def _a_sender(self, client: Any, pace: Pace, on_final: Callable[[str], object]) -> Sender | BatchSender:
        if self._options.batch:
            return BatchSender(
                self._ledger,
                self.id,
                self.judge,
                client,
                caps=self._caps,
                price=self._price,
                endpoint=self._endpoint,
                on_final=on_final,
                on_event=self._tell,
            )
        return Sender(
            self._ledger,
            self.id,
            self.judge,
            client,
            pace,
            caps=self._caps,
            price=self._price,
            unknown=self._options.unknown,
            on_final=on_final,
            on_event=self._tell,
            grace=self._options.grace,
            first_backoff=self._options.first_backoff,
        )

    def end(self, stopped_by: str | None, message: str, calls: int) -> dict[str, Any]:
        """Write down how the run ended; its report."""
        report = self._report(stopped_by, message, calls)
        self._ledger.now(partial(ledger_runs.end_run, run=self.id, stopped_by=stopped_by, report=report))
        self._tell("done", report)
        return report

    async def _beat(self, sender: Sender | BatchSender, pace: Pace) -> None:
        """Signs of life, what others want of the run, and how far it is."""
        while True:
            pause = pace.pause
            until = time.time() + pause[1] if pause is not None else None
            phase = "stopping" if sender.stopped_by else "paused" if sender.paused else "sending"
            wanted = await asyncio.wrap_future(
                self._ledger.submit(partial(ledger_runs.beat, run=self.id, phase=phase, paused_until=until))
            )
            if wanted == "stop":
                sender.stop()
            sender.pause(wanted == "pause")
            self._tell("progress", self._progress(sender, pace))
            await asyncio.sleep(BEAT_SECONDS)

    async def _score(self, waiting: list[str]) -> None:
        while True:
            await asyncio.sleep(SCORE_SECONDS)
            if waiting:
                await self._score_now(waiting)

    async def _score_now(self, waiting: list[str]) -> None:
        while waiting:
            some = waiting[:_SCORES_AT_ONCE]
            # once it is begun it is also ended: a half that is cancelled would be written by a thread all the same
            await asyncio.shield(
                asyncio.to_thread(scoring.score, self._ledger, self._labels, self.judge, some)
            )
            del waiting[: len(some)]

    def _progress(self, sender: Sender | BatchSender, pace: Pace) -> dict[str, Any]:
        tally = sender.tally
        finished = tally.done + tally.failed + tally.unknown
        took = time.monotonic() - self._began
        planned = self._planned.planned * self.model.repeats
        times = sorted(tally.seconds)
        prompt = tally.usage.input + tally.usage.cache_read + tally.usage.cache_write
        rate = finished / took if took > 0 else 0.0
        return {
            "planned": planned,
            "sent": tally.sent,
            "finished": finished,
            "scored": tally.scored,
            "retries": tally.retries,
            "in_flight": sender.in_flight,
            "window": pace.window,
            "paused": sender.paused,
            "waits": None
            if (pause := pace.pause) is None
            else {"reason": pause[0], "seconds": round(pause[1], 1)},
            "usd": dollars(tally.nanos) if self._price is not None else None,
            "rate": round(rate, 2),
            "p50": round(times[len(times) // 2], 3) if times else None,
            "p95": round(times[int(len(times) * 0.95)], 3) if times else None,
            "input_tokens": prompt,
            "output_tokens": tally.usage.output,
            "cached_share": round(tally.usage.cache_read / prompt, 4) if prompt else None,
            "eta_seconds": round((planned - finished) / rate, 1) if rate and finished else None,
        }

    def _report(self, stopped_by: str | None, message: str, calls: int) -> dict[str, Any]:
        found = self._ledger.now(partial(_outcomes, judge=self.judge, run=self.id))
        nanos = self._ledger.now(partial(spent, scope=f"run:{self.id}"))
        done = self._planned
        return {
            "judge": self.judge.name,
            "judge_hash": self.judge.hash,
            "planned": done.planned,
            "already_done": done.already_done,
            "scored": found.scored,
            "not_applicable": found.not_applicable,
            "skipped": dict(done.skipped),
            "unscored": found.unscored,
            "errors": found.errors,
            "unknown": found.unknown + done.held,
            "calls": calls,
            "usd": dollars(nanos) if self._price is not None else None,
            "seconds": round(self._planning + time.monotonic() - self._began, 3),
            "stopped_by": stopped_by,
            "message": message or None,
            "run": self.id,
            "held": done.held,
            "elsewhere": done.elsewhere,
            "left": found.left,
            "values": found.values,
            "last_error": self._ledger.now(partial(ledger_calls.last_error, run=self.id)),
            "flips": found.flipped,
            "repeat_pairs": found.pairs,
        }


def _outcomes(connection: sqlite3.Connection, judge: JudgeDefinition, run: str) -> scoring.Outcomes:
    # what is still on the way when a run ends is written down as unknown
    ledger_runs.settle_lost(connection, run)
    return scoring.outcomes(connection, judge, run)
