"""Budgets at any concurrency: what was paid, by the server's own account, never exceeds what may be spent."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from benchmarks.judge_runs import PRICE
from tests.judges.running import KEY, Place, a_judge

from traceview.judges.fake_server.script import Answer, Call
from traceview.judges.fake_server.server import FakeServer
from traceview.judges.fake_server.verdicts import message_for
from traceview.judges.ledger.records import Usage
from traceview.judges.running.money import cost

GOOD = json.dumps({"explanation": "so", "evidence": [], "verdict": "pass"})


class Bill:
    """A server whose replies cost anything up to what their calls allow; some are lost after they were paid."""

    def __init__(self, seed: int, lost: float = 0.0) -> None:
        self._chance = random.Random(seed)
        self._lost = lost
        self.nanos = 0

    def __call__(self, call: Call) -> Answer:
        # a token for each byte is the worst that a tokenizer can do
        size = len(call.body["system"][0]["text"]) + len(call.body["messages"][0]["content"])
        tokens, written = self._chance.randint(size // 4, size), self._chance.random() < 0.5
        output = self._chance.randint(1, call.body["max_tokens"])
        usage = {
            "input_tokens": 0 if written else tokens,
            "cache_creation_input_tokens": tokens if written else 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output,
        }
        self.nanos += cost(
            PRICE, Usage(usage["input_tokens"], 0, usage["cache_creation_input_tokens"], output)
        )
        reset = self._chance.random() < self._lost
        reply = message_for(call.body, GOOD, usage=usage)
        return Answer(reply, seconds=self._chance.uniform(0, 0.03), reset=reset, counts_cache=False)


@pytest.mark.parametrize(
    ("usd", "concurrency", "lost"),
    [(0.005, 64, 0.0), (0.05, 64, 0.0), (0.2, 64, 0.0), (0.2, 3, 0.0), (0.2, 64, 0.2), (0.3, 64, 0.05)],
)
def test_a_budget_is_never_exceeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usd: float, concurrency: int, lost: float
) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    bill = Bill(int(usd * 1000) + concurrency, lost)
    place = Place(tmp_path)
    with FakeServer(bill) as server:
        judge = a_judge(server.url)
        report = place.judge(
            judge, 150, budget_usd=usd, command="c", concurrency=concurrency, unknown="retry"
        )
        assert report["stopped_by"] == "budget" and report["left"] > 0
        assert bill.nanos / 1e9 <= report["usd"] + 1e-12 <= usd + 1e-12
        if usd > 0.02:
            assert report["scored"] > 0
    place.close()


def test_the_day_of_a_judge_counts_over_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    bill = Bill(3)
    place = Place(tmp_path)
    with FakeServer(bill) as server:
        judge = a_judge(server.url, usd_per_day=0.1, usd_per_run=0.06)
        spent = 0.0
        for _ in range(4):
            report = place.judge(judge, 150)
            assert report["stopped_by"] == "budget" and report["usd"] <= 0.06
            spent += report["usd"]
        assert bill.nanos / 1e9 <= spent + 1e-12 <= 0.1 + 1e-12
    place.close()


def test_the_day_of_a_project_counts_over_its_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    bill = Bill(5)
    place = Place(tmp_path)
    with FakeServer(bill) as server:
        for name in ("one", "two", "three"):
            judge = a_judge(server.url, name=name, system=f"You are {name}.")
            report = place.judge(judge, 60, day_usd=0.08)
            assert report["stopped_by"] == "budget" and report["message"].startswith("all:")
        assert bill.nanos / 1e9 <= 0.08
    place.close()
