"""Judging as traces arrive: a store is followed, and what has settled is judged, again if late spans change it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from traceview.definitions.project import Project
from traceview.filters import parse
from traceview.filters.ast import Node, all_of
from traceview.judges.exchange import endpoint_of
from traceview.judges.hashing import is_sampled
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.looked import judged_on_day, key_of, looked_at, note_looked_at
from traceview.judges.running.judge_run import JudgeRun, RunOptions
from traceview.judges.running.pace import Pace
from traceview.judges.running.rendered import filter_of, rendered_items
from traceview.judges.standing import scored_since
from traceview.model.errors import BadInput, NotReady, TraceviewError, sentence_of
from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine, ListQuery, Row
from traceview.store.labels.ids import uuid7
from traceview.store.labels.store import LabelStore
from traceview.store.targets import LEVELS, target_of_row

PAGE = 1_000
_MOST_AT_ONCE = 2_000
"""Items that one turn judges at most: the next turn takes the others, and scores appear meanwhile."""

Tell = Callable[[str, Mapping[str, Any]], object]


class Watch:
    """The rules of a project over one store."""

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        labels: LabelStore,
        project: Project,
        judges: Sequence[JudgeDefinition],
        clients: Mapping[str, Any],
        options: RunOptions,
        *,
        back_seconds: float,
        tell: Tell,
    ) -> None:
        """`back_seconds`: items that began earlier than that before a turn are not looked at any more."""
        self._engine = engine
        self._ledger = ledger
        self._labels = labels
        self._project = project
        self._judges = judges
        self._clients = clients
        self._options = options
        self._back = back_seconds
        self._tell = tell
        self._token = CancelToken()
        self._stop = asyncio.Event()
        self._run: JudgeRun | None = None
        self._aborted = False
        self._seen: dict[str, dict[str, str]] = {}
        self._paces: dict[str, Pace] = {}
        self._spent: set[tuple[str, str]] = set()
        self._by_code: dict[tuple[str, str], int] = {}
        """Items that a judge of code was given on a day, as far as days have a most."""

    def stop(self) -> None:
        """End after the calls that are on the way; a second time do not wait for them."""
        if self._stop.is_set() and self._run is not None:
            self._run.abort()
        self._stop.set()
        self._token.cancel()
        if self._run is not None:
            self._run.stop()

    async def follow(self, seconds: float) -> int:
        """Look every so many seconds until it is told to stop; the exit code."""
        while not self._stop.is_set():
            try:
                await self.look()
            except NotReady:
                pass
            except TraceviewError as error:
                if self._stop.is_set():
                    break
                self._tell("trouble", {"message": sentence_of(error)[0]})
            try:
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
            except TimeoutError:
                continue
        return 0

    async def look(self) -> None:
        """Take up what arrived, and judge what has settled. Raises NotReady, TraceviewError."""
        await asyncio.to_thread(self._engine.refresh_source)
        for judge in self._judges:
            if not self._stop.is_set():
                await self._turn(judge)

    async def _turn(self, judge: JudgeDefinition) -> None:
        now_ns = time.time_ns()
        if judge.kind == "code":
            await self._code_turn(judge, now_ns)
        else:
            await self._model_turn(judge, now_ns)

    async def _code_turn(self, judge: JudgeDefinition, now_ns: int) -> None:
        """Code judges know by themselves what has changed since they scored it."""
        from traceview.judges.code_run import run_code_judges

        where = all_of(
            parse(self._options.filter) if self._options.filter.strip() else None, self._times(judge, now_ns)
        )
        day = _today()
        most = await asyncio.to_thread(self._left_of_day, judge, day)
        if most is not None and most <= 0:
            return
        new = await asyncio.to_thread(self._new, judge, now_ns, _MOST_AT_ONCE)
        if not new and not judge.asked:
            return
        (report,) = await asyncio.to_thread(
            partial(
                run_code_judges,
                self._engine,
                self._labels,
                [judge],
                project=self._project,
                where=where,
                limit=most,
                token=self._token,
            )
        )
        if most is not None:
            self._by_code[judge.name, day] += report.planned
        if report.stopped_by is None and (most is None or report.planned < most):
            # the scores of what was there are written, whatever the number of those that were new
            every = await asyncio.to_thread(self._new, judge, now_ns, None)
            await self._note(judge, every)
        if report.planned or report.judged:
            self._tell("report", report.json() | {"message": None})

    def _left_of_day(self, judge: JudgeDefinition, day: str) -> int | None:
        """How many items a judge of code may be given on a day yet; None if that is not limited."""
        if judge.max_per_day is None:
            return None
        if (judge.name, day) not in self._by_code:
            with self._labels.reading() as connection:
                self._by_code[judge.name, day] = scored_since(connection, judge, day)
        return judge.max_per_day - self._by_code[judge.name, day]

    async def _model_turn(self, judge: JudgeDefinition, now_ns: int) -> None:
        assert judge.model is not None
        day = _today()
        most = _MOST_AT_ONCE
        if judge.max_per_day is not None:
            count: int = self._ledger.now(partial(judged_on_day, judge=judge.name, day=day))
            most = min(most, judge.max_per_day - count)
        if most <= 0 or (judge.name, day) in self._spent:
            return
        new = await asyncio.to_thread(self._new, judge, now_ns, most)
        if not new:
            return
        run = JudgeRun(
            self._ledger,
            self._labels,
            judge,
            self._options_of(judge),
            price=self._project.prices.of(judge.model.id),
            endpoint=endpoint_of(judge.model),
            tell=lambda name, fields: self._tell(name, {"judge": judge.name, **fields}),
        )
        self._run = run
        await asyncio.to_thread(run.begin)
        await asyncio.to_thread(self._plan, run, [target for target, _ in new])
        pace = self._paces.setdefault(
            endpoint_of(judge.model), Pace(time.monotonic, ceiling=self._options.concurrency)
        )
        report = await run.send(self._clients[judge.name], pace)
        self._run = None
        stopped = report["stopped_by"]
        if stopped == "budget":
            self._out_of_money(judge, str(report["message"]))
        elif stopped is not None and stopped != "cancel":
            raise BadInput(f"{judge.name} stopped: {report['message']}")
        if stopped is None:
            await self._note(judge, new)
        if report["planned"] or report["already_done"] or stopped:
            self._tell("report", report)

    def _out_of_money(self, judge: JudgeDefinition, scope: str) -> None:
        """Go on without money: a command's never comes back, a judge's does tomorrow, a turn's at once."""
        day = scope.rpartition(":")[2]
        if scope.startswith("command:"):
            self.stop()
        elif scope.startswith("judge:"):
            self._spent.add((judge.name, day))
        elif scope.startswith("all:"):
            self._spent |= {(one.name, day) for one in self._judges}

    def _options_of(self, judge: JudgeDefinition) -> RunOptions:
        given = self._options
        return RunOptions(
            filter=given.filter,
            unknown=given.unknown,
            budget_usd=given.budget_usd,
            day_usd=given.day_usd,
            command=given.command or uuid7(),
            concurrency=given.concurrency,
        )

    def _plan(self, run: JudgeRun, targets: Sequence[Target]) -> None:
        items = rendered_items(self._engine, run.judge, "", targets, self._token)
        run.make_plan(items)

    async def _note(self, judge: JudgeDefinition, new: Sequence[tuple[Target, str]]) -> None:
        seen = {key_of(target): state for target, state in new}
        self._seen[judge.hash].update(seen)
        await asyncio.wrap_future(
            self._ledger.submit(partial(note_looked_at, judge_hash=judge.hash, seen=seen))
        )

    def _new(self, judge: JudgeDefinition, now_ns: int, most: int | None) -> list[tuple[Target, str]]:
        """Items that have settled, were picked, and were not looked at as they are now; the oldest first."""
        if judge.hash not in self._seen:
            nothing: dict[str, str] = {}
            self._seen[judge.hash] = self._ledger.read(partial(looked_at, judge_hash=judge.hash), nothing)
        seen = self._seen[judge.hash]
        found = []
        for row in self._rows(judge, now_ns):
            target = target_of_row(judge.scope, row)
            ended = end_of(row)
            if ended is None or ended > now_ns - judge.rule.settle_s * 1e9:
                continue
            state = f"{row.get('spans', 1)}:{ended}"
            if seen.get(key_of(target)) == state or not is_sampled(judge.name, target, judge.rate):
                continue
            found.append((target, state))
        found.reverse()
        return found if most is None else found[:most]

    def _rows(self, judge: JudgeDefinition, now_ns: int) -> Iterator[Row]:
        where = all_of(filter_of(judge, self._options.filter), self._times(judge, now_ns))
        selection = self._engine.select(ListQuery(LEVELS[judge.scope], where), self._token)
        for offset in range(0, len(selection), PAGE):
            yield from self._engine.rows(selection, offset, PAGE, self._token).rows

    def _times(self, judge: JudgeDefinition, now_ns: int) -> Node | None:
        """Items that began within the time that is looked back, and long enough ago to have settled."""
        since = _rfc3339(now_ns - int(self._back * 1e9))
        until = _rfc3339(now_ns - int(judge.rule.settle_s * 1e9))
        return parse(f"since:{since} until:{until}")


def end_of(row: Row) -> int | None:
    """When an item of a list ended, in nanoseconds UTC; None if no time of it is known."""
    if row.get("end_ns") is not None:
        return int(row["end_ns"])
    if row.get("start_ns") is None:
        return None
    return int(row["start_ns"]) + int(float(row.get("duration_ms") or 0) * 1e6)


def _today() -> str:
    """The day (UTC) by which limits are kept."""
    return datetime.now(UTC).date().isoformat()


def _rfc3339(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
