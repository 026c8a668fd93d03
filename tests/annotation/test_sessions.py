"""Sessions: what is kept, where they go on, and that a state kept in memory is the one that the file tells."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from traceview.annotation import Annotator
from traceview.annotation.session_state import BREAK_SECONDS, STOP_EVERY, SessionState, agreement_pairs
from traceview.annotation.session_summary import summarise
from traceview.annotation.session_words import passed_words, summary_lines
from traceview.annotation.session_work import SessionWork, find_session, open_sessions
from traceview.definitions.feedback import VERDICT
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.model.sessions import Session, SessionEvent, SessionItem
from traceview.store.labels import sessions as stored
from traceview.store.labels.store import LabelStore

TONE = FeedbackDefinition("tone", "categorical", ("trace", "span"), "tonehash", choices=("formal", "rude"))
DEFINITIONS = (VERDICT, TONE)


def target(number: int) -> Target:
    return Target("trace", f"t{number}", f"t{number}")


def items(count: int, repeats: dict[int, int] | None = None) -> list[SessionItem]:
    """`count` places of as many targets, and the places that ask again: first place by its position."""
    found = [SessionItem(number, target(number), 0.5, "at random") for number in range(count)]
    for first in (repeats or {}).values():
        found.append(SessionItem(len(found), target(first), 0.5, "again", repeat_of=first))
    return found


def made(store: LabelStore, count: int, *, name: str = "s", repeats: dict[int, int] | None = None, **given):
    """A session of the annotator ann that asks for the verdict."""
    session = Session("", name, "ann", "", "trace", "random:9", 7, required=("verdict",), **given)
    return stored.add_session(store, session, items(count, repeats))


@pytest.fixture
def store(tmp_path: Path):
    opened = LabelStore.open(tmp_path / "a.labels.db")
    yield opened
    opened.close()


@pytest.fixture
def annotator(store: LabelStore) -> Annotator:
    return Annotator(store, DEFINITIONS, "ann")


def label(work: SessionWork, position: int, value: bool | str = True, name: str = "verdict") -> None:
    action = work.annotator.set_value(
        [work.state.items[position].target], name, value, place=work.place(position)
    )
    work.take(action, position)


def test_what_was_decided_is_kept_word_for_word(store: LabelStore) -> None:
    session = made(store, 3, filter="kind:tool", blind=True, definitions={"verdict": VERDICT.hash}, of=40)
    assert stored.sessions(store) == (session,)
    assert (session.size, session.of, session.seed, session.filter) == (3, 40, 7, "kind:tool")
    assert list(stored.items(store, session.id)) == items(3)


def test_nothing_of_a_session_can_be_changed_or_removed(store: LabelStore, tmp_path: Path) -> None:
    session = made(store, 1)
    store.transact(lambda transaction: stored.add_event(transaction, "shown", session.id, 0)).result()
    connection = sqlite3.connect(tmp_path / "a.labels.db")
    for table, column in (("sessions", "name"), ("session_items", "reason"), ("session_events", "kind")):
        for statement in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
                connection.execute(statement)
    connection.close()


def test_a_session_goes_on_at_the_item_that_was_on_the_screen(annotator: Annotator) -> None:
    session = made(annotator.store, 4)
    work = SessionWork.open(annotator, session)
    assert work.state.resume() == 0
    work.see_soon(0)
    label(work, 0)
    # Killed here: the label is on disk, that the next item was shown is not.
    assert SessionWork.open(annotator, session).state.resume() == 1
    work.see_soon(1).result()
    assert SessionWork.open(annotator, session).state.resume() == 1
    # Looked ahead without a value: that is where it goes on, and the open one before it is not forgotten.
    work.see_soon(3).result()
    again = SessionWork.open(annotator, session).state
    assert again.resume() == 3 and again.open_places() == [1, 2, 3]
    label(work, 3)
    assert work.state.next_open(3) == 1


def test_what_is_deferred_comes_at_the_end(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 4))
    work.see_soon(1)
    work.defer_soon(1).result()
    for state in (work.state, SessionWork.open(annotator, work.session).state):
        assert state.path() == [0, 2, 3, 1] and state.deferred == (1,)
        assert state.resume() == 2, "what stood behind it comes next"
    work.see_soon(1)
    work.defer_soon(1).result()
    for state in (work.state, SessionWork.open(annotator, work.session).state):
        assert state.path() == [0, 2, 3, 1] and state.resume() == 0, (
            "the last one again: begin with the others"
        )
    label(work, 1)
    assert work.state.deferred == () and work.state.number(1) == 4


def test_a_state_read_before_the_last_steps_does_not_undo_them(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 4))
    for step in (
        lambda: label(work, 0),
        lambda: work.defer_soon(1).result(),
        lambda: work.see_soon(2).result(),
    ):
        steps, before = work.steps, work.read_again()
        step()
        assert not work.take_up(before, steps)
        assert work.take_up(work.read_again(), work.steps)
        assert work.state.done(0) and work.state.shown in (None, 2)
    assert work.state.path() == [0, 2, 3, 1]


def test_what_is_read_again_knows_the_events_that_were_on_their_way(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 40))
    for position in range(30):
        work.defer_soon(position)
        assert work.read_again().path() == work.state.path()


def test_values_of_before_count_unless_the_session_asks_afresh(annotator: Annotator) -> None:
    annotator.set_value([target(0)], "verdict", True)
    known = SessionWork.open(annotator, made(annotator.store, 2))
    afresh = SessionWork.open(annotator, made(annotator.store, 2, fresh=True))
    assert [known.state.done(0), afresh.state.done(0)] == [True, False]
    assert known.state.resume() == 1 and afresh.state.resume() == 0
    label(afresh, 0, False)
    assert afresh.state.done(0)


def test_a_place_that_asks_again_does_not_know_the_first_answer(annotator: Annotator) -> None:
    session = made(annotator.store, 2, repeats={2: 0})
    work = SessionWork.open(annotator, session)
    label(work, 0, True)
    label(work, 1, False)
    assert not work.state.done(2) and work.state.values_at(2) == {}
    label(work, 2, False)
    assert work.state.done(2) and work.state.resume() is None
    for state in (work.state, SessionWork.open(annotator, session).state):
        assert agreement_pairs(state) == {"verdict": [(True, False)]}


def test_an_item_that_was_deferred_is_not_answered_by_its_return(annotator: Annotator) -> None:
    session = made(annotator.store, 2, repeats={2: 0})
    work = SessionWork.open(annotator, session)
    work.see_soon(0)
    work.defer_soon(0).result()
    label(work, 1, True)
    label(work, 2, False)
    for state in (work.state, SessionWork.open(annotator, session).state):
        assert state.open_places() == [0] and state.values_at(0) == {}
        assert state.counted_at(0, annotator.current(target(0))) == []
    label(work, 0, True)
    assert agreement_pairs(work.state) == {"verdict": [(True, False)]}


def test_an_undo_opens_the_place_again_and_says_where(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 2))
    label(work, 0)
    label(work, 1)
    undone = annotator.undo()
    assert undone is not None
    assert work.state.place_of(undone.affected) == 1
    work.take(undone, None)
    assert [work.state.done(0), work.state.done(1)] == [True, False]
    redone = annotator.redo()
    assert redone is not None
    work.take(redone, None)
    assert work.state.done(1)


def test_a_definition_that_is_gone_asks_nothing(annotator: Annotator) -> None:
    session = Session("", "two", "ann", "", "trace", "all", 1, required=("verdict", "gone"))
    session = stored.add_session(annotator.store, session, items(1))
    work = SessionWork.open(annotator, session)
    label(work, 0)
    assert work.state.required == ("verdict",) and work.state.done(0)


def at(seconds: float) -> str:
    return f"2026-11-29T{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:09.6f}Z"


def test_the_pace_is_a_median_without_breaks() -> None:
    session = Session("s", "s", "ann", at(0), "trace", "all", 1, required=("verdict",))
    moments = ((0, 0.0, 4.0), (1, 4.0, 14.0), (2, 14.0, 14.0 + BREAK_SECONDS + 1), (3, 700.0, 706.0))
    events, rows = [], []
    for position, seen, labelled in moments:
        events.append(SessionEvent(f"{position}a", "s", "shown", at(seen), position))
        row = LabelRow(
            f"r{position}",
            target(position),
            "verdict",
            True,
            "human",
            "ann",
            at(labelled),
            action_id=f"{position}",
        )
        rows.append(row)
        events.append(SessionEvent(f"{position}b", "s", "labelled", at(labelled), position, f"{position}"))
    state = SessionState(session, items(6), events, rows)
    assert state.seconds == (4.0, 10.0, 6.0) and state.median_seconds == 6.0 and state.seconds_left == 12.0


def test_a_stop_comes_once_for_each_so_many_items(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, STOP_EVERY + 1))
    reached = []
    for position in range(STOP_EVERY + 1):
        label(work, position)
        if work.state.take_stop():
            reached.append(position)
    assert reached == [STOP_EVERY - 1]
    assert not SessionWork.open(annotator, work.session).state.take_stop(), "not again after a restart"


def test_the_pass_rate_so_far_is_of_each_item_once(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 4, repeats={4: 0}))
    assert passed_words(work.state) == ""
    for position, value in ((0, True), (1, False), (2, "n/a"), (3, True), (4, False)):
        label(work, position, value)
    assert work.state.passed() == {"verdict": (2, 3)} and passed_words(work.state) == "67% pass"
    work.take(annotator.undo(), None)
    work.take(annotator.undo(), None)
    assert work.state.passed() == {"verdict": (1, 2)}
    two = Session("", "two", "ann", "", "trace", "all", 7, required=("verdict", "tone"))
    work = SessionWork.open(annotator, stored.add_session(annotator.store, two, items(2)))
    # What was given elsewhere makes no rate of a session in which nothing is labelled.
    assert passed_words(work.state) == ""
    for position in range(2):
        label(work, position, TONE.choices[0], "tone")
    assert passed_words(work.state) == "verdict 50% pass"


def test_saturation_counts_the_items_since_a_new_failure_mode(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 5))
    counts = []
    for position, modes in enumerate((("a",), ("a", "b"), ("b",), None, ("known",))):
        if modes:
            work.take(
                annotator.set_value([target(position)], "mode", modes, place=work.place(position)), position
            )
        label(work, position)
        counts.append(work.state.since_new_mode(known={"known"}))
    assert counts == [0, 0, 1, 2, 3]


def test_an_item_that_comes_back_is_none_more_without_a_new_failure_mode(annotator: Annotator) -> None:
    work = SessionWork.open(annotator, made(annotator.store, 3, repeats={2: 0}))
    work.take(annotator.set_value([target(0)], "mode", ("a",), place=work.place(0)), 0)
    for position in range(len(work.state.items)):
        label(work, position)
    assert work.state.completed == (0, 1, 2, 3)
    assert work.state.since_new_mode() == 2


def test_a_session_belongs_to_one_annotator_and_is_found_by_name_or_id(annotator: Annotator) -> None:
    first, second = made(annotator.store, 1, name="week"), made(annotator.store, 1, name="week")
    assert find_session(annotator.store, "week") == second
    assert find_session(annotator.store, first.id) == first
    for text, word in (("weak", "there are: week"), (first.id[:4], "give more")):
        with pytest.raises(BadInput) as caught:
            find_session(annotator.store, text)
        assert word in f"{caught.value.message} {caught.value.hint}"
    with pytest.raises(BadInput, match="belongs to ann"):
        SessionWork.open(Annotator(annotator.store, DEFINITIONS, "bob"), first)


def test_the_session_worked_on_last_is_the_open_one(annotator: Annotator) -> None:
    first, second = made(annotator.store, 1, name="first"), made(annotator.store, 1, name="second")
    SessionWork.open(annotator, first).see_soon(0).result()
    assert [session.name for session in open_sessions(annotator.store, "ann")] == ["second", "first"]
    SessionWork.open(annotator, first).close_soon().result()
    assert open_sessions(annotator.store, "ann") == (second,)
    SessionWork.open(annotator, first).close_soon(False).result()
    assert open_sessions(annotator.store, "ann")[-1] == first
    assert open_sessions(annotator.store, "bob") == ()


def test_sessions_of_another_file_are_merged_once_and_shown_over_a_read_only_one(tmp_path: Path) -> None:
    other = LabelStore.open(tmp_path / "other.labels.db")
    theirs = made(other, 2)
    work = SessionWork.open(Annotator(other, DEFINITIONS, "ann"), theirs)
    label(work, 0)
    other.close()
    store = LabelStore.open(tmp_path / "a.labels.db")
    assert [stored.merge_sessions(store, tmp_path / "other.labels.db") for _ in range(2)] == [1, 0]
    assert stored.sessions(store) == (theirs,) and len(stored.items(store, theirs.id)) == 2
    assert len(stored.events(store, theirs.id)) == 1
    store.close()
    over = LabelStore.open(tmp_path / "new.labels.db", base=tmp_path / "other.labels.db")
    mine = SessionWork.open(Annotator(over, DEFINITIONS, "ann"), theirs)
    assert mine.state.resume() == 1
    label(mine, 1)
    assert SessionWork.open(mine.annotator, theirs).state.done_count == 2
    over.backup(tmp_path / "copy.db")
    over.close()
    copy = LabelStore.open(tmp_path / "copy.db", readonly=True)
    assert len(stored.events(copy, theirs.id)) == 2 and stored.sessions(copy) == (theirs,)
    copy.close()


class Working(RuleBasedStateMachine):
    """Whatever is done, who opens the session anew finds the state of who worked on it."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.store = LabelStore.open(Path(self.directory.name) / "a.labels.db")
        annotator = Annotator(self.store, DEFINITIONS, "ann")
        annotator.set_value([target(1)], "verdict", False)
        self.work = SessionWork.open(annotator, made(self.store, 4, repeats={4: 0, 5: 1}))

    @rule(position=st.integers(0, 5))
    def see(self, position: int) -> None:
        self.work.see_soon(position).result()

    @rule(position=st.integers(0, 5))
    def defer(self, position: int) -> None:
        self.work.defer_soon(position).result()

    @rule(position=st.integers(0, 5), value=st.booleans())
    def label(self, position: int, value: bool) -> None:
        label(self.work, position, value)

    @rule(number=st.integers(0, 3), value=st.booleans())
    def label_outside(self, number: int, value: bool) -> None:
        self.work.take(self.work.annotator.set_value([target(number)], "verdict", value), None)

    @rule(position=st.integers(0, 5))
    def clear(self, position: int) -> None:
        place = self.work.place(position)
        action = self.work.annotator.clear([self.work.state.items[position].target], "verdict", place=place)
        if action is not None:
            self.work.take(action, position)

    @rule(redo=st.booleans())
    def reverse(self, redo: bool) -> None:
        action = self.work.annotator.redo() if redo else self.work.annotator.undo()
        if action is not None:
            self.work.take(action, None)

    @precondition(lambda self: self.work.state.shown is not None)
    @invariant()
    def the_way_holds_every_place_once(self) -> None:
        assert sorted(self.work.state.path()) == list(range(6))

    @invariant()
    def the_file_tells_the_same(self) -> None:
        live, told = self.work.state, SessionWork.open(self.work.annotator, self.work.session).state
        for state in (live, told):
            assert state.resume() is None or not state.done(state.resume())
        places = range(len(live.items))
        assert [told.values_at(one) for one in places] == [live.values_at(one) for one in places]
        assert [told.given_at(one) for one in places] == [live.given_at(one) for one in places]
        assert (told.path(), told.resume(), told.deferred) == (live.path(), live.resume(), live.deferred)
        assert agreement_pairs(told) == agreement_pairs(live)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()


TestWorking = Working.TestCase
TestWorking.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("rule_", ["all", "unlabelled", "random:9"])
def test_half_of_a_list_in_its_order_says_nothing_of_the_other_half(
    store: LabelStore, annotator: Annotator, rule_: str
) -> None:
    session = stored.add_session(
        store,
        Session(
            "", "s", "ann", "", "trace", rule_, 7, required=("verdict",), definitions={"verdict": "h"}, of=8
        ),
        items(4),
    )
    work = SessionWork.open(annotator, session)
    for position in range(4):
        (rate,) = summarise(work.state, DEFINITIONS).rates
        words = "\n".join(summary_lines(session, work.state, summarise(work.state, DEFINITIONS)))
        if position:
            assert "so far" in words
            assert (rate.weighted.value is None) == (rule_ != "random:9")
            assert ("order of the list" in words) == (rule_ != "random:9")
        label(work, position)
    (rate,) = summarise(work.state, DEFINITIONS).rates
    words = "\n".join(summary_lines(session, work.state, summarise(work.state, DEFINITIONS)))
    assert rate.weighted.value == 1 and "so far" not in words


def test_an_optional_value_that_was_given_on_some_items_says_nothing_of_the_others(store: LabelStore) -> None:
    extra = FeedbackDefinition("polite", "boolean", ("trace",), "politehash")
    annotator = Annotator(store, (*DEFINITIONS, extra), "ann")
    asked = {"verdict": VERDICT.hash, "polite": "politehash"}
    session = Session(
        "", "s", "ann", "", "trace", "random:9", 7, required=("verdict",), definitions=asked, of=40
    )
    work = SessionWork.open(annotator, stored.add_session(store, session, items(4)))
    for position in range(3):
        label(work, position)
    label(work, 0, False, "polite")
    verdict, polite = summarise(work.state, (VERDICT, extra)).rates
    assert verdict.weighted.value == 1
    assert (polite.passed, polite.of, polite.weighted.value) == (0, 1, None)
    assert polite.weighted.reason.startswith("not known: 2 items were done without a value")
    for position in (1, 2):
        label(work, position, "n/a" if position == 1 else True, "polite")
    _, polite = summarise(work.state, (VERDICT, extra)).rates
    assert polite.weighted.value == 0.5


def test_values_of_another_wording_are_told_apart(store: LabelStore) -> None:
    before = FeedbackDefinition("polite", "boolean", ("trace",), "before")
    now = FeedbackDefinition("polite", "boolean", ("trace",), "now")
    session = Session(
        "", "s", "ann", "", "trace", "random:9", 7, required=("polite",), definitions={"polite": "before"}
    )
    kept = stored.add_session(store, session, items(3))
    for position, definition in enumerate((before, now)):
        label(SessionWork.open(Annotator(store, (definition,), "ann"), kept), position, True, "polite")
    work = SessionWork.open(Annotator(store, (now,), "ann"), kept)
    summary = summarise(work.state, (now,))
    assert summary.other_wording == {"polite": 1}
    words = "\n".join(summary_lines(kept, work.state, summary))
    assert "1 of 2 under another wording of polite" in words
