"""The annotate panel: one key, one committed row, next item."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any, NoReturn

import pytest
from msgspec.structs import replace
from textual import events
from textual.widgets import Input

from traceview.annotation import Annotator
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import ListQuery
from traceview.store.labels.store import LabelStore
from traceview.text import human
from traceview.tui.app import TraceviewApp
from traceview.tui.panels.annotate import AnnotatePanel
from traceview.tui.panels.mode_picker import ModePicker
from traceview.tui.screens.item import ItemScreen
from traceview.tui.screens.label_history import HistoryScreen
from traceview.tui.widgets.footer import KeyFooter
from traceview.tui.widgets.lines import Bar, Lines
from traceview.tui.widgets.safe_input import SafeInput
from tui.annotating import (
    EFFORT,
    FLAWS,
    GROUNDED,
    PRICE,
    TONE,
    app_with,
    open_panel,
    panel_text,
    rows,
    screen_of,
    settled,
    store,
)

__all__ = ["store"]


async def test_one_key_saves_and_moves_on(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        assert "1 ✓ pass" in panel_text(app) and "2 ✗ fail" in panel_text(app) and "0 n/a" in panel_text(app)
        assert "Every link" in panel_text(app) and "At least one" in panel_text(app)
        await pilot.press("1")
        await settled(pilot, lambda: screen_of(app).target.id != first)
        second = screen_of(app).target.id
        await pilot.press("2")
        await settled(pilot, lambda: screen_of(app).target.id != second)
        assert rows(store) == [(first, "grounded", True), (second, "grounded", False)]


async def test_the_palette_labels_by_the_name_of_a_definition(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE, PRICE)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot, panel=False)
        first = screen_of(app).target.id
        for text in ("tone rude", "grounded fail"):
            await pilot.press("ctrl+p")
            await settled(pilot, lambda: not isinstance(app.screen, ItemScreen))
            await pilot.press(*("space" if letter == " " else letter for letter in text), "enter")
            await settled(pilot, lambda: isinstance(app.screen, ItemScreen))
        await settled(pilot, lambda: len(rows(store)) == 2)
        assert set(rows(store)) == {(first, "tone", "rude"), (first, "grounded", False)}
        # what is required is there: the app went on to the next item, as it does behind a key
        await settled(pilot, lambda: screen_of(app).target.id != first and screen_of(app).panel.kept.ready)
        second = screen_of(app).target.id
        await pilot.press("ctrl+p")
        await settled(pilot, lambda: not isinstance(app.screen, ItemScreen))
        await pilot.press(*"price", "enter")
        await settled(pilot, lambda: screen_of(app).panel.open and isinstance(app.focused, Input))
        await pilot.press(*"42", "enter")
        await settled(pilot, lambda: len(rows(store)) == 3)
        assert (second, "price", 42) in rows(store)


async def test_the_footer_begins_with_the_keys_that_label_while_the_panel_is_open(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_panel(app, pilot, panel=False)
        footer = app.screen.query_one(KeyFooter)
        assert "next definition" not in footer.plain
        await pilot.press("a")
        shown = "1 2 0 value  ] next definition  c note  u undo  J next"
        await settled(pilot, lambda: footer.plain.startswith(shown))
        await pilot.press("a")
        await settled(pilot, lambda: "1 2 0 value" not in footer.plain)


async def test_changing_a_value_on_a_complete_item_stays(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("1")
        await settled(pilot, lambda: screen_of(app).target.id != first)
        await pilot.press("K")
        await settled(pilot, lambda: screen_of(app).target.id == first and screen_of(app).panel.kept.ready)
        await pilot.press("2")
        await settled(pilot, lambda: rows(store) == [(first, "grounded", False)])
        await settled(pilot, lambda: "saved ✓" in panel_text(app))
        assert screen_of(app).target.id == first


async def test_optional_values_come_before_the_required_one(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE, EFFORT)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("right_square_bracket", "2", "right_square_bracket")
        await settled(pilot, lambda: rows(store) == [(first, "tone", "friendly")])
        assert screen_of(app).target.id == first
        assert screen_of(app).panel.state.own == {"tone": "friendly"}
        await pilot.press("D")
        await settled(pilot, lambda: rows(store) == [(first, "tone", "rude")])


def first_ids(app: TraceviewApp, count: int) -> list[str]:
    return [row["trace_id"] for row in app.context.engine.first_page(ListQuery("traces"), count).rows]


def status(app: TraceviewApp) -> str:
    return app.screen.query_one("#status", Bar).plain


def type_at_once(app: TraceviewApp, keys: str) -> None:
    """Send keys as a terminal does that had them all in one read."""
    for key in keys:
        app.post_message(events.Key(key, key))


@pytest.mark.parametrize("required", [1, 2])
async def test_keys_pressed_ahead_land_on_the_next_items_once_they_are_painted(
    store: LabelStore, required: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions = [replace(GROUNDED, name=f"required{number}") for number in range(required)]
    app = app_with(store, *definitions)
    painted: set[str] = set()
    unseen: list[str] = []
    paint, submit = TraceviewApp._display, AnnotatePanel._submit

    def display(self: TraceviewApp, screen: Any, shown: Any) -> None:
        paint(self, screen, shown)
        if isinstance(screen, ItemScreen) and screen.is_mounted:
            painted.update(target.id for target in screen.panel._targets)

    def note(self: AnnotatePanel, *args: Any) -> Any:
        unseen.extend(target.id for target in self._targets if target.id not in painted)
        return submit(self, *args)

    monkeypatch.setattr(TraceviewApp, "_display", display)
    monkeypatch.setattr(AnnotatePanel, "_submit", note)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        type_at_once(app, "12112212")
        await settled(pilot, lambda: len(rows(store)) == 8)
        assert [value for _, _, value in rows(store)] == [key == "1" for key in "12112212"]
        labelled = list(dict.fromkeys(target for target, _, _ in rows(store)))
        assert labelled == first_ids(app, 8 // required)
        assert not unseen


async def test_keys_typed_behind_the_last_item_change_nothing_on_it(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot, lambda: app.screen.query("#rows").first().row is not None)  # type: ignore[attr-defined]
        await pilot.press("G")
        await open_panel(app, pilot)
        last = screen_of(app).target.id
        type_at_once(app, "12")
        await settled(pilot, lambda: "1 key was not taken" in str(screen_of(app)._sentence))
        assert rows(store) == [(last, "grounded", True)]


async def test_a_value_typed_behind_a_walk_lands_where_the_walk_leads(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        type_at_once(app, "JJ1J2")
        await settled(pilot, lambda: len(rows(store)) == 2)
        here = first_ids(app, 6)
        # The first value completes its item and moves on, and the walk behind it goes one further.
        assert here[0] == first
        assert rows(store) == [(here[2], "grounded", True), (here[4], "grounded", False)]


async def test_what_is_typed_behind_a_note_key_goes_into_the_note(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        type_at_once(app, "1cu12")
        await settled(pilot, lambda: app.focused is not None and getattr(app.focused, "value", "") == "u12")
        assert rows(store) == [(first, "grounded", True)]
        assert screen_of(app).target.id == first


async def test_keys_on_a_screen_that_is_not_there_yet_do_no_harm(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot, lambda: app.screen.query("#rows").first().row is not None)  # type: ignore[attr-defined]
        app.post_message(events.Key("enter", None))
        type_at_once(app, "ztz1cuJ")
        await settled(pilot, lambda: isinstance(app.screen, ItemScreen) and app.screen.is_mounted)
        await pilot.pause()
        assert app.crash is None
        assert rows(store) == []


async def test_saved_is_said_only_after_the_commit(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, GROUNDED, TONE)
    stuck: Future[Any] = Future()
    annotator = app.context.annotator
    assert annotator is not None
    monkeypatch.setattr(annotator, "set_value_soon", lambda *args, **kwargs: stuck)
    monkeypatch.setattr(annotator.store, "waiting_for", lambda after=2.0: 4711)
    monkeypatch.setattr("traceview.tui.panels.saving.POLL_SECONDS", 0.02)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("1")
        assert "saving…" in panel_text(app) or "waiting" in panel_text(app)
        assert "saved ✓" not in panel_text(app)
        await settled(pilot, lambda: "waiting for process 4711" in panel_text(app))
        first = screen_of(app).target.id
        stuck.set_result(None)
        await settled(pilot, lambda: screen_of(app).target.id != first)


async def test_an_unsaved_label_is_said_kept_and_tried_again(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, TONE)
    annotator = app.context.annotator
    assert annotator is not None
    real = annotator.set_value_soon
    failures = [OSError("No space left on device")]

    def failing(*args: Any, **kwargs: Any) -> Future[Any]:
        if failures:
            broken: Future[Any] = Future()
            broken.set_exception(failures.pop())
            return broken
        return real(*args, **kwargs)

    monkeypatch.setattr(annotator, "set_value_soon", failing)
    monkeypatch.setattr("traceview.tui.panels.saving.RETRY_SECONDS", 0.2)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("1")
        await settled(pilot, lambda: "NOT SAVED: tone = formal" in panel_text(app))
        assert rows(store) == []
        await settled(pilot, lambda: rows(store) == [(first, "tone", "formal")])
        await settled(pilot, lambda: "NOT SAVED" not in panel_text(app))


async def test_undo_and_redo(store: LabelStore) -> None:
    app = app_with(store, TONE, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        panel = screen_of(app).panel
        await pilot.press("right_square_bracket", "2")
        await settled(pilot, lambda: len(rows(store)) == 1)
        await pilot.press("u")
        await settled(pilot, lambda: rows(store) == [] and panel.state.own == {})
        await pilot.press("ctrl+r")
        await settled(pilot, lambda: len(rows(store)) == 1 and panel.state.own == {"tone": "friendly"})
        # All of it can be read again; while blind nothing of others.
        Annotator(store, (TONE, GROUNDED), "bob").set_value([screen_of(app).target], "tone", "rude")
        for blind in (False, True):
            dict(screen_of(app).label_commands())["label: history of this item"]()
            await settled(pilot, lambda: isinstance(app.screen, HistoryScreen) and app.screen.lines)
            told = app.screen.query_one(Lines).plain
            assert ["friendly · human me" in told, "rude · human bob" in told] == [True, not blind]
            assert "taken back" in told and "done again" in told
            await pilot.press("escape", "b")


async def test_a_note_in_one_line(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("c", *"link [/] 1", "enter")
        await settled(pilot, lambda: rows(store) == [(first, "note", "link [/] 1")])
        assert "link [/] 1" in panel_text(app)
        await pilot.press("1")
        await settled(pilot, lambda: len(rows(store)) == 2)


async def test_the_note_field_names_its_item(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, PRICE)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("J")
        await settled(pilot, lambda: screen_of(app).target.id == first_ids(app, 2)[1])
        await settled(
            pilot, lambda: screen_of(app).panel.kept.ready and not screen_of(app).panel.kept.waiting
        )
        await pilot.press("c")
        await settled(pilot, lambda: asked_text(app).startswith("note on "))
        row = screen_of(app).cursor.place.row  # type: ignore[union-attr]
        assert asked_text(app) == f"note on {row['name']} {when(row)} · 2 of 30"
        await pilot.press("escape", "right_square_bracket", "equals_sign")
        await settled(pilot, lambda: asked_text(app).startswith("price of "))


def asked_text(app: TraceviewApp) -> str:
    """What stands over the panel's field, without the line breaks of its width."""
    shown: Any = app.screen.query_one("#panel-asked")
    return " ".join(shown.plain.split()) if shown.display else ""


def when(row: dict[str, Any]) -> str:
    return human.short_time(row["start_ns"], time.time_ns())


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_note_right_after_the_screen_moved_on_is_on_the_item_just_labelled(
    store: LabelStore, at_once: bool
) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first, second = first_ids(app, 2)
        if at_once:
            type_at_once(app, "2cwhy?")
        else:
            await pilot.press("2")
            await settled(pilot, lambda: screen_of(app).target.id == second)
            status = app.screen.query_one("#status")
            await settled(pilot, lambda: "saved ✓ grounded = fail · next item · K goes back" in status.plain)  # type: ignore[attr-defined]
            await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
            type_at_once(app, "cwhy?")
        await settled(pilot, lambda: isinstance(app.focused, SafeInput) and app.focused.value == "why?")
        assert screen_of(app).target.id == first and "1 of 30" in asked_text(app)
        await pilot.press("enter")
        await settled(pilot, lambda: (first, "note", "why?") in rows(store))
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
        # The value that completes the next one lands there, and so does what follows another key.
        await pilot.press("j", "c", "x", "enter")
        await settled(pilot, lambda: (second, "note", "x") in rows(store))
        assert screen_of(app).target.id == second


async def test_tab_completes_a_note_by_one_of_before(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first, second = first_ids(app, 2)
        annotator = app.context.annotator
        annotator.note(Target("trace", first, first), "no search before the link")
        annotator.note(Target("trace", "gone", "gone"), "search found nothing")
        await pilot.press("J", "c", "s", "e")
        offers = screen_of(app).query_one("#panel-offers", Lines)
        await settled(
            pilot, lambda: "Tab search found nothing" in offers.plain and "no search" in offers.plain
        )
        assert app.screen.query_one(KeyFooter).plain.strip().startswith("Enter accept"), "letters are text"
        await pilot.press("tab", "tab", "exclamation_mark", "enter")
        await settled(pilot, lambda: (second, "note", "no search before the link!") in rows(store))
        await pilot.press("c", "z", "tab")
        assert app.focused is not screen_of(app).query_one("#panel-field"), (
            "nothing to complete: the next pane"
        )


async def test_leaving_the_note_on_the_item_just_labelled_goes_on_again(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first, second = first_ids(app, 2)
        type_at_once(app, "1c")
        await settled(pilot, lambda: isinstance(app.focused, SafeInput))
        assert screen_of(app).target.id == first
        await pilot.press("escape")
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
        await pilot.press("full_stop")
        await settled(pilot, lambda: (second, "grounded", True) in rows(store))
        assert [name for _, name, _ in rows(store)] == ["grounded", "grounded"]


async def test_one_key_gives_what_the_item_before_has_and_keeps_what_is_there(store: LabelStore) -> None:
    app = app_with(store, GROUNDED, TONE, EFFORT)
    right = "right_square_bracket"
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        _, second, third, fourth = first_ids(app, 4)
        await pilot.press(right, "2", right, right, "5", "1")
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await pilot.press(right, "1", "full_stop")
        await settled(pilot, lambda: screen_of(app).target.id == third)
        await settled(pilot, lambda: "effort = 5, grounded = pass" in status(app))
        given = [(second, "tone", "formal"), (second, "effort", 5), (second, "grounded", True)]
        assert [row for row in rows(store) if row[0] == second] == given
        await pilot.press("full_stop")
        await settled(pilot, lambda: screen_of(app).target.id == fourth and screen_of(app).panel.kept.ready)
        assert [value for one, _, value in rows(store) if one == third] == ["formal", 5, True]
        await pilot.press("K")
        await settled(pilot, lambda: screen_of(app).target.id == third and screen_of(app).panel.kept.ready)
        await pilot.press("full_stop")
        await settled(pilot, lambda: "Nothing to repeat." in status(app))
        await pilot.press("u")
        await settled(pilot, lambda: third not in [one for one, _, _ in rows(store)])


async def test_a_correction_right_after_the_screen_moved_on_is_of_the_item_just_labelled(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, GROUNDED)
    names: list[str] = []

    def edited(app: object, text: str, name: str, pause: object) -> str:
        names.append(name)
        return f"better than {text}"

    monkeypatch.setattr("traceview.tui.screens.programs.edit_text", edited)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first, second = first_ids(app, 2)
        type_at_once(app, "2")
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
        # A failure mode, a note and a correction, each as the next key: all of the item just labelled.
        await pilot.press("#")
        await settled(pilot, lambda: isinstance(app.screen, ModePicker))
        await pilot.press(*"lost", "enter")
        await settled(pilot, lambda: (first, "mode", ("lost",)) in rows(store))
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
        await pilot.press("c")
        await settled(pilot, lambda: isinstance(app.focused, SafeInput))
        await pilot.press("x", "enter")
        await settled(pilot, lambda: (first, "note", "x") in rows(store))
        await settled(pilot, lambda: screen_of(app).target.id == second)
        await settled(pilot, lambda: not screen_of(app).panel.kept.waiting)
        await pilot.press("r")
        await settled(pilot, lambda: any(row.name == "correction" for row in store.current()))
        [row] = [row for row in store.current() if row.name == "correction"]
        assert row.target.id == first and str(row.value).startswith("better than ")
        assert len(names) == 1 and names[0].startswith("correction-of-") and names[0].endswith("1-of-30.md")
        await settled(pilot, lambda: screen_of(app).target.id == second)


async def test_all_definitions_are_back_once_the_note_is_written(store: LabelStore) -> None:
    definitions = (GROUNDED, TONE, EFFORT, PRICE, FLAWS)
    app = app_with(store, *definitions)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_panel(app, pilot)
        await pilot.pause()
        assert all(definition.name in panel_text(app) for definition in definitions)
        await pilot.press("c", "x", "enter")
        await settled(pilot, lambda: len(rows(store)) == 1)
        await settled(pilot, lambda: all(definition.name in panel_text(app) for definition in definitions))
        await pilot.press("c")
        await pilot.pause()
        # Drawn while the field takes its lines: not all fit now.
        screen_of(app).panel.step_definition(0)
        assert not all(definition.name in panel_text(app) for definition in definitions)
        await pilot.press("escape")
        await settled(pilot, lambda: all(definition.name in panel_text(app) for definition in definitions))


async def test_escape_leaves_the_field_and_the_screen_stays(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        here = app.screen
        await pilot.press("c", "x", "escape")
        assert app.screen is here
        assert rows(store) == []
        await pilot.press("escape")
        assert app.screen is not here


async def test_a_number_is_typed_in_a_field(store: LabelStore) -> None:
    app = app_with(store, PRICE)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("equals_sign", *"12.5", "enter")
        await settled(pilot, lambda: rows(store) == [(first, "price", 12.5)])


async def test_a_multi_definition_is_accepted_with_equals(store: LabelStore) -> None:
    app = app_with(store, FLAWS)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("1", "3")
        assert rows(store) == []
        await pilot.press("equals_sign")
        await settled(pilot, lambda: rows(store) == [(first, "flaws", ("a", "c"))])


@pytest.mark.parametrize(
    ("definition", "key", "said"),
    [
        (EFFORT, "0", "always applies"),
        (EFFORT, "9", "takes 1 2 3 4 5"),
        (TONE, "7", "3 choices"),
        (GROUNDED, "3", "1 2 0"),
    ],
)
async def test_a_key_that_is_no_value_says_so(
    store: LabelStore, definition: FeedbackDefinition, key: str, said: str
) -> None:
    app = app_with(store, definition)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press(key)
        await settled(pilot, lambda: said in app.screen.query_one("#status").plain)  # type: ignore[attr-defined]
        assert rows(store) == []


def judged(target_id: str) -> LabelRow:
    return LabelRow(
        "0192-judge",
        Target("trace", target_id, target_id),
        "grounded",
        False,
        "judge",
        "claude",
        "2026-11-01T10:00:00.000000Z",
    )


@pytest.mark.parametrize("blind", [True, False])
async def test_blind_hides_the_judge_the_model_and_the_version(store: LabelStore, blind: bool) -> None:
    store.append_now([judged("trace-000029")])
    app = app_with(store, GROUNDED, blind=blind)
    async with app.run_test(size=(140, 40)) as pilot:
        await open_panel(app, pilot)
        await pilot.pause(0.1)
        facts = app.screen.query_one("#facts").plain  # type: ignore[attr-defined]
        assert ("claude" in panel_text(app)) is not blind
        assert ("support@v" in facts) is not blind
        await pilot.press("1")
        await settled(pilot, lambda: any(row.annotator == "me" for row in store.current()))
        mine = [row for row in store.current() if row.annotator == "me"]
        assert [row.blind for row in mine] == [blind]


async def test_digits_only_open_a_closed_panel(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot, panel=False)
        await pilot.press("1")
        assert screen_of(app).panel.open
        assert rows(store) == []


async def test_without_a_label_store_it_says_so() -> None:
    why = "labels cannot be kept for several sources: name a file with --labels PATH"
    app = app_with(None, GROUNDED, label_sentence=why)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("1")
        await settled(pilot, lambda: screen_of(app)._sentence == (why, "error"))


async def test_the_next_unlabelled_item(store: LabelStore) -> None:
    annotator = Annotator(store, [GROUNDED], "me")
    for number in (28, 27):
        annotator.set_value([Target("trace", f"trace-{number:06d}", f"trace-{number:06d}")], "grounded", True)
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        assert screen_of(app).target.id == "trace-000029"
        await pilot.press("w")
        await settled(pilot, lambda: screen_of(app).target.id == "trace-000026")


async def test_leaving_waits_for_what_is_not_saved_and_says_so(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, GROUNDED, TONE)
    stuck: Future[Any] = Future()
    annotator = app.context.annotator
    assert annotator is not None
    monkeypatch.setattr(annotator, "set_value_soon", lambda *args, **kwargs: stuck)
    monkeypatch.setattr("traceview.tui.leaving.WARN_AFTER", 0.05)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        first = screen_of(app).target.id
        await pilot.press("]", "1")
        assert screen_of(app).unsaved == "tone = formal"
        await pilot.press("escape")
        await settled(pilot, lambda: any("tone = formal" in one.message for one in app._notifications))
        assert screen_of(app).target.id == first
        stuck.set_result(None)
        await settled(pilot, lambda: not isinstance(app.screen, ItemScreen))


async def test_quitting_waits_for_the_label_and_a_second_press_leaves_without_it(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_with(store, TONE)
    annotator = app.context.annotator
    assert annotator is not None
    broken: Future[Any] = Future()
    broken.set_exception(OSError("Read-only file system"))
    monkeypatch.setattr(annotator, "set_value_soon", lambda *args, **kwargs: broken)
    monkeypatch.setattr("traceview.tui.leaving.WARN_AFTER", 0.05)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("1")
        await settled(pilot, lambda: "NOT SAVED: tone = formal" in panel_text(app))
        await pilot.press("ctrl+q")
        await settled(pilot, lambda: any("same key again" in one.message for one in app._notifications))
        assert app.is_running and app.return_code is None
        await pilot.press("ctrl+q")
        await settled(pilot, lambda: app.return_code == 0 or not app.is_running)


async def test_blind_holds_for_the_app(store: LabelStore) -> None:
    store.append_now([judged("trace-000029")])
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(160, 40)) as pilot:
        await open_panel(app, pilot)
        assert "claude" in panel_text(app)
        await pilot.press("b")
        await settled(pilot, lambda: "claude" not in panel_text(app))
        facts = app.screen.query_one("#facts").plain  # type: ignore[attr-defined]
        assert "support@v" not in facts
        await pilot.press("t")
        await settled(pilot, lambda: screen_of(app).AREA == "transcript" and screen_of(app).panel.kept.ready)
        assert "claude" not in panel_text(app)
        await pilot.press("J")
        await settled(pilot, lambda: screen_of(app).target.id != "trace-000029")
        assert screen_of(app).panel.hides_identity
        await pilot.press("escape")
        await settled(pilot, lambda: not isinstance(app.screen, ItemScreen))
        rows: Any = app.screen.query_one("#rows")
        await settled(pilot, lambda: "version" not in rows.render_line(0).text)


@pytest.mark.parametrize("view", ["trace", "transcript"])
async def test_no_label_lands_on_the_item_before_one_that_cannot_be_read(
    store: LabelStore, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    def gone(*_: object) -> NoReturn:
        raise BadInput("a file of the source cannot be read: week.parquet")

    app = app_with(store, GROUNDED)
    async with app.run_test(size=(140, 40)) as pilot:
        await open_panel(app, pilot)
        if view == "transcript":
            await pilot.press("t")
            await settled(
                pilot, lambda: screen_of(app).AREA == "transcript" and screen_of(app).panel.kept.ready
            )
        monkeypatch.setattr(app.context.engine, "trace", gone)
        screen_of(app).cancel_asked("ahead")
        screen_of(app).ahead._items.clear()
        await pilot.press("J")
        await settled(pilot, lambda: "week.parquet" in app.screen.query_one("#title").plain)  # type: ignore[attr-defined]
        await pilot.press("1")
        await settled(pilot, lambda: "no item to label" in app.screen.query_one("#status").plain)  # type: ignore[attr-defined]
        assert rows(store) == []


async def test_a_second_enter_in_a_window_closes_nothing_below_it(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await settled(pilot, lambda: app.screen.query("#rows").first().row is not None)  # type: ignore[attr-defined]
        depth = len(app.screen_stack)
        await pilot.press("colon")
        await settled(pilot, lambda: len(app.screen_stack) > depth and app.focused is not None)
        for _ in range(4):
            app.post_message(events.Key("enter", None))
        await settled(pilot, lambda: len(app.screen_stack) <= depth + 1 and app.crash is None)
        await pilot.pause()
        assert app.crash is None
        assert len(app.screen_stack) >= depth


async def test_what_is_pasted_into_a_field_cannot_reach_the_terminal_raw(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        await pilot.press("c")
        await settled(pilot, lambda: isinstance(app.focused, SafeInput))
        field = app.focused
        assert isinstance(field, SafeInput)
        field.post_message(events.Paste("a\x1b]0;title\x07\u202eb"))
        await settled(pilot, lambda: field.value)
        assert field.value == "a\x1b]0;title\x07\u202eb"
        assert field._value.plain == "a␛]0;title␇�b"


async def test_keys_that_wait_are_forgotten_with_their_screen(store: LabelStore) -> None:
    app = app_with(store, GROUNDED)
    async with app.run_test(size=(120, 30)) as pilot:
        await open_panel(app, pilot)
        panel = screen_of(app).panel
        panel.release(panel.hold())
        hold = panel.hold()
        type_at_once(app, "12")
        await settled(pilot, lambda: len(panel.kept) == 2)
        panel.release(hold)
        app.pop_screen()
        await settled(pilot, lambda: not panel.is_attached and not panel.kept)
        assert app.crash is None
        assert rows(store) == []
