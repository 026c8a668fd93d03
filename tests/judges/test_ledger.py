"""The ledger: what is claimed, settled, taken over; nothing counts twice, nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judges.ledgers import JUDGE, a_call, a_ledger, a_run

from traceview.judges.ledger import calls, failures, plans, runs, steps
from traceview.judges.ledger.file import ledger_path, packed, unpacked
from traceview.judges.ledger.lease import Lease
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import AttemptResult, Usage, Verdict
from traceview.judges.ledger.steps import Cap, Claim, Settlement
from traceview.judges.running.step_writer import StepWriter
from traceview.model.errors import BadInput

SCORED = Verdict("scored", value=True, explanation="so it is", evidence=("a",), parts={"one": False})


@pytest.mark.parametrize(
    ("labels", "ledger"),
    [("x.labels.db", "x.calls.db"), ("mine.db", "mine.calls.db"), ("a.b.labels.db", "a.b.calls.db")],
)
def test_it_lies_beside_the_labels(labels: str, ledger: str) -> None:
    assert ledger_path(Path("/d") / labels) == Path("/d") / ledger


def test_a_call_goes_from_planned_to_answered(tmp_path: Path) -> None:
    run = a_run()
    caps = [Cap(f"run:{run.id}", 5000), Cap("judge:links:2026-01-01", None)]
    with a_ledger(tmp_path) as ledger:
        ledger.now(lambda c: runs.begin_run(c, run, Lease.own()))
        planned = [a_call(number) for number in range(3)]
        assert ledger.now(lambda c: plans.plan(c, run.id, JUDGE, planned, retry_unknown=False)) == ["new"] * 3
        waiting = ledger.read(lambda c: calls.pending(c, run.id, 0, 10), [])
        assert [(one.target.id, one.user, one.attempt) for one in waiting] == [
            ("t0", "user 0", 0),
            ("t1", "user 1", 0),
            ("t2", "user 2", 0),
        ]
        key = waiting[0].call_key
        assert ledger.now(lambda c: steps.claim(c, Claim(run.id, key, 100, 1000, caps))) is None
        assert ledger.now(lambda c: steps.claim(c, Claim(run.id, key, 100, 1000, caps))) == "taken"
        assert ledger.now(lambda c: steps.spent(c, caps[0].scope)) == 1000
        answer = AttemptResult(
            "yes", 200, usage=Usage(1, 2, 3, 4), nanos=70, reply="{}", request_id="r", model="m"
        )
        ledger.now(lambda c: steps.settle(c, Settlement(key, answer, "done", SCORED)))
        assert ledger.now(lambda c: [steps.spent(c, cap.scope) for cap in caps]) == [70, 70]
        (found,) = ledger.read(lambda c: calls.answered_of(c, [key, "nothing"]), [])
        assert (found.verdict, found.label, found.model) == (SCORED, None, "m")
        assert ledger.read(lambda c: calls.unscored_keys(c, JUDGE[2]), []) == [key]
        ledger.now(lambda c: calls.put_labels(c, {key: "row"}))
        assert ledger.read(lambda c: calls.unscored_keys(c, JUDGE[2]), [key]) == []
        again = a_run()
        ledger.now(lambda c: runs.begin_run(c, again, Lease.own()))
        # the rest is still the first run's, whose process lives
        assert ledger.now(lambda c: plans.plan(c, again.id, JUDGE, planned, retry_unknown=False)) == [
            "done",
            "elsewhere",
            "elsewhere",
        ]
        ledger.now(lambda c: runs.end_run(c, run.id, None, {}))
        assert ledger.now(lambda c: plans.plan(c, again.id, JUDGE, planned, retry_unknown=False)) == [
            "done",
            "new",
            "new",
        ]


@pytest.mark.parametrize(("paid", "left"), [("yes", 70), ("no", 0), ("maybe", 1000)])
def test_only_what_may_have_been_paid_counts(tmp_path: Path, paid: str, left: int) -> None:
    run = a_run()
    cap = Cap(f"run:{run.id}", None)
    with a_ledger(tmp_path) as ledger:
        ledger.now(lambda c: runs.begin_run(c, run, Lease.own()))
        call = a_call(0)
        ledger.now(lambda c: plans.plan(c, run.id, JUDGE, [call], retry_unknown=False))
        ledger.now(lambda c: steps.claim(c, Claim(run.id, call.call_key, 100, 1000, [cap])))
        result = AttemptResult(paid, nanos=70)  # type: ignore[arg-type]
        ledger.now(lambda c: steps.settle(c, Settlement(call.call_key, result, "todo")))
        assert ledger.now(lambda c: steps.spent(c, cap.scope)) == left


def test_what_a_dead_process_sent_is_unknown_and_held_until_asked_for(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        boot = Lease.own().boot.partition(":")[0]
        start = Path(f"/proc/{child.pid}/stat")
        ticks = start.read_text().rpartition(")")[2].split()[19] if start.exists() else ""
        dead = Lease(Lease.own().host, child.pid, f"{boot}:{ticks}")
        run, again = a_run(), a_run()
        call, other = a_call(0), a_call(1)
        with a_ledger(tmp_path) as ledger:
            ledger.now(lambda c: runs.begin_run(c, run, dead))
            ledger.now(lambda c: plans.plan(c, run.id, JUDGE, [call, other], retry_unknown=False))
            ledger.now(
                lambda c: steps.claim(c, Claim(run.id, call.call_key, 100, 1000, [Cap("all:x", None)]))
            )
            assert ledger.now(runs.recover) == 0
            child.kill()
            child.wait()
            assert ledger.now(runs.recover) == 1
            assert ledger.now(runs.recover) == 0
            ledger.now(lambda c: runs.begin_run(c, again, Lease.own()))
            both = [call, other]
            assert ledger.now(lambda c: plans.plan(c, again.id, JUDGE, both, retry_unknown=False)) == [
                "held",
                "new",
            ]
            assert ledger.now(lambda c: plans.plan(c, again.id, JUDGE, both, retry_unknown=True)) == [
                "new",
                "new",
            ]
            # it may have been paid, so it counts in full whatever comes of the next request
            assert ledger.now(lambda c: steps.spent(c, "all:x")) == 1000


@given(
    caps=st.lists(st.integers(0, 6_000), min_size=1, max_size=2),
    reserves=st.lists(st.integers(0, 2_000), min_size=1, max_size=8),
    costs=st.lists(st.one_of(st.none(), st.integers(0, 2_000)), min_size=1, max_size=8),
)
@settings(max_examples=15, deadline=None)
def test_many_at_once_are_as_one_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, caps: list[int], reserves: list[int], costs: list[int | None]
) -> None:
    limits = [Cap(f"all:{number}", cap) for number, cap in enumerate(caps)]
    asked = [(reserve, limits[: 1 + number % len(limits)]) for number, reserve in enumerate(reserves)]
    folder = tmp_path_factory.mktemp("steps")
    assert _written(folder / "a", asked, costs, True) == _written(folder / "b", asked, costs, False)


def _written(
    folder: Path, asked: Sequence[tuple[int, list[Cap]]], costs: Sequence[int | None], together: bool
) -> tuple[object, ...]:
    """What is said of the claims, spent in the end, and in the tables."""
    folder.mkdir()
    run = a_run()
    planned = [a_call(number) for number in range(len(asked))]
    claims = [Claim(run.id, call.call_key, 1, *one) for call, one in zip(planned, asked, strict=True)]
    # what is not planned, and what is claimed twice, is somebody else's
    claims += [Claim(run.id, "nothing", 1, 1, []), claims[0]]
    with a_ledger(folder) as ledger:
        ledger.now(lambda c: runs.begin_run(c, run, Lease.own()))
        ledger.now(lambda c: plans.plan(c, run.id, JUDGE, planned, retry_unknown=False))
        groups = [claims] if together else [[one] for one in claims]
        answers = [one for group in groups for one in ledger.now(partial(steps.claim_all, claims=group))]
        sent = [one.call_key for one, answer in zip(claims, answers, strict=True) if answer is None]
        settled = [
            Settlement(key, AttemptResult("maybe" if cost is None else "yes", nanos=cost), "done", SCORED)
            for key, cost in zip(sent, costs, strict=False)
        ]
        for some in [settled] if together else [[one] for one in settled]:
            ledger.now(partial(steps.settle_all, settlements=some))
        spent = ledger.now(lambda c: c.execute("SELECT * FROM spend ORDER BY scope").fetchall())
        statement = """
            SELECT call_key, calls.attempt, calls.state, outcome, nanos, reserved_nanos
            FROM calls LEFT JOIN attempts USING (call_key) ORDER BY seq
        """
        rows = ledger.now(lambda c: c.execute(statement).fetchall())
    return answers, list(map(tuple, spent)), list(map(tuple, rows))


@given(
    cap=st.integers(0, 10_000),
    costs=st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 2000)), min_size=1, max_size=12),
)
@settings(max_examples=15, deadline=None)
def test_a_cap_is_never_exceeded_however_many_claim_at_once(
    tmp_path_factory: pytest.TempPathFactory, cap: int, costs: list[tuple[int, int]]
) -> None:
    """Whatever is reserved is at least what is paid; two writers, as two processes would be, and many threads."""
    folder = tmp_path_factory.mktemp("cap")
    run = a_run()
    limit = Cap("all:x", cap)
    with a_ledger(folder) as one, a_ledger(folder) as two:
        one.now(lambda c: runs.begin_run(c, run, Lease.own()))
        planned = [a_call(number) for number in range(len(costs))]
        one.now(lambda c: plans.plan(c, run.id, JUDGE, planned, retry_unknown=False))

        def work(number: int) -> int:
            ledger = (one, two)[number % 2]
            worst, less = costs[number]
            key = planned[number].call_key
            if ledger.now(lambda c: steps.claim(c, Claim(run.id, key, 1, worst, [limit]))) is not None:
                return 0
            assert ledger.now(lambda c: steps.spent(c, limit.scope)) <= cap
            paid = max(0, worst - less)
            result = AttemptResult("yes", nanos=paid)
            ledger.now(lambda c: steps.settle(c, Settlement(key, result, "done", SCORED)))
            return paid

        with ThreadPoolExecutor(6) as pool:
            paid = sum(pool.map(work, range(len(costs))))
        assert paid == one.now(lambda c: steps.spent(c, limit.scope)) <= cap


def test_files_that_are_no_ledger_are_told_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.calls.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with a_ledger(tmp_path) as ledger:
        with pytest.raises(BadInput, match="another program"):
            ledger.now(runs.recover)
        with pytest.raises(BadInput, match="another program"):
            ledger.read(runs.recover, 0)
    assert path.read_bytes() == before


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        ledger.now(runs.recover)
    with sqlite3.connect(tmp_path / "x.calls.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with a_ledger(tmp_path) as ledger, pytest.raises(BadInput, match="newer traceview"):
        ledger.now(runs.recover)


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "x.calls.db", readonly=True)
    assert ledger.read(lambda c: calls.unscored_keys(c, "x"), ["default"]) == ["default"]
    with pytest.raises(BadInput, match="reading only"):
        ledger.now(runs.recover)
    ledger.close()
    assert list(tmp_path.iterdir()) == []


@given(st.text())
@settings(deadline=None)
def test_bodies_come_back_as_they_were(text: str) -> None:
    assert unpacked(packed(text)) == text
    assert unpacked(packed(text + "\ud800")) == text + "\ud800"


def test_whoever_waits_may_be_cancelled_and_nothing_else_is_lost(tmp_path: Path) -> None:
    run = a_run()
    with a_ledger(tmp_path) as ledger:
        given_up = ledger.submit(lambda c: runs.begin_run(c, run, Lease.own()))
        given_up.cancel()
        ledger.now(lambda c: runs.set_budget(c, run.id, 70))
        (found,) = ledger.read(lambda c: c.execute("SELECT budget_nanos FROM runs").fetchall(), [])
        assert found[0] == 70


def test_a_ledger_of_an_earlier_version_has_no_failed_checks_and_gets_room_for_them(tmp_path: Path) -> None:
    with a_ledger(tmp_path) as ledger:
        ledger.now(runs.recover)
    with sqlite3.connect(tmp_path / "x.calls.db") as connection:
        connection.execute("DROP TABLE failures")
        connection.execute("ALTER TABLE attempts DROP COLUMN scopes")
        connection.execute("ALTER TABLE batches DROP COLUMN doubtful")
        connection.execute("PRAGMA user_version=1")
    connection.close()
    with a_ledger(tmp_path) as ledger:
        assert ledger.read(lambda c: failures.failures_of(c, "links"), {"x": failures.Failures()}) == {}
        ledger.now(runs.recover)
        assert ledger.read(lambda c: failures.failed_checks(c, "x").reasons, {"x": 1}) == {}
    with sqlite3.connect(tmp_path / "x.calls.db") as connection:
        assert connection.execute("SELECT count(*) FROM failures").fetchone() == (0,)
    connection.close()


def test_what_cannot_be_written_keeps_nothing_else_from_it(tmp_path: Path) -> None:
    run = a_run()
    good, bad = a_call(0), a_call(1)

    async def write(ledger: Ledger) -> list[object]:
        writer = StepWriter(ledger)
        claims = [Claim(run.id, one.call_key, 1, 5, [Cap("all:x", 100)]) for one in (good, bad)]
        assert await asyncio.gather(*(writer.claim(one) for one in claims)) == [None, None]
        results = [AttemptResult("yes", nanos=3), AttemptResult("yes", nanos=3, message=object())]  # type: ignore[arg-type]
        settled = [
            Settlement(one.call_key, result, "done", SCORED)
            for one, result in zip((good, bad), results, strict=True)
        ]
        return await asyncio.gather(*(writer.settle(one) for one in settled), return_exceptions=True)

    with a_ledger(tmp_path) as ledger:
        ledger.now(lambda c: runs.begin_run(c, run, Lease.own()))
        ledger.now(lambda c: plans.plan(c, run.id, JUDGE, [good, bad], retry_unknown=False))
        written, failed = asyncio.run(write(ledger))
        assert written is None and isinstance(failed, sqlite3.Error)
        assert ledger.now(lambda c: steps.spent(c, "all:x")) == 3 + 5
        states = ledger.now(lambda c: c.execute("SELECT state FROM calls ORDER BY seq").fetchall())
        assert [row[0] for row in states] == ["done", "sent"]
