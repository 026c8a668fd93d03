"""A check that takes too long is an error of its item: the others are judged, and a judge that always hangs stops."""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import closing

import pytest

from traceview.judges import code_worker
from traceview.judges.checks.limit import TimeLimit, TookTooLong
from traceview.model.judges import Check, JudgeDefinition, Judgement, ScoreShape
from traceview.store.scan import TraceTexts

HANGS = {"must_match": r"(a+)+$"}
SLOW = "a" * 60 + "!"


def judge(**options: object) -> JudgeDefinition:
    return JudgeDefinition(
        "form", "form", "code", "span", ScoreShape("boolean"), checks=(Check("format_rules", options),)
    )


def judgements(one: JudgeDefinition, texts: list[str]) -> list[Judgement]:
    traces = [
        TraceTexts(
            f"t{number}",
            [{"span_id": "s", "kind": "llm", "trace_id": f"t{number}", "name": "llm", "status": "ok"}],
            [{"output_text": text, "output": text}],
            [1],
            [0],
        )
        for number, text in enumerate(texts)
    ]
    with closing(code_worker.Checking([one])) as run:
        return [judged.judgement for judged in run(traces)]


def test_one_slow_text_is_an_error_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_worker, "SECONDS", 0.1)
    found = judgements(judge(**HANGS), ["aa", SLOW, "b", "a"])
    assert [one.value for one in found] == [True, None, False, True]
    assert (found[1].outcome, found[1].reason) == ("error", "check_timeout")
    assert found[1].explanation == "the check did not answer within 0.1 s"


def test_a_judge_that_always_hangs_is_not_waited_for_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_worker, "SECONDS", 0.05)
    began = time.monotonic()
    found = judgements(judge(**HANGS), [SLOW] * 200)
    assert time.monotonic() - began < 5
    assert {(one.outcome, one.reason) for one in found} == {("error", "check_timeout")}
    assert found[-1].explanation.startswith("not tried: the check did not answer")


def test_the_limit_leaves_other_timers_as_they_were() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with closing(TimeLimit(0.05)) as limit:
            for _ in range(2):
                with pytest.raises(TookTooLong), limit:
                    re.search(HANGS["must_match"], SLOW)
                # what is written between items must not be cut in two
                assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
            time.sleep(0.1)
        time.sleep(0.5)
        assert rang == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_what_no_limit_holds_for_is_run_apart() -> None:
    found: list[bool] = []
    patterns, none = judge(**HANGS), judge(max_words=3)
    thread = threading.Thread(
        target=lambda: found.extend([code_worker.may_hang([patterns]), code_worker.may_hang([none])])
    )
    thread.start()
    thread.join()
    assert found == [True, False]
    assert not code_worker.may_hang([patterns])
