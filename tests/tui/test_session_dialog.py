"""Sessions of every kind are begun from the app: what they are is chosen by key, how many items is said first."""

from __future__ import annotations

from pathlib import Path

import pytest

from traceview.store.labels import sessions as stored
from traceview.tui.commands import commands_of
from traceview.tui.panels.pick import PickScreen
from traceview.tui.panels.picker import ValuePicker
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.session_dialog import SessionDialog
from traceview.tui.widgets.lines import Bar, Lines
from tui.annotating import settled
from tui.sample_app import sample_app

SPAN = '[feedback.used_well]\ntype = "boolean"\nscope = "span"\npass_means = "The step helped."\n'


@pytest.fixture
def app(tmp_path: Path):
    with sample_app(tmp_path) as found:
        yield found


async def listed(app, pilot) -> ListScreen:
    await settled(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.rows.row is not None)
    await settled(pilot, lambda: app.screen.selection is not None)
    return app.screen


async def dialog_by(app, pilot, *letters: str) -> SessionDialog:
    await pilot.press("A")
    await settled(pilot, lambda: isinstance(app.screen, PickScreen) and app.screen.query("VirtualList"))
    await pilot.pause()
    await pilot.press(*letters, "enter")
    await settled(pilot, lambda: isinstance(app.screen, SessionDialog) and app.screen.query("Lines"))
    return app.screen


async def known(pilot, dialog: SessionDialog) -> str:
    await settled(pilot, lambda: dialog._found is not None or dialog._problem)
    await pilot.pause()
    return dialog.query_one("#session-below", Lines).plain


def choices(dialog: SessionDialog) -> str:
    return dialog.query_one("#session-choices", Lines).plain


def sessions_of(app) -> list[tuple[str, str, int, bool, list[str]]]:
    found = stored.sessions(app.context.annotator.store)
    return [(one.kind, one.rule, one.size, one.blind, list(one.definitions)) for one in found]


async def test_rule_questions_blindness_and_name_are_chosen_by_key(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, pilot)
        dialog = await dialog_by(app, pilot, *"outliers")
        assert "25 of 1,800 traces" in await known(pilot, dialog)
        await pilot.press("equals_sign", *["backspace"] * 20, *"random:x", "enter")
        assert "random" in dialog._problem and "typing" in str(dialog.classes), "a wrong rule keeps its field"
        await pilot.press("backspace", "7", "enter")
        assert "7 of 1,800 traces" in await known(pilot, dialog)
        await pilot.press("down", "down", "equals_sign")
        await settled(pilot, lambda: isinstance(app.screen, ValuePicker))
        await pilot.press("space", "down", "down", "space", "enter")
        await settled(pilot, lambda: app.screen is dialog)
        await pilot.press("down", "right", "down", "equals_sign", *"mine", "enter")
        assert "blind   yes" in choices(dialog) and "name    mine" in choices(dialog)
        await known(pilot, dialog)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
    asked = ["right_user", "format", "handled_errors"]
    assert sessions_of(app) == [("trace", "random:7", 7, True, asked)]
    assert stored.sessions(app.context.annotator.store)[0].name == "mine"


async def test_a_session_of_the_documents_of_marked_traces(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await listed(app, pilot)
        screen.set_filter("sign-on")
        await settled(pilot, lambda: screen.searched is None and 0 < len(screen.selection or ()) < 500)
        await pilot.press("X")
        dialog = await dialog_by(app, pilot, *"retrieved")
        assert "documents of" in await known(pilot, dialog) and "that match" in await known(pilot, dialog)
        assert "marked traces, and what they hold" in choices(dialog)
        count = len(dialog._found.items)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
        (session,) = stored.sessions(app.context.annotator.store)
        items = stored.items(app.context.annotator.store, session.id)
        assert len({one.target for one in items}) == count and all(one.target.document for one in items)


async def test_a_session_of_the_threads_of_marked_traces(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, pilot)
        await pilot.press("x", "x", "x", "x")
        dialog = await dialog_by(app, pilot, *"marked")
        assert "4 of 4 traces" in await known(pilot, dialog)
        await pilot.press("up", "right")
        assert "2 threads of 4 marked traces" in await known(pilot, dialog)
        assert "marked   the 4 marked traces: the threads they are in" in choices(dialog)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
        (session,) = stored.sessions(app.context.annotator.store)
        items = stored.items(app.context.annotator.store, session.id)
        assert [one.target.kind for one in items] == ["thread"] * 2 and session.name == "marked of threads"


async def test_a_kind_that_nothing_asks_about_says_so_and_takes_a_definition_written_there(
    app, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traceview.tui.external.edit_text", lambda *given: SPAN)
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, pilot)
        dialog = await dialog_by(app, pilot, *"single")
        assert "no definition is about a span" in await known(pilot, dialog)
        await pilot.press("enter")
        assert app.screen is dialog, "there is nothing to begin"
        await pilot.press("down", "down", "equals_sign")
        await settled(pilot, lambda: dialog._found is not None)
        said = "50 of 12,109 spans · 52 to label, as 2 come a second time"
        assert said in await known(pilot, dialog) and "used_well" in choices(dialog)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
        await settled(pilot, lambda: "1 of 52" in app.screen.query_one("#title", Bar).plain)
        assert app.screen.session.target.kind == "span"
    assert sessions_of(app)[0][:2] == ("span", "random:50")
    assert stored.sessions(app.context.annotator.store)[0].name == "random:50 of spans"


async def test_the_same_plan_again_goes_on_with_the_session_that_is_open(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, pilot)
        for _ in range(2):
            dialog = await dialog_by(app, pilot, *"oddest")
            said = await known(pilot, dialog)
            await pilot.press("enter")
            await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
            await pilot.press("escape")
            await listed(app, pilot)
        assert "it is open" in said
    assert len(sessions_of(app)) == 1


async def test_an_open_trace_offers_sessions_over_its_spans(app) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await listed(app, pilot)
        await pilot.press("enter")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
        run = {one.title: one.run for one in commands_of(app.screen)}["label: session of retrieved documents"]
        run()
        await settled(pilot, lambda: isinstance(app.screen, SessionDialog) and app.screen.query("Lines"))
        assert "marked   the one trace, and what it holds" in choices(app.screen)


async def test_what_is_typed_behind_the_key_narrows_the_sessions_and_sets_off_no_keys_of_the_list(
    app,
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await listed(app, pilot)
        await pilot.press("A", *"retrieved", "enter")
        await settled(pilot, lambda: isinstance(app.screen, SessionDialog) and app.screen.query("Lines"))
        assert app.screen.plan.documents and app.screen_stack[-2] is screen
