"""Message batches: unordered results, crashes at any moment, budgets over the whole batch; nothing is paid twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.judges.running import KEY, PRICE, Place, a_judge, rendered, sent

from traceview.judges.client import JudgeClient
from traceview.judges.exchange import BatchState, Request
from traceview.judges.fake_server.script import Answer, Call, answering, failing, in_turn
from traceview.judges.fake_server.server import FakeServer
from traceview.judges.fake_server.verdicts import message_for
from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger import steps
from traceview.judges.ledger.lease import Lease
from traceview.judges.ledger.listing import shown_calls
from traceview.judges.running.estimate import price_sentence
from traceview.judges.running.money import worst_cost
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition


class Killed(BaseException):
    """What stands for a kill: nothing after it runs."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setattr("traceview.judges.running.batching.SEARCH_SECONDS", 1.0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.close()


def test_a_batch_is_scored_at_half_the_price(place: Place) -> None:
    with FakeServer() as server:
        judge = a_judge(server.url)
        report = place.judge(judge, 50, batch=True)
        assert (report["scored"], report["calls"], report["unknown"], report["left"]) == (50, 50, 0, 0)
        assert len(place.scores()) == 50 and server.paid.total() == 50
        assert place.judge(judge, 50, batch=True)["already_done"] == 50
        values = {row.target.id: row.value for row in place.scores()}
    with FakeServer() as server:
        other = Place(place.folder / "other") if (place.folder / "other").mkdir() is None else place
        whole = other.judge(a_judge(server.url), 50)
        assert {row.target.id: row.value for row in other.scores()} == values
        assert report["usd"] == pytest.approx(whole["usd"] / 2, rel=0.35)
        other.close()


def test_errors_in_a_batch_are_not_billed_and_tried_again(place: Place) -> None:
    script = in_turn(failing(500, "api_error"), then=answering())
    with FakeServer(lambda call: script(call) if call.key < "8" else answering()(call)) as server:
        report = place.judge(a_judge(server.url), 40, batch=True)
        assert report["scored"] == 40 and report["calls"] > 40
        assert max(server.paid.values()) == 1


def test_what_is_wrong_with_a_request_is_said(place: Place) -> None:
    with FakeServer(lambda _: failing(400, "invalid_request_error", "no such effort")) as server:
        report = place.judge(a_judge(server.url), 5, batch=True)
    assert (report["errors"], report["stopped_by"], report["usd"]) == ({"bad_request": 5}, "bad_request", 0)


def test_replies_that_cannot_be_read_are_asked_for_once_more(place: Place) -> None:
    def script(call: Call) -> Answer:
        return Answer(message_for(call.body, "prose"))

    with FakeServer(script) as server:
        report = place.judge(a_judge(server.url), 3, batch=True)
        assert (report["unscored"], report["calls"]) == ({"parse_error": 3}, 6)
        assert place.scores() == ()


def test_a_budget_holds_for_the_whole_batch(place: Place) -> None:
    with FakeServer() as server:
        judge = a_judge(server.url)
        one = next(rendered(judge, 1))
        worst = worst_cost(
            PRICE, (one.system, one.user, json.dumps(one.schema, separators=(",", ":"))), 2048, batch=True
        )
        report = place.judge(judge, 30, batch=True, budget_usd=worst * 7.5 / 1e9, command="c")
        assert report["stopped_by"] == "budget"
        assert report["scored"] + report["left"] == 30 and 7 <= report["scored"] < 30
        assert report["usd"] <= worst * 7.5 / 1e9


class Dying(JudgeClient):
    """A client that is killed at a moment of the life of a batch."""

    moment = ""

    async def create_batch(self, requests: Any) -> BatchState:
        if self.moment == "before it is created":
            raise Killed
        created = await super().create_batch(requests)
        if self.moment == "before its id is written":
            raise Killed
        return created

    async def batch(self, id: str) -> BatchState | None:
        if self.moment == "while it is waited for":
            raise Killed
        return await super().batch(id)

    async def batch_results(self, id: str) -> Any:
        count = 0
        async for one in super().batch_results(id):
            yield one
            count += 1
            if self.moment == "between two results" and count == 5:
                raise Killed


@pytest.mark.parametrize(
    "moment",
    ["before it is created", "before its id is written", "while it is waited for", "between two results"],
)
def test_killed_at_any_moment_it_is_finished_by_the_next_run_with_none_held(
    place: Place, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Lease(Lease.own().host, 2**22 - 3, "another boot:1")
    with FakeServer(batch_seconds=0.3) as server:
        judge = a_judge(server.url)

        async def killed() -> None:
            assert judge.model is not None
            client = Dying(judge.model, timeout=5)
            client.moment = moment
            with monkeypatch.context() as patched:
                patched.setattr(Lease, "own", classmethod(lambda _: gone))
                run = place.a_run(judge, batch=True)
            run.make_plan(rendered(judge, 20))
            # what a process does while it is killed does not happen
            monkeypatch.setattr(run, "end", lambda *_: {})
            try:
                await run.send(client)
            except BaseException as error:  # noqa: BLE001
                assert "Killed" in repr(error)
            await client.close()

        asyncio.run(killed())
        report = place.judge(judge, 20, batch=True)
        assert (report["unknown"], report["left"], report["held"]) == (0, 0, 0)
        assert len(place.scores()) == 20
        assert (server.paid.total(), max(server.paid.values())) == (20, 1)


def test_stopped_while_it_waits_the_batch_is_read_later(place: Place) -> None:
    with FakeServer(batch_seconds=600) as server:
        judge = a_judge(server.url)
        run = place.a_run(judge, batch=True)
        run.make_plan(rendered(judge, 4))

        async def stopped() -> dict[str, Any]:
            sending = asyncio.create_task(sent(run, judge))
            while not any(name == "batch" for name, _ in place.events):
                await asyncio.sleep(0.02)
            run.stop()
            return await sending

        report = asyncio.run(stopped())
        assert (report["stopped_by"], report["left"], report["unknown"]) == ("cancel", 4, 0)
        # a run without --batch leaves it alone
        assert place.judge(judge, 4)["elsewhere"] == 4
        server.batches.seconds = 0
        assert place.judge(judge, 4, batch=True)["scored"] == 4
        assert server.paid.total() == 4


def dearest(call: Call) -> Answer:
    """A verdict that costs all that its call may cost."""
    size = len(json.dumps(call.body))
    usage = {"input_tokens": size, "output_tokens": call.body["max_tokens"]}
    return Answer(message_for(call.body, usage=usage), counts_cache=False)


def stopped_early(place: Place, judge: JudgeDefinition, count: int) -> None:
    """A run that is stopped while its batch is worked on."""
    run = place.a_run(judge, batch=True)
    run.make_plan(rendered(judge, count))

    async def stopped() -> None:
        sending = asyncio.create_task(sent(run, judge))
        while not any(name == "batch" for name, _ in place.events):
            await asyncio.sleep(0.02)
        run.stop()
        await sending

    asyncio.run(stopped())


def test_what_an_adopted_batch_cost_counts_where_it_was_reserved(place: Place) -> None:
    cheap = True
    with FakeServer(lambda call: answering()(call) if cheap else dearest(call), batch_seconds=600) as server:
        judge = a_judge(server.url, usd_per_run=0.05)
        stopped_early(place, judge, 12)
        # the results of the first batch are cheap, and give back nearly all that was reserved for them
        listed = server.batches.listed(9, None)["data"]
        server.batches.seconds = 0
        assert server.batches.results(listed[0]["id"])
        cheap = False
        report = place.judge(judge, 60, batch=True)
        assert report["stopped_by"] == "budget" and 0 < report["usd"] <= 0.05
    sums = """
      SELECT coalesce(sum(coalesce(nanos, reserved_nanos)), 0), coalesce(sum(nanos), 0), run
      FROM attempts GROUP BY run
    """
    for reserved, paid, run in place.ledger.now(lambda c: [tuple(one) for one in c.execute(sums)]):
        assert paid == reserved == place.ledger.now(lambda c, run=run: steps.spent(c, f"run:{run}"))
        assert paid / 1e9 <= 0.05


class Deaf(JudgeClient):
    """A client to which the reply to a new batch is lost."""

    async def create_batch(self, requests: Any) -> BatchState:
        await super().create_batch(requests)
        raise ConnectionError("reset")


def judged_deaf(place: Place, judge: JudgeDefinition, count: int) -> dict[str, Any]:
    run = place.a_run(judge, batch=True)
    run.make_plan(rendered(judge, count))

    async def go() -> dict[str, Any]:
        assert judge.model is not None
        client = Deaf(judge.model, timeout=5)
        try:
            return await run.send(client)
        finally:
            await client.close()

    return asyncio.run(go())


@pytest.mark.parametrize("clock", [-3 * 3600.0, 0.0, 3 * 3600.0])
def test_a_batch_whose_reply_was_lost_is_found_by_what_is_in_it(place: Place, clock: float) -> None:
    with FakeServer(batch_seconds=0) as server:
        server.batches.clock = clock
        judge = a_judge(server.url)
        # another batch of the same size, not ours, and newer than nothing of ours
        other = Place(place.folder / "other") if (place.folder / "other").mkdir() is None else place
        other.judge(judge, 4, first=10, batch=True)
        other.close()
        assert judged_deaf(place, judge, 4)["scored"] == 4
        assert (server.paid.total(), max(server.paid.values())) == (8, 1)


def test_a_batch_that_may_have_been_taken_and_is_not_to_be_found_is_held(place: Place) -> None:
    with FakeServer(batch_seconds=0) as server:
        server.batches.unlisted = True
        judge = a_judge(server.url)
        report = judged_deaf(place, judge, 4)
        assert (report["left"], report["scored"]) == (4, 0) and "not known whether" in report["message"]
        report = place.judge(judge, 4, batch=True)
        assert (report["unknown"], report["calls"]) == (4, 0)
        assert place.judge(judge, 4, batch=True)["held"] == 4
        assert server.paid.total() == 0 and len(server.batches.listed(9, None)["data"]) == 0
        assert place.judge(judge, 4, batch=True, unknown="retry")["scored"] == 4


def test_results_that_lack_calls_are_read_again_and_then_held(place: Place) -> None:
    with FakeServer(batch_seconds=0) as server:
        judge = a_judge(server.url)
        server.batches.missing = 3
        report = place.judge(judge, 8, batch=True)
        assert (report["scored"], report["unknown"], report["left"]) == (5, 3, 0)
        reserved = "SELECT sum(coalesce(nanos, reserved_nanos)), sum(nanos IS NULL) FROM attempts"
        total, held = place.ledger.now(lambda c: tuple(c.execute(reserved).fetchone()))
        assert (held, total) == (3, pytest.approx(report["usd"] * 1e9))
        server.batches.missing = 0
        assert place.judge(judge, 8, batch=True)["held"] == 3
        assert (server.paid.total(), max(server.paid.values())) == (8, 1)


def test_a_run_past_midnight_spends_on_the_day_of_each_call(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        day = 1

        @classmethod
        def now(cls, tz: Any = None) -> Clock:
            return cls(2026, 3, cls.day, tzinfo=tz)

    monkeypatch.setattr("traceview.judges.running.judge_run.datetime", Clock)

    def script(call: Call) -> Answer:
        Clock.day = 2
        return answering()(call)

    with FakeServer(script) as server:
        report = place.judge(a_judge(server.url), 5, concurrency=1)
        assert report["scored"] == 5
    days = [place.ledger.now(lambda c, day=day: steps.spent(c, f"all:2026-03-0{day}")) for day in (1, 2)]
    assert all(one > 0 for one in days) and sum(days) / 1e9 == pytest.approx(report["usd"])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE calls SET user = x'00ff'",
        "UPDATE texts SET body = x'1234'",
        "DELETE FROM texts",
        "UPDATE attempts SET reply = x'aa'",
        "UPDATE calls SET value = '{bad'",
        "UPDATE calls SET evidence = '['",
        "UPDATE calls SET parts = '7'",
    ],
)
def test_a_damaged_ledger_is_told_in_words(place: Place, damage: str) -> None:
    with FakeServer() as server:
        judge = a_judge(server.url)
        place.judge(judge, 2)
        # one more is planned and not sent
        run = place.a_run(judge)
        run.make_plan(rendered(judge, 1, 2))
        place.ledger.now(lambda c: c.execute(damage).rowcount)
        place.ledger.now(lambda c: c.execute("UPDATE calls SET label = NULL").rowcount)
        id = next(rendered(judge, 1)).target.id
        asked: list[Callable[[], object]] = [
            lambda: place.ledger.read(lambda c: shown_calls(c, id), []),
            lambda: place.judge(judge, 2),
            lambda: place.ledger.now(lambda c: ledger_calls.pending(c, run.id, 0, 9)),
        ]
        told = []
        for ask in asked:
            try:
                ask()
            except BadInput as error:
                told.append(error)
        assert told and all("damaged" in one.message and one.hint for one in told)


def test_tokens_are_counted(place: Place) -> None:
    with FakeServer() as server:
        judge = a_judge(server.url)
        run = place.a_run(judge)
        planned = run.make_plan(rendered(judge, 30))
        assert (planned.estimate.calls, planned.estimate.counted) == (30, 0)

        async def counted() -> Any:
            assert judge.model is not None
            client = JudgeClient(judge.model, timeout=5)
            one = next(rendered(judge, 1))
            assert await client.count_tokens(Request("k", one.system, one.user, one.schema, 1))
            found = await run.count_tokens(client)
            await client.close()
            return found

        estimate = asyncio.run(counted()).estimate
        assert estimate.counted == 20 and 0 < estimate.usd_low < estimate.usd < estimate.usd_high
        assert estimate.usd_batch == pytest.approx(estimate.usd / 2)  # its prefix is too short to be kept
        run.decline()
        assert place.ledger.now(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()[0]) == 0


@pytest.mark.parametrize("batch", [False, True], ids=["at once", "batches"])
@pytest.mark.parametrize("words", [3, 2_000], ids=["short prefix", "long prefix"])
def test_what_a_run_costs_lies_between_what_is_told_before(place: Place, words: int, batch: bool) -> None:
    """The price of the server's own usage is at least the low end and at most what is reserved."""
    with FakeServer(batch_seconds=0) as server:
        judge = a_judge(server.url)
        calls = [replace(one, system="Be strict. " * words) for one in rendered(judge, 12)]
        run = place.a_run(judge, batch=batch)
        told = run.make_plan(calls).estimate
        report = asyncio.run(sent(run, judge))
    assert report["scored"] == 12
    assert 0 < told.usd_low <= report["usd"] <= told.usd_high
    assert told.usd_low < told.usd < told.usd_high and told.batch is batch
    reserved = place.ledger.now(lambda c: c.execute("SELECT sum(worst_nanos) FROM calls").fetchone()[0])
    assert told.usd_high == pytest.approx(reserved / 1e9)
    words_told = price_sentence(told.as_json())
    if batch:
        assert "as batches" in words_told and "--batch" not in words_told
    elif words == 3:
        assert f"; --batch about ${told.usd_batch:.4f}" in words_told
        assert told.usd_batch == pytest.approx(told.usd / 2)
    else:
        assert told.usd_batch > told.usd and "--batch is no cheaper" in words_told


def test_a_budget_is_the_most_that_is_told(place: Place) -> None:
    with FakeServer() as server:
        judge = replace(a_judge(server.url), usd_per_run=0.0125)
        run = place.a_run(judge, budget_usd=0.05)
        assert run.make_plan(rendered(judge, 40)).estimate.usd_high == 0.0125
        run.decline()
        small = place.a_run(replace(judge, usd_per_run=0.0001))
        told = small.make_plan(rendered(judge, 40)).estimate
        assert told.usd_low <= told.usd_high == 0.0001 < told.usd
        assert f"about ${told.usd:.4f}, of which the budget allows $0.0001;" in price_sentence(told.as_json())
        small.decline()
