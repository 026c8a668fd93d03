"""A session in the app: frozen list, next open item, deferral, undo across items, resuming, the summary."""

from __future__ import annotations

import threading
from typing import Any

from traceview.annotation import Annotator
from traceview.annotation.session_choosing import Plan
from traceview.annotation.session_work import SessionWork, open_sessions
from traceview.model.sessions import SessionItem
from traceview.store.labels import sessions as stored
from traceview.store.labels.store import LabelStore
from traceview.tui.panels.pick import PickScreen
from traceview.tui.screens.help import HelpScreen
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.session_dialog import SessionDialog
from traceview.tui.screens.sessions import SummaryScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.lines import Bar, Lines
from tui.annotating import EFFORT, GROUNDED, TONE, app_with, panel_text, rows, screen_of, settled, store

__all__ = ["store"]


async def in_session(app, pilot) -> ItemScreen[Any]:
    await settled(
        pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.query("AnnotatePanel")
    )
    await settled(pilot, lambda: screen_of(app).panel.kept.ready and screen_of(app).panel.open)
    return screen_of(app)


async def at(app, pilot, position: int) -> None:
    def there() -> bool:
        screen = app.screen
        return (
            isinstance(screen, ItemScreen)
            and screen.session is not None
            and screen.session.place.position == position
            and not screen.panel.kept.waiting
        )

    await settled(pilot, there)


def the_session(store: LabelStore) -> tuple[Any, tuple[SessionItem, ...]]:
    (session,) = stored.sessions(store)
    return session, stored.items(store, session.id)


def title(app) -> str:
    return app.screen.query_one("#title", Bar).plain


async def test_a_session_goes_through_its_frozen_list_and_ends_with_a_summary(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE, plan=Plan(rule="random:3", define=("grounded",), seed=4))
    async with app.run_test(size=(140, 40)) as pilot:
        await in_session(app, pilot)
        session, items = the_session(store)
        assert [item.probability for item in items] == [0.1] * 3 and session.of == 30
        assert screen_of(app).target == items[0].target
        assert "tone" not in panel_text(app), "only what the session asks for"
        assert "1 of 3" in title(app) and "0 labelled" in title(app)
        await pilot.press("question_mark")
        await settled(pilot, lambda: isinstance(app.screen, HelpScreen) and app.screen.lines)
        assert app.screen.query_one(Lines).plain.startswith("Labelling\n1 … 9"), "what one is about to press"
        await pilot.press("escape")
        for position, key in enumerate("12"):
            await pilot.press(key)
            await at(app, pilot, position + 1)
        assert "3 of 3" in title(app) and "2 labelled" in title(app) and "s each" in title(app)
        assert "50% pass" in title(app)
        await pilot.press("b")
        await settled(pilot, lambda: "% pass" not in title(app))
        # Labelled in the tree, with the keys in the detail: the end of the session leaves both.
        await pilot.press("t")
        await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and screen_of(app).panel.kept.ready)
        await pilot.press("tab")
        await settled(pilot, lambda: app.screen.in_detail)
        await pilot.press("0")
        await settled(pilot, lambda: isinstance(app.screen, SummaryScreen))
        await settled(pilot, lambda: "3 of 3 items labelled" in app.screen.query_one("#summary", Lines).plain)
        assert "pass 1  fail 1  n/a 1" in app.screen.query_one("#summary", Lines).plain
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))
    given = [(row.target, row.value, row.session) for row in store.current()]
    assert given == [
        (item.target, value, session.id) for item, value in zip(items, (True, False, "n/a"), strict=True)
    ]


async def test_the_next_start_goes_on_at_the_item_that_was_shown(store: LabelStore) -> None:
    plan = Plan(rule="random:4")
    app = app_with(store, GROUNDED, plan=plan)
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        await pilot.press("1")
        await at(app, pilot, 1)
        await pilot.press("J")
        await at(app, pilot, 2)
    again = app_with(store, GROUNDED, plan=plan)
    async with again.run_test(size=(120, 30)) as pilot:
        await in_session(again, pilot)
        await at(again, pilot, 2)
        assert len(stored.sessions(store)) == 1, "the same plan takes up the session that is open"
        await pilot.press("2")
        await at(again, pilot, 3)
        await pilot.press("2")
        await at(again, pilot, 1)
    named = app_with(store, GROUNDED, resume="random:4")
    async with named.run_test(size=(120, 30)) as pilot:
        await in_session(named, pilot)
        await at(named, pilot, 1)


async def test_a_deferred_item_comes_at_the_end(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:3"))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        await pilot.press("d")
        await at(app, pilot, 1)
        assert "1 deferred" in title(app)
        for position, following in ((1, 2), (2, 0)):
            await pilot.press("1")
            await at(app, pilot, following)
            assert len(rows(store)) == position
        assert "3 of 3" in title(app)


async def test_an_undo_leads_back_to_the_item_it_is_about(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:3"))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        await pilot.press("1")
        await at(app, pilot, 1)
        await pilot.press("u")
        await at(app, pilot, 0)
        assert rows(store) == []
        await pilot.press("2")
        await at(app, pilot, 1)
        assert [value for _, _, value in rows(store)] == [False]


async def test_an_item_that_comes_back_shows_nothing_of_the_first_answer(store: LabelStore) -> None:
    annotator = Annotator(store, (GROUNDED,), "me")
    app = app_with(store, GROUNDED, plan=Plan(rule="random:30", seed=2))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        session, items = the_session(store)
        repeat = next(item for item in items if item.repeat_of is not None)
        assert repeat.position - repeat.repeat_of > 10
        work = SessionWork.open(annotator, session)
        first = repeat.repeat_of
        annotator.set_value([repeat.target], "grounded", True, place=work.place(first))
        work.see_soon(repeat.position).result()
    again = app_with(store, GROUNDED, resume="")
    async with again.run_test(size=(120, 30)) as pilot:
        await in_session(again, pilot)
        await at(again, pilot, repeat.position)
        assert not screen_of(again).panel.state.own
        await pilot.press("2")
        await settled(pilot, lambda: screen_of(again).session.place.position != repeat.position)
    state = SessionWork.open(annotator, session).state
    assert state.given_at(first) == {"grounded": True} and state.given_at(repeat.position) == {
        "grounded": False
    }


async def test_a_blind_session_is_blind_and_its_rows_say_so(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:2", blind=True))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        assert screen_of(app).panel.hides_identity
        await pilot.press("1")
        await at(app, pilot, 1)
        await pilot.press("b", "1")
        await settled(pilot, lambda: len(rows(store)) == 2)
    assert [row.blind for row in store.current()] == [True, False]
    assert not SessionWork.open(
        Annotator(store, (GROUNDED,), "me"), open_sessions(store, "me")[0]
    ).state.blind


async def test_a_session_is_begun_from_a_list_over_what_is_marked(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, EFFORT)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
        await pilot.press("x", "x", "A")
        await settled(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("VirtualList"))
        await pilot.pause()
        await pilot.press(*"marked", "enter")
        await settled(pilot, lambda: isinstance(app.screen, SessionDialog) and app.screen._found)
        await pilot.press("enter")
        await in_session(app, pilot)
        session, items = the_session(store)
        assert session.rule == "marked" and [item.target.id for item in items] == [
            "trace-000029",
            "trace-000028",
        ]
        await pilot.press("1")
        await at(app, pilot, 1)
        await pilot.press("escape")
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))
        await pilot.press("A")
        await settled(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("VirtualList"))
        await pilot.pause()
        await settled(pilot, lambda: app.screen.query_one("VirtualList").row_count > 1)
        assert "goes on with 2 of 2 · 1 labelled" in str(app.screen.query_one("VirtualList").row_at(1))
        await pilot.press(*"resume", "enter")
        await in_session(app, pilot)
        await at(app, pilot, 1)


async def test_a_plan_that_finds_nothing_says_why(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="re-review"))
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot, lambda: isinstance(app.screen, ListScreen))
        await settled(pilot, lambda: "older wording" in app.screen.query_one("#status", Bar).plain)
    assert stored.sessions(store) == ()


async def test_what_the_same_person_does_in_another_app_is_seen_here(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE, plan=Plan(rule="random:3"))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await in_session(app, pilot)
        session, items = the_session(store)
        await pilot.press("]")
        assert screen.panel.state.focus == 1
        await settled(pilot, lambda: screen._labels_version is not None)
        elsewhere = LabelStore.open(store.path)
        other = SessionWork.open(Annotator(elsewhere, (GROUNDED, TONE), "me"), session)
        other.annotator.set_value([items[1].target], "grounded", True, place=other.place(1))
        await settled(pilot, lambda: "1 labelled" in title(app), 400)
        assert screen.panel.state.focus == 1, "what is done here is not disturbed"
        other.annotator.set_value([items[0].target], "tone", "rude", place=other.place(0))
        await settled(pilot, lambda: screen.panel.state.own == {"tone": "rude"}, 400)
        elsewhere.close()
        assert screen.panel.state.focus == 0, "the first definition that is open"
        await pilot.press("1")
        await at(app, pilot, 2)


async def test_keys_typed_before_a_session_is_there_do_nothing_to_the_list(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:3"))
    free = threading.Event()
    app.context.engine.wait_ready = lambda on_progress=None: free.wait(10)  # type: ignore[method-assign]
    async with app.run_test(size=(140, 40)) as pilot:
        await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
        await settled(pilot, lambda: app.screen.is_asking("session"))
        await pilot.press("j", "c", "x", "r", "1", "enter")
        assert isinstance(app.screen, ListScreen) and app.screen.rows.cursor == 0 and not app.screen.marks.ids
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        free.set()
        await in_session(app, pilot)
        assert not rows(store)


async def test_a_label_file_that_is_moved_away_ends_no_session(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:3"))
    async with app.run_test(size=(140, 40)) as pilot:
        screen = await in_session(app, pilot)
        await settled(pilot, lambda: screen._labels_version is not None)
        for side in ("-wal", "-shm", ""):
            path = store.path.with_name(store.path.name + side)
            path.rename(path.with_name(f"away{side}"))
        gone = (
            "the label file was moved, removed or replaced: this session is not in it any more: put it back"
        )
        await settled(pilot, lambda: gone in app.screen.query_one("#status", Bar).plain, 400)
        # What this process still holds is written again with the next label.
        await pilot.press("1")
        await at(app, pilot, 1)
        assert [value for _, _, value in rows(store)] == [True]


async def test_the_other_list_does_not_begin_the_session_again(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, plan=Plan(rule="random:3"))
    async with app.run_test(size=(120, 30)) as pilot:
        await in_session(app, pilot)
        await pilot.press("f3")
        await settled(
            pilot,
            lambda: (
                isinstance(app.screen, ListScreen)
                and app.screen.level == "threads"
                and app.screen.rows.row is not None
            ),
        )
        await pilot.pause(0.2)
        assert isinstance(app.screen, ListScreen) and app.screen.level == "threads"
