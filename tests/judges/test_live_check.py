"""A check that is tried while it is typed: counts, cells against people, and what is used again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.judges.test_code_run import judge, write

from traceview.filters import parse
from traceview.judges.live_check import LiveCheck, LiveResult
from traceview.model.errors import BadInput, Cancelled
from traceview.model.judges import Check, JudgeDefinition, ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelRow, LabelValue, Target
from traceview.store.duck import trace_pass, unit_scan
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

LINKS = judge("urls_from_tools", "links", tool="search")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    found = open_engine([str(write(tmp_path_factory.mktemp("source") / "s.jsonl", range(60)))])
    found.wait_ready()
    yield found
    found.close()


@pytest.fixture
def labels(tmp_path: Path) -> Iterator[LabelStore]:
    store = LabelStore.open(tmp_path / "s.labels.db")
    said: list[tuple[int, LabelValue, str]] = [
        (0, True, "ana"), (2, False, "ana"), (1, False, "ana"), (3, True, "ana"), (5, False, "ana"),
        (7, NOT_APPLICABLE, "ana"), (9, True, "ana"), (9, False, "ben"),
    ]  # fmt: skip
    rows = [
        LabelRow("", Target("trace", f"t{number}", f"t{number}"), "links", value, "human", who, "")
        for number, value, who in said
    ]
    store.append_now(rows)
    yield store
    store.close()


def tried(live: LiveCheck, one: JudgeDefinition, where: str = "") -> LiveResult:
    return live.run(one, parse(where) if where else None, CancelToken(), lambda _: None)


def test_cells_and_items(engine: Engine, labels: LabelStore) -> None:
    live = LiveCheck(engine, labels)
    try:
        found = tried(live, LINKS)
        assert found.complete and found.count(None, None) == 60
        assert (found.count(None, "fail"), found.count(None, "pass")) == (30, 30)
        cells = {key: cell.count for key, cell in found.cells.items() if key[0]}
        assert cells == {
            ("pass", "pass"): 1, ("fail", "pass"): 1, ("fail", "fail"): 2, ("pass", "fail"): 1, ("n/a", "fail"): 1,
            ("tied", "fail"): 1,
        }  # fmt: skip
        newest = [hit.judgement.target.id for hit in found.hits(None, "fail")]
        assert newest == [f"t{number}" for number in range(59, 0, -2)]
        assert labels.counts().rows == 8
        assert tried(live, LINKS, "trace:t1").count(None, None) == 1
    finally:
        live.close()


def test_another_check_of_the_same_columns_reads_nothing_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = LiveCheck(engine, None)
    try:
        tried(live, LINKS)
        scanning = live._scanning
        other = judge("urls_from_tools", "links", tool="other")
        assert tried(live, other).count(None, "fail") == 60
        assert live._scanning is scanning
        tried(live, judge("user_corrected", "kept"))
        assert live._scanning is not scanning
    finally:
        live.close()


def test_a_try_that_is_cancelled_leaves_the_next_one_right(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_pass, "RANGE_SPANS", 9)
    monkeypatch.setattr(unit_scan, "INSIDE_SPANS", 0)
    monkeypatch.setattr("traceview.judges.live_check.TELL_SECONDS", 0.0)
    live = LiveCheck(engine, None)
    try:
        for _ in range(3):
            token = CancelToken()
            parts: list[int] = []

            def stop(found: LiveResult, token: CancelToken = token, parts: list[int] = parts) -> None:
                parts.append(found.done)
                token.cancel()

            with pytest.raises(Cancelled):
                live.run(LINKS, None, token, stop)
            assert len(parts) == 1
        found = tried(live, judge("urls_from_tools", "links", tool="other"))
        assert (found.count(None, "fail"), found.count(None, None)) == (60, 60)
    finally:
        live.close()


def test_only_so_many_items_are_kept_and_all_are_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceview.judges.live_check.KEPT", 5)
    live = LiveCheck(engine, None)
    try:
        found = tried(live, LINKS)
        assert found.count(None, "fail") == 30
        assert [hit.judgement.target.id for hit in found.hits(None, "fail")] == [
            "t59",
            "t57",
            "t55",
            "t53",
            "t51",
        ]
    finally:
        live.close()


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (Check("python:checks/x.py:f"), "not tried"),
        (Check("format_rules"), "no rule"),
        (Check("valid_json", {"schema": {"typ": "x"}}), "not a known keyword"),
    ],
)
def test_what_cannot_be_tried_is_said(engine: Engine, check: Check, wrong: str) -> None:
    live = LiveCheck(engine, None)
    try:
        with pytest.raises(BadInput, match=wrong):
            tried(live, JudgeDefinition("x", "x", "code", "trace", ScoreShape("boolean"), checks=(check,)))
    finally:
        live.close()


def test_a_closed_one_tries_nothing(engine: Engine) -> None:
    live = LiveCheck(engine, None)
    live.close()
    with pytest.raises(Cancelled):
        tried(live, LINKS)
