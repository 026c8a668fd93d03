"""An annotator at work: actions, bulk, undo and redo against a simple model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from traceview.annotation import Annotator
from traceview.definitions.feedback import VERDICT
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue, Target
from traceview.model.sessions import SessionPlace
from traceview.store.labels.store import LabelStore

TONE = FeedbackDefinition("tone", "categorical", ("trace", "span"), "tonehash", choices=("formal", "rude"))
TRACES = [Target("trace", f"t{number}", f"t{number}") for number in range(4)]


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


@pytest.fixture
def annotator(store: LabelStore) -> Annotator:
    return Annotator(store, [VERDICT, TONE], "ann")


def values(annotator: Annotator, target: Target) -> dict[str, LabelValue]:
    return {row.name: row.value for row in annotator.current(target)}


def test_a_label_carries_who_how_and_under_which_wording(annotator: Annotator) -> None:
    action = annotator.set_value(
        [TRACES[0]], "verdict", False, reason="made up", blind=True, place=SessionPlace("s1", 3)
    )
    (row,) = annotator.current(TRACES[0])
    assert action.rows == action.affected == (row,) and action.targets == (TRACES[0],)
    assert (row.source, row.annotator, row.reason, row.blind, row.session) == (
        "human",
        "ann",
        "made up",
        True,
        "s1",
    )
    assert row.definition_hash == VERDICT.hash and row.action_id


def test_bulk_is_one_action_and_undone_as_one(annotator: Annotator) -> None:
    annotator.set_value([TRACES[0]], "verdict", False)
    action = annotator.set_value([*TRACES, TRACES[0]], "verdict", True)
    assert len(action.rows) == 4 and len({row.action_id for row in action.rows}) == 1
    undone = annotator.undo()
    assert undone is not None and undone.affected == action.rows and undone.op == "undo"
    assert [values(annotator, target) for target in TRACES] == [{"verdict": False}, {}, {}, {}]
    redone = annotator.redo()
    assert redone is not None and redone.affected == action.rows
    assert [values(annotator, target) for target in TRACES] == [{"verdict": True}] * 4


def test_several_values_of_one_target_are_one_action(annotator: Annotator) -> None:
    annotator.set_values(TRACES[0], [("verdict", True), ("tone", "rude")])
    assert values(annotator, TRACES[0]) == {"verdict": True, "tone": "rude"}
    annotator.undo()
    assert values(annotator, TRACES[0]) == {}


def test_undo_works_across_restarts_and_only_on_ones_own(tmp_path: Path) -> None:
    store = LabelStore.open(tmp_path / "a.db")
    Annotator(store, [VERDICT], "ann").set_value([TRACES[0]], "verdict", True)
    Annotator(store, [VERDICT], "bob").set_value([TRACES[0]], "verdict", False)
    store.append_now([LabelRow("", TRACES[0], "verdict", False, "judge", "ann", "", action_id="j")])
    store.close()
    store = LabelStore.open(tmp_path / "a.db")
    ann = Annotator(store, [VERDICT], "ann")
    assert ann.undo() is not None and ann.undo() is None
    assert {(row.source, row.annotator) for row in store.current()} == {("human", "bob"), ("judge", "ann")}
    store.close()
    store = LabelStore.open(tmp_path / "a.db")
    assert Annotator(store, [VERDICT], "ann").redo() is not None
    assert len(store.current()) == 3
    store.close()


def test_notes_and_corrections_replace_clear_and_skip_what_changes_nothing(annotator: Annotator) -> None:
    target = TRACES[0]
    assert annotator.note(target, "first") and annotator.note(target, "second\n")
    assert annotator.note(target, "second") is None
    assert annotator.correction(target, "better")
    assert values(annotator, target) == {"note": "second", "correction": "better"}
    assert annotator.note(target, " \n ") and annotator.note(target, "") is None
    assert values(annotator, target) == {"correction": "better"}
    annotator.undo()
    assert values(annotator, target)["note"] == "second"
    assert [row.value for row in annotator.history(target) if row.op == "set"] == [
        "first",
        "second",
        "better",
    ]


def test_clear_takes_ones_own_only(annotator: Annotator, store: LabelStore) -> None:
    other = Annotator(store, [VERDICT], "bob")
    other.set_value([TRACES[0]], "verdict", True)
    assert annotator.clear(TRACES, "verdict") is None
    annotator.set_value([TRACES[0]], "verdict", False)
    cleared = annotator.clear(TRACES, "verdict")
    assert cleared is not None and len(cleared.rows) == 1
    assert [row.annotator for row in annotator.current(TRACES[0])] == ["bob"]
    assert annotator.own(TRACES[0]) == {} and set(other.own(TRACES[0])) == {"verdict"}


def test_repeat_gives_what_the_last_labelled_target_has(annotator: Annotator) -> None:
    assert annotator.repeat_last([TRACES[0]]) is None
    annotator.set_values(TRACES[0], [("verdict", False), ("tone", "rude"), ("mode", ("made-up link",))])
    annotator.note(TRACES[0], "only here")
    span = Target("span", "s", "t3")
    annotator.set_value([span], "tone", "formal")
    repeated = annotator.repeat_last([TRACES[1], TRACES[2]])
    assert repeated is not None and len(repeated.rows) == 6
    assert values(annotator, TRACES[2]) == {"verdict": False, "tone": "rude", "mode": ("made-up link",)}
    assert annotator.repeat_last([TRACES[2]]) is not None
    annotator.undo()
    annotator.undo()
    assert values(annotator, TRACES[1]) == {}


def test_what_does_not_fit_is_refused_before_anything_is_written(annotator: Annotator) -> None:
    for targets, name, value, words in (
        ([TRACES[0]], "verdct", True, "did you mean verdict"),
        ([TRACES[0]], "tone", "rud", "did you mean rude"),
        ([Target("thread", "x")], "tone", "rude", "not to a thread"),
        ([], "verdict", True, "nothing to label"),
        ([Target("span", "s")], "tone", "rude", "trace_id is missing"),
    ):
        with pytest.raises(BadInput) as refused:
            annotator.set_value_soon(targets, name, value)
        assert words in str(refused.value)
    assert not annotator.store.path.exists()


def test_soon_keeps_the_order_of_the_keys(annotator: Annotator) -> None:
    futures = [annotator.set_value_soon([TRACES[0]], "verdict", number % 2 == 0) for number in range(101)]
    futures.append(annotator.undo_soon())  # type: ignore[arg-type]
    assert all(future.result() for future in futures)
    assert values(annotator, TRACES[0]) == {"verdict": False}


class UndoModel(RuleBasedStateMachine):
    """Two annotators, each with a stack of snapshots of their own labels, and a store that is reopened at will."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.past: dict[str, list[dict[tuple[Target, str], LabelValue]]] = {
            name: [{}] for name in ("ann", "bob")
        }
        self.future: dict[str, list[dict[tuple[Target, str], LabelValue]]] = {"ann": [], "bob": []}
        self.open()

    def open(self) -> None:
        self.store = LabelStore.open(Path(self.folder.name, "a.db"))
        self.annotators = {name: Annotator(self.store, [VERDICT, TONE], name) for name in self.past}

    def did(self, who: str, state: dict[tuple[Target, str], LabelValue]) -> None:
        self.past[who].append(state)
        self.future[who].clear()

    who = st.sampled_from(["ann", "bob"])
    several = st.lists(st.sampled_from(TRACES), min_size=1, max_size=3, unique=True)
    assignments = st.sampled_from([("verdict", True), ("verdict", False), ("tone", "rude"), ("tone", "n/a")])

    @rule(who=who, over=several, assignment=assignments)
    def set(self, who: str, over: list[Target], assignment: tuple[str, LabelValue]) -> None:
        name, value = assignment
        self.annotators[who].set_value(over, name, value)
        self.did(who, self.past[who][-1] | {(target, name): value for target in over})

    @rule(who=who, over=several, name=st.sampled_from(["verdict", "tone"]))
    def clear(self, who: str, over: list[Target], name: str) -> None:
        now = self.past[who][-1]
        gone = {(target, name) for target in over} & set(now)
        done = self.annotators[who].clear(over, name)
        assert (done is None) == (not gone)
        if gone:
            self.did(who, {key: value for key, value in now.items() if key not in gone})

    @rule(who=who)
    def undo(self, who: str) -> None:
        done = self.annotators[who].undo()
        assert (done is None) == (len(self.past[who]) == 1)
        if done is not None:
            self.future[who].append(self.past[who].pop())

    @rule(who=who)
    def redo(self, who: str) -> None:
        done = self.annotators[who].redo()
        assert (done is None) == (not self.future[who])
        if done is not None:
            self.past[who].append(self.future[who].pop())

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @invariant()
    def labels_are_those_of_the_model(self) -> None:
        for who, past in self.past.items():
            rows = self.store.current(annotator=who)
            assert {(row.target, row.name): row.value for row in rows} == past[-1]

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestUndoModel = UndoModel.TestCase
TestUndoModel.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_texts_are_parsed_under_ones_definitions(annotator: Annotator) -> None:
    assert annotator.parse("verdict", "fail") is False and annotator.parse("note", "x") == "x"
    with pytest.raises(BadInput, match="did you mean verdict"):
        annotator.parse("verdct", "fail")
