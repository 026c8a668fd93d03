"""What a ledger tells of judges, and all judges of a project side by side."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.judges.ledgers import JUDGE, a_call, a_ledger, a_run

from traceview.definitions.project import load_project
from traceview.judges.calibration import Calls
from traceview.judges.evidence import gather
from traceview.judges.ledger import plans, runs, steps
from traceview.judges.ledger.lease import Lease
from traceview.judges.ledger.listing import shown_calls
from traceview.judges.ledger.records import AttemptResult, Verdict
from traceview.judges.ledger.telling import ask_ledger, calls_of, spent_by_judge
from traceview.judges.ledger.telling import runs as told_runs
from traceview.judges.loading import load_judges
from traceview.judges.overview import overview
from traceview.judges.versions import Wish, find_judge
from traceview.model.errors import BadInput, Cancelled
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken
from traceview.store.labels.store import LabelStore

CODE = 'metric = "links"\nkind = "code"\n[check]\nuse = "urls_from_tools"\n'


def no_engine() -> Any:
    raise AssertionError("nobody needs the source for this")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    store = LabelStore.open(tmp_path / "x.labels.db")
    yield store
    store.close()


def rows(judge: str, judge_hash: str, said: str, source: Any = "judge") -> list[LabelRow]:
    """A person says pass of four traces, and the judge `said` (p or f for each)."""
    found = []
    for number, letter in enumerate(said):
        target = Target("trace", f"t{number}", f"t{number}")
        found.append(LabelRow("", target, "links", True, "human", "kim", ""))
        found.append(
            LabelRow("", target, "links", letter == "p", source, judge, "", definition_hash=judge_hash)
        )
    return found


def answered(folder: Path, outcomes: list[Verdict], cut: int, ended: bool = False) -> None:
    """A ledger with a run of as many calls; the first `cut` of them saw only a part."""
    run = a_run()
    scope = f"run:{run.id}"
    with a_ledger(folder) as ledger:
        ledger.now(lambda c: runs.begin_run(c, run, Lease.own()))
        planned = [
            replace(a_call(number), truncated=("answer",) if number < cut else ())
            for number in range(len(outcomes))
        ]
        ledger.now(lambda c: plans.plan(c, run.id, JUDGE, planned, retry_unknown=False))
        ledger.now(lambda c: runs.planned(c, run.id, len(planned) + 1, 0, None))
        for call, verdict in zip(planned, outcomes, strict=True):
            ledger.now(
                lambda c, k=call.call_key: steps.claim(
                    c, steps.Claim(run.id, k, 100, 1000, [steps.Cap(scope, None)])
                )
            )
            ledger.now(
                lambda c, k=call.call_key, v=verdict: steps.settle(
                    c, steps.Settlement(k, AttemptResult("yes", 200, nanos=70), "done", v)
                )
            )
        if ended:
            ledger.now(lambda c: runs.end_run(c, run.id, None, {}))


SCORED, REFUSED = Verdict("scored", value=True), Verdict("unscored", "refusal")


def test_what_came_of_the_calls_of_a_version(tmp_path: Path, store: LabelStore) -> None:
    answered(
        tmp_path, [SCORED, SCORED, REFUSED, Verdict("not_applicable"), Verdict("error", "server")], cut=1
    )
    found = ask_ledger(store.path, lambda c: calls_of(c, JUDGE[2]), None)
    assert found == Calls(3, {"refusal": 1}, {}, {"server": 1}, frozenset({Target("trace", "t0", "t0")}))
    assert (found.unscored_share, found.without_score) == (0.4, 2)
    assert ask_ledger(store.path, lambda c: calls_of(c, "other"), None) == Calls()
    assert ask_ledger(store.path, spent_by_judge, {}) == {"links": 350}
    (run,) = ask_ledger(store.path, lambda c: told_runs(c, active=True), ())
    assert (run.planned, run.finished, run.scored, run.unscored, run.failed) == (6, 5, 3, 1, 1)
    assert (run.active, run.nanos) == (True, 350)


def test_a_calibration_counts_calls_without_a_score_and_leaves_out_what_was_cut(
    tmp_path: Path, store: LabelStore
) -> None:
    store.append_now(rows("links", JUDGE[2], "ppfp"))
    answered(tmp_path, [SCORED, SCORED, SCORED, REFUSED], cut=1, ended=True)
    judge = find_judge(store, (), (), "links")
    found = gather(no_engine, store, judge, Wish("all"))
    assert found.left_out == {"truncated": 1}
    assert found.calls is not None and found.calls.unscored_share == 0.25
    assert len(gather(no_engine, store, judge, Wish("all", truncated=True)).compared) == 4


def test_all_judges_side_by_side(tmp_path: Path, store: LabelStore) -> None:
    (tmp_path / "judges").mkdir()
    (tmp_path / "traceview.toml").write_text('[feedback.links]\ntype = "boolean"\n')
    (tmp_path / "judges" / "by_code.toml").write_text(CODE)
    (tmp_path / "judges" / "draft.toml").write_text(CODE.replace("[check]", "enabled = false\n[check]"))
    (tmp_path / "judges" / "broken.toml").write_text("kind = 3\n")
    project = load_project(tmp_path / "traceview.toml")
    loaded = load_judges(project)
    code = next(one for one in loaded.judges if one.name == "by_code")
    store.append_now(rows("by_code", code.hash, "ppfp", "code"))
    store.append_now(rows("links", JUDGE[2], "pp"))
    answered(tmp_path, [SCORED, SCORED, REFUSED], cut=0)
    found = {one.name: one for one in overview(no_engine, store, loaded, project.definitions, "all")}
    assert list(found) == ["by_code", "draft", "broken", "links"]
    assert {name: one.state for name, one in found.items()} == {
        "by_code": "enabled",
        "draft": "draft",
        "broken": "refused",
        "links": "running",
    }
    by_code = found["by_code"].calibration
    assert by_code is not None and by_code.confusion is not None
    assert (by_code.confusion.tp, by_code.confusion.fn) == (3, 1)
    assert (found["by_code"].kind, found["by_code"].scored, found["by_code"].nanos) == ("code", 4, None)
    assert found["draft"].uncalibrated == "scored nothing yet"
    assert found["broken"].problem is not None and "kind" in found["broken"].problem.message
    assert (found["links"].nanos, found["links"].judge_hash) == (210, JUDGE[2])
    run = found["links"].run
    assert run is not None and (run.finished, run.planned) == (3, 4)


def test_without_a_ledger_nothing_is_known_and_nothing_is_made(tmp_path: Path, store: LabelStore) -> None:
    store.append_now(rows("links", JUDGE[2], "ppfp"))
    found = gather(no_engine, store, find_judge(store, (), (), "links"), Wish("all"))
    assert found.calls is None
    assert not list(tmp_path.glob("*.calls.db"))


def test_all_judges_are_told_before_their_figures_are_read(tmp_path: Path, store: LabelStore) -> None:
    (tmp_path / "traceview.toml").write_text("")
    (tmp_path / "judges").mkdir()
    for name in ("a", "b"):
        (tmp_path / f"judges/{name}.toml").write_text(CODE)
    (tmp_path / "judges/c.toml").write_text('kind = "cod"\n')
    project = load_project(tmp_path / "traceview.toml")
    loaded = load_judges(project)
    store.append_now(rows("a", loaded.judges[0].hash, "ppff", "code"))
    told: list[Any] = []
    found = overview(no_engine, store, loaded, project.definitions, "all", tell=told.append)
    assert [[one.reading for one in part] for part in told] == [[True, True, False], [False, True, False]]
    assert [one.name for one in told[0]] == ["a", "b", "c"] and told[0][0].definition is not None
    assert told[1][0].calibration is not None and told[1][0].scored == 4
    assert not any(one.reading for one in found) and found[1].uncalibrated == "scored nothing yet"

    token = CancelToken()

    def leave(part: Any) -> None:
        token.cancel()

    with pytest.raises(Cancelled):
        overview(no_engine, store, loaded, project.definitions, "all", token, leave)


def test_calls_are_shown_by_the_beginning_of_an_id(tmp_path: Path, store: LabelStore) -> None:
    answered(tmp_path, [SCORED] * 12, 0)
    calls_shown = {id: ask_ledger(store.path, partial(shown_calls, id=id), []) for id in ("t2", "t11", "x")}
    assert {id: [one["target_id"] for one in found] for id, found in calls_shown.items()} == {
        "t2": ["t2"],
        "t11": ["t11"],
        "x": [],
    }
    with pytest.raises(BadInput, match="12 items begin with t") as raised:
        ask_ledger(store.path, partial(shown_calls, id="t"), [])
    assert raised.value.hint == "they are t0, t1, t10, t11, ..."


def test_what_one_item_begins_with_is_that_item(tmp_path: Path, store: LabelStore) -> None:
    answered(tmp_path, [SCORED], 0)
    (found,) = ask_ledger(store.path, partial(shown_calls, id="t"), [])
    assert found["target_id"] == "t0"
