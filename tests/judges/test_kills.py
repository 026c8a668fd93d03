"""A process that is killed while calls are on the way: nothing is paid twice, what may have been paid is held."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from benchmarks.judge_runner import started
from benchmarks.judge_runs import Server
from tests.judges.running import KEY, Place, a_judge, rendered, sent

from traceview.judges.fake_server.script import answering
from traceview.judges.fake_server.server import FakeServer
from traceview.judges.job import Job
from traceview.judges.ledger.listing import held_rows
from traceview.judges.ledger.telling import ask_ledger
from traceview.model.labels import Target

CALLS = 150


def test_killed_twice_and_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    on_the_way = 0
    with FakeServer(answering(0.3)) as server:
        for number in range(2):
            with started(tmp_path, Server(server.url), CALLS, {}) as process:
                assert process.stdout is not None and process.stdout.readline() == "planned\n"
                begun = len(server.calls)
                while len(server.calls) < begun + 20 + number:
                    time.sleep(0.01)
                process.kill()
                process.wait()
                on_the_way += 64
        place = Place(tmp_path)
        judge = a_judge(server.url)
        # the body is as long as the other process makes it
        run = place.a_run(judge)
        run.make_plan(rendered(judge, CALLS, size=6_000))
        report = asyncio.run(sent(run, judge))
        place.close()
        assert 0 < report["held"] <= on_the_way
        assert report["already_done"] + report["scored"] + report["held"] == CALLS
        assert max(server.paid.values()) == 1
        nothing: list[dict[str, Any]] = []
        listed = ask_ledger(tmp_path / "x.labels.db", held_rows, nothing)
        assert len(listed) == report["held"] == report["unknown"]
        assert len({row["call_key"] for row in listed}) == len(listed)
        assert len(place_scores(tmp_path)) == CALLS - report["held"]


def place_scores(folder: Path) -> tuple[Any, ...]:
    place = Place(folder)
    rows = place.scores()
    place.close()
    return rows


def test_a_run_that_is_stopped_waits_for_what_is_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    place = Place(tmp_path)
    with FakeServer(answering(0.2)) as server:
        judge = a_judge(server.url)
        run = place.a_run(judge)
        run.make_plan(rendered(judge, 200))

        async def stopped() -> dict[str, Any]:
            sending = asyncio.create_task(sent(run, judge))
            while len(server.calls) < 10:
                await asyncio.sleep(0.01)
            run.stop()
            return await sending

        report = asyncio.run(stopped())
        assert (report["stopped_by"], report["unknown"]) == ("cancel", 0)
        assert 0 < report["scored"] == len(server.calls) < 200
        assert report["scored"] + report["left"] == 200
        rest = place.judge(judge, 200)
        assert (rest["already_done"], rest["scored"]) == (report["scored"], report["left"])
        assert max(server.paid.values()) == 1
    place.close()


def test_a_run_that_waits_no_longer_keeps_what_is_on_the_way_as_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    place = Place(tmp_path)
    with FakeServer(answering(60.0)) as server:
        judge = a_judge(server.url)
        run = place.a_run(judge)
        run.make_plan(rendered(judge, 3))

        async def aborted() -> dict[str, Any]:
            sending = asyncio.create_task(sent(run, judge, timeout=100))
            while not server.calls:
                await asyncio.sleep(0.01)
            run.abort()
            return await sending

        began = time.monotonic()
        report = asyncio.run(aborted())
        assert time.monotonic() - began < 25
        assert (report["stopped_by"], report["unknown"], report["left"]) == ("cancel", 1, 2)
        assert len(place.ledger.now(held_rows)) == 1
    place.close()


def test_others_can_stop_and_pause_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    from traceview.judges.ledger.runs import ask_of_run

    monkeypatch.setenv("FAKE_KEY", KEY)
    place = Place(tmp_path)
    with FakeServer(answering(0.3)) as server:
        judge = a_judge(server.url)
        run = place.a_run(judge, concurrency=2)
        run.make_plan(rendered(judge, 100))

        async def asked() -> dict[str, Any]:
            loop = asyncio.get_running_loop()

            async def ask(wanted: str) -> None:
                await asyncio.wrap_future(place.ledger.submit(partial(ask_of_run, run=run.id, wanted=wanted)))

            sending = loop.create_task(sent(run, judge))
            while not server.calls:
                await asyncio.sleep(0.01)
            await ask("pause")
            while not any(fields.get("paused") and not fields["in_flight"] for _, fields in place.events):
                await asyncio.sleep(0.05)
            before = len(server.calls)
            await asyncio.sleep(0.4)
            assert len(server.calls) == before < 100
            await ask("stop")
            return await sending

        assert asyncio.run(asked())["stopped_by"] == "cancel"
    place.close()


def test_the_worker_process_ends_without_its_parent(tmp_path: Path) -> None:
    """An empty input is no job: it is said, and nothing hangs."""
    command = [sys.executable, "-P", "-m", "traceview.judges.worker"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert b'"event": "error"' in done.stdout and done.returncode == 70


def test_a_job_is_told_whole() -> None:
    targets = (Target("span", "s", "t"), Target("thread", "é"))
    job = Job(("a.parquet",), ("links",), overrides={"a": "b"}, targets=targets, budget_usd=0.5, go=True)
    assert Job.of_line(job.as_line()) == job
    assert Job.of_line(Job(("-",), ()).as_line()).targets is None


@pytest.mark.parametrize("repeats", [1, 3])
def test_what_was_paid_before_a_process_died_becomes_scores_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repeats: int
) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    place = Place(tmp_path)
    with FakeServer() as server:
        judge = a_judge(server.url, model={"repeats": repeats})
        place.judge(judge, 9)
        told = {row.target.id: (row.id, row.value) for row in place.scores()}
        # as if the scores had never been written, and the judge's file been changed since
        place.ledger.now(lambda c: c.execute("UPDATE calls SET label = NULL"))
        place.close()
        for path in tmp_path.glob("x.labels.db*"):
            path.unlink()
        place = Place(tmp_path)
        place.a_run(a_judge(server.url, system="Something else."))
        assert {row.target.id: (row.id, row.value) for row in place.scores()} == told
        before = len(server.calls)
        assert place.judge(judge, 9)["already_done"] == 9 and len(server.calls) == before
    place.close()
