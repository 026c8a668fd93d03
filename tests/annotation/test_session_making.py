"""Sessions are made of the right items, the same ones for the same seed, and refused with a reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from traceview.annotation import Annotator
from traceview.annotation.session_choosing import Plan
from traceview.annotation.session_making import make_session, open_session_of
from traceview.annotation.session_repeats import LEAST_APART, with_repeats
from traceview.annotation.session_summary import summarise
from traceview.annotation.session_words import summary_lines
from traceview.annotation.session_work import SessionWork
from traceview.definitions.project import load_project
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import SessionItem
from traceview.store.interface import Engine
from traceview.store.labels import sessions as stored
from traceview.store.labels.store import LabelStore
from traceview.store.open import open_engine

ROOT = Path(__file__).parents[2]
DEFINITIONS = load_project(ROOT / "sample_data" / "traceview.toml").definitions


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    opened = open_engine((str(ROOT / "sample_data" / "traces.parquet"),))
    opened.wait_ready()
    yield opened
    opened.close()


@pytest.fixture
def annotator(tmp_path: Path) -> Iterator[Annotator]:
    store = LabelStore.open(tmp_path / "a.labels.db")
    yield Annotator(store, DEFINITIONS, "ann")
    store.close()


def ids(annotator: Annotator, session: str) -> list[str]:
    return [one.target.id for one in stored.items(annotator.store, session) if one.repeat_of is None]


def test_the_same_plan_gives_the_same_items_and_another_seed_others(
    engine: Engine, annotator: Annotator
) -> None:
    plan = Plan(rule="random:40", filter="version:v2", seed=1)
    first, again = (make_session(engine, annotator, plan).session for _ in range(2))
    other = make_session(engine, annotator, replace(plan, seed=2)).session
    assert ids(annotator, first.id) == ids(annotator, again.id) != ids(annotator, other.id)
    assert [one.name for one in (first, again)] == ["random:40 version:v2", "random:40 version:v2 (2)"]
    assert (first.size, first.kind) == (42, "trace")


def test_strata_have_the_same_share(engine: Engine, annotator: Annotator) -> None:
    session = make_session(engine, annotator, Plan(rule="stratified:30:user_id")).session
    reasons = Counter(item.reason.split(" · ")[0] for item in stored.items(annotator.store, session.id))
    assert len(reasons) > 1 and max(reasons.values()) <= 3


@pytest.mark.parametrize("name", ["prompt_version", "version", "prompt_versions", "model"])
def test_strata_may_be_called_by_the_field_of_a_call(engine: Engine, annotator: Annotator, name: str) -> None:
    session = make_session(engine, annotator, Plan(rule=f"stratified:12:{name}")).session
    reasons = {item.reason.split(" · ")[0] for item in stored.items(annotator.store, session.id)}
    assert len(reasons) > 1 and not any("(none)" in reason for reason in reasons)


def test_without_a_seed_another_sample_is_drawn_each_time_and_its_seed_is_kept(
    engine: Engine, annotator: Annotator
) -> None:
    plan = Plan(rule="random:40", define=("grounded",))
    first, other = (make_session(engine, annotator, plan).session for _ in range(2))
    assert first.seed != other.seed and ids(annotator, first.id) != ids(annotator, other.id)
    target = stored.items(annotator.store, first.id)[0].target
    annotator.set_value([target], "grounded", True)
    again = make_session(engine, annotator, replace(plan, seed=first.seed))
    assert ids(annotator, again.session.id) == ids(annotator, first.id)
    assert again.notes == ("you labelled 1 of these 40 before",)


def test_unlabelled_leaves_out_what_has_every_required_value_of_ones_own(
    engine: Engine, annotator: Annotator
) -> None:
    plan = Plan(filter="status:error", define=("grounded",))
    everything = ids(annotator, make_session(engine, annotator, plan).session.id)
    done, others = (Target("trace", one, one) for one in everything[:2])
    annotator.set_value([done], "grounded", True)
    annotator.store.append_now([LabelRow("", others, "grounded", True, "human", "bob", "")])
    assert ids(annotator, make_session(engine, annotator, plan).session.id) == everything[1:]


def test_re_review_takes_what_was_labelled_under_another_wording(
    engine: Engine, annotator: Annotator
) -> None:
    everything = ids(annotator, make_session(engine, annotator, Plan(filter="status:error")).session.id)
    old, new = (Target("trace", one, one) for one in everything[:2])
    older = replace(annotator.definitions["grounded"], hash="0" * 16)
    Annotator(annotator.store, [older], "ann").set_value([old], "grounded", True)
    annotator.set_value([new], "grounded", True)
    session = make_session(engine, annotator, Plan(rule="re-review")).session
    assert ids(annotator, session.id) == [old.id] and session.fresh
    assert list(session.definitions) == ["grounded"], "what was not reworded is not asked again"
    work = SessionWork.open(annotator, session)
    assert not work.state.done(0), "the earlier value does not count"
    (shown,) = work.state.counted_at(0, annotator.current(old))
    assert (shown.annotator, shown.value) == ("ann, before", True), "but it is shown beside those of others"


def test_conflicts_takes_what_people_labelled_differently(engine: Engine, annotator: Annotator) -> None:
    everything = ids(annotator, make_session(engine, annotator, Plan(filter="status:error")).session.id)
    same, differ, other = (Target("trace", one, one) for one in everything[:3])
    bob = Annotator(annotator.store, DEFINITIONS, "bob")
    for target, values in ((same, (True, True)), (differ, (True, False)), (other, (True, False))):
        name = "right_user" if target is other else "grounded"
        annotator.set_value([target], name, values[0])
        bob.set_value([target], name, values[1])
    named = make_session(engine, annotator, Plan(rule="conflicts:grounded")).session
    assert ids(annotator, named.id) == [differ.id] and list(named.definitions) == ["grounded"]
    anything = make_session(engine, annotator, Plan(rule="conflicts")).session
    assert set(ids(annotator, anything.id)) == {differ.id, other.id}
    assert set(anything.definitions) == {"grounded", "right_user"}


def test_the_end_of_a_session_over_conflicts_speaks_of_what_it_asked(
    engine: Engine, annotator: Annotator
) -> None:
    everything = ids(annotator, make_session(engine, annotator, Plan(filter="status:error")).session.id)
    bob, cleo = (Annotator(annotator.store, DEFINITIONS, who) for who in ("bob", "cleo"))
    contested = {everything[0]: "grounded", everything[1]: "right_user"}
    for one, name in contested.items():
        annotator.set_value([Target("trace", one, one)], name, True)
        bob.set_value([Target("trace", one, one)], name, False)
    work = SessionWork.open(cleo, make_session(engine, cleo, Plan(rule="conflicts")).session)
    for position, item in enumerate(work.state.items):
        place = work.place(position)
        work.take(cleo.set_value([item.target], contested[item.target.id], True, place=place), position)
        work.take(cleo.set_value([item.target], "mode", ("wrong page",), place=place), position)
    lines = list(summary_lines(work.session, work.state, summarise(work.state, DEFINITIONS)))
    assert [line.strip() for line in lines if "pass 1 of 1" in line] == [
        "pass 1 of 1: 100% (95 % interval 21% to 100%)"
    ] * 2
    assert any(line.strip().startswith("these items still brought new failure modes") for line in lines)
    assert not any("no value yet" in line or "weighted" in line for line in lines)


def test_a_conflict_that_a_session_decided_is_not_asked_again(engine: Engine, annotator: Annotator) -> None:
    everything = ids(annotator, make_session(engine, annotator, Plan(filter="status:error")).session.id)
    targets = [Target("trace", one, one) for one in everything[:3]]
    bob, cleo = (Annotator(annotator.store, DEFINITIONS, who) for who in ("bob", "cleo"))
    annotator.set_value(targets, "grounded", True)
    bob.set_value(targets, "grounded", False)
    first = make_session(engine, cleo, Plan(rule="conflicts"))
    assert first.notes == () and first.session.size == 3
    work = SessionWork.open(cleo, first.session)
    for position in range(2):
        cleo.set_value([work.state.items[position].target], "grounded", True, place=work.place(position))
    left = make_session(engine, annotator, Plan(rule="conflicts:grounded"))
    assert left.notes[0] == "2 conflicts are left out: decided in a session before"
    assert ids(annotator, left.session.id) == [work.state.items[2].target.id]
    cleo.set_value([work.state.items[2].target], "grounded", False, place=work.place(2))
    with pytest.raises(BadInput, match="nobody differs; 3 conflicts are left out"):
        make_session(engine, annotator, Plan(rule="conflicts:grounded"))
    cleo.undo()
    assert make_session(engine, annotator, Plan(rule="conflicts:grounded")).session.size == 1


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (Plan(define=("grunded",)), "did you mean grounded"),
        (Plan(rule="stratified:5:modle"), "did you mean model"),
        (Plan(rule="disagreement:5:nobody"), "nobody"),
        (Plan(filter="name:nowhere"), "you have labelled all"),
        (Plan(rule="conflicts:grunded"), "did you mean grounded"),
        (Plan(filter="stats:error"), "stat"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_nearest_that_can(
    engine: Engine, annotator: Annotator, plan: Plan, word: str
) -> None:
    with pytest.raises(BadInput) as caught:
        make_session(engine, annotator, plan)
    assert word in f"{caught.value.message} {caught.value.hint}"
    assert stored.sessions(annotator.store) == ()


def test_a_session_of_the_same_plan_is_taken_up_until_it_is_done(
    engine: Engine, annotator: Annotator
) -> None:
    plan = Plan(rule="random:1", define=("grounded",), seed=1)
    session = make_session(engine, annotator, plan).session
    assert open_session_of(annotator, plan) == (session, ("taken up where it was left",))
    for other in (
        replace(plan, seed=2),
        replace(plan, define=()),
        replace(plan, name="x"),
        replace(plan, blind=True),
    ):
        assert open_session_of(annotator, other) is None
    work = SessionWork.open(annotator, session)
    annotator.set_value([work.state.items[0].target], "grounded", True, place=work.place(0))
    assert open_session_of(annotator, plan) is None


@given(count=st.integers(0, 300), seed=st.integers(0, 5))
def test_about_one_in_twenty_comes_back_later(count: int, seed: int) -> None:
    places = [SessionItem(number, Target("trace", f"t{number}", f"t{number}")) for number in range(count)]
    ordered = with_repeats(places, seed)
    assert [item.position for item in ordered] == list(range(len(ordered)))
    firsts = [item for item in ordered if item.repeat_of is None]
    again = [item for item in ordered if item.repeat_of is not None]
    assert [item.target for item in firsts] == [item.target for item in places]
    assert len(again) == (round(count * 0.05) if count >= 20 else 0)
    for item in again:
        assert ordered[item.repeat_of].target == item.target
        assert item.position - item.repeat_of > LEAST_APART
    assert len({item.target for item in again}) == len(again)


def test_marked_traces_give_a_session_of_their_threads_and_those_in_none_are_counted(
    tmp_path: Path, annotator: Annotator
) -> None:
    path = tmp_path / "s.jsonl"
    threads = {"1": "a", "2": "a", "3": "b", "4": None, "5": "c"}
    spans = (
        {
            "trace_id": f"t{one}",
            "span_id": one,
            "thread_id": thread,
            "start_time": f"2026-01-01T00:00:0{one}Z",
        }
        for one, thread in threads.items()
    )
    path.write_text("".join(json.dumps(span) + "\n" for span in spans))
    with closing(open_engine((str(path),))) as engine:
        engine.wait_ready()
        plan = Plan(level="threads", rule="marked", marked=("t1", "t2", "t3", "t4"), marked_in="traces")
        made = make_session(engine, annotator, plan)
        assert sorted(ids(annotator, made.session.id)) == ["a", "b"] and made.session.kind == "thread"
        assert made.notes == ("2 threads of 3 marked traces", "1 is in no thread")
        with pytest.raises(
            BadInput, match="nothing to label: 0 threads of 0 marked traces; 1 is in no thread"
        ):
            make_session(engine, annotator, replace(plan, marked=("t4",)))
