"""What a list shows while its filter is typed: the parts agree, and a text that is no filter changes nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from traceview.filters import parse
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import Cancelled
from traceview.store.interface import CancelToken, ListQuery, Selection
from traceview.tui import key_order
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.help import HelpScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.palette import PaletteScreen
from traceview.tui.screens.stats import StatsScreen
from traceview.tui.state import LastPlace, keep_place
from traceview.tui.widgets.lines import Lines
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., TraceviewApp]
GROUNDED = FeedbackDefinition("grounded", "boolean", ("trace",), "h1", required=True)


def said(screen: Any, bar: str) -> str:
    return screen.query_one(bar, Lines).plain  # type: ignore[no-any-return]


async def ready(pilot: Pilot[None], wait_for: Until) -> Any:
    app: Any = pilot.app
    await wait_for(pilot, lambda: isinstance(app.screen, ListScreen) and app.screen.selection is not None)
    await wait_for(pilot, lambda: app.screen.totals is not None)
    return app.screen


async def settled(pilot: Pilot[None], wait_for: Until, screen: Any) -> None:
    await wait_for(pilot, lambda: not screen.is_asking("select") and not screen.is_asking("totals"))


def shows(screen: Any) -> tuple[int, str, int | None]:
    """Rows, count and sums, as a person sees them."""
    return (
        screen.rows.row_count,
        said(screen, "#filter-count").strip(),
        screen.totals.count if screen.totals is not None else None,
    )


@pytest.mark.parametrize("wrong", ["statsu:x", "tokens:", "latency>5 x:", "name~/[/"])
@pytest.mark.parametrize(("kept", "rows"), [("", 500), ("status:error", 71)])
async def test_a_wrong_text_leaves_the_rows_count_and_sums_of_the_filter_that_was_kept(
    make_app: MakeApp, wait_for: Until, kept: str, rows: int, wrong: str
) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        screen.set_filter(kept)
        await settled(pilot, wait_for, screen)
        screen.rows.put_cursor(40)
        await pilot.press("f", *"name:nothing")
        await wait_for(pilot, lambda: screen.rows.row_count == 0)
        assert screen.totals is None or screen.totals.count == 0
        await pilot.press("space", *wrong)
        # At once: not only when the engine has answered again.
        assert shows(screen) == (rows, f"{rows} of 500 traces", rows)
        assert screen.rows.cursor == 40
        assert f"rows of: {kept or 'no filter'}" in said(screen, "#filter-below")
        await settled(pilot, wait_for, screen)
        assert shows(screen) == (rows, f"{rows} of 500 traces", rows)
        await pilot.press("enter")
        assert screen.filter_bar.is_editing and screen.focused is not screen.rows


async def test_sums_are_never_those_of_other_rows(make_app: MakeApp, wait_for: Until) -> None:
    engine = FakeEngine(500)
    app = make_app(engine)
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        engine.gate = threading.Event()
        screen.set_filter("status:error")
        await wait_for(pilot, lambda: not screen.is_asking("totals"))
        assert screen.rows.row_count == screen.totals.count == 500
        engine.gate.set()
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        assert screen.totals.count == 71


async def test_enter_waits_until_it_is_known_whether_the_text_is_a_filter(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(50)
    app = make_app(engine, definitions=(GROUNDED,))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        engine.gate = threading.Event()
        await pilot.press("f", *"score.groundd:fail", "enter", "x", "X")
        assert screen.filter_bar.is_editing
        engine.gate.set()
        below = screen.query_one("#filter-below", Lines)
        # Letters typed behind Enter are text while the field has them.
        await wait_for(pilot, lambda: screen.filter_bar.text == "score.groundd:failxX")
        await wait_for(pilot, lambda: "did you mean grounded?" in below.plain)
        assert screen.filter_bar.is_editing and screen.focused is not screen.rows
        assert not screen.marks.ids and shows(screen)[0] == 50
        await pilot.press("ctrl+u", *"status:error", "enter", "x")
        await wait_for(pilot, lambda: screen.rows.has_focus and len(screen.marks.ids) == 1)
        assert screen.filter_text == "status:error" and screen.rows.row_count == 7
        await pilot.press("f", "backspace", *" score.grounded:fial", "enter")
        await wait_for(pilot, lambda: "'fial' is no value of grounded" in below.plain)
        await settled(pilot, wait_for, screen)
        assert screen.filter_bar.is_editing and shows(screen) == (7, "7 of 50 traces", 7)
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.rows.has_focus)
        assert screen.filter_bar.text == screen.filter_text == "status:error"


async def test_a_key_goes_back_to_what_was_kept_never_to_half_a_filter(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(90))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        screen.set_filter("status:error")
        await settled(pilot, wait_for, screen)
        await pilot.press("f", *"sco")
        await wait_for(pilot, lambda: screen.filter_text == "status:error sco")
        await pilot.press(*"re.grounded:")
        # The list was clicked while the field was open.
        screen.rows.focus()
        await wait_for(pilot, lambda: screen.rows.row is not None)
        await pilot.press("v")
        await wait_for(pilot, lambda: screen.filter_text.startswith("prompt:support@"))
        assert "Esc goes back to the filter status:error." in said(screen, "#status")
        assert not screen.filter_bar.is_editing and not screen.filter_bar.has_class("-wrong")
        await settled(pilot, wait_for, screen)
        assert screen.rows.row_count == screen.totals.count == 30
        await pilot.press("escape")
        await wait_for(pilot, lambda: screen.filter_text == "status:error" and screen.rows.row_count == 13)


async def test_f_adds_to_a_filter_but_begins_anew_on_one_of_another_day(
    make_app: MakeApp, wait_for: Until, tmp_path: Path
) -> None:
    state = tmp_path / "place.json"
    keep_place(state, LastPlace(filter="status:error"))
    app = make_app(FakeEngine(50), state_file=state)
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        assert screen.filter_text == "status:error"
        await pilot.press("f")
        assert "typing begins anew" in said(screen, "#filter-below")
        await pilot.press(*"version:v1", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "version:v1" and screen.rows.has_focus)
        await pilot.press("f", *"status:ok", "enter")
        await wait_for(pilot, lambda: screen.filter_text == "version:v1 status:ok")


async def test_groups_keep_their_figures_while_the_filter_is_wrong(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = FakeEngine(300)
    app: Any = make_app(engine)
    async with app.run_test(size=(140, 30)) as pilot:
        await pilot.press("f6")
        await wait_for(pilot, lambda: isinstance(app.screen, StatsScreen) and app.screen.found is not None)
        screen = app.screen
        before = screen.found
        await pilot.press("f", *"status:error")
        await wait_for(pilot, lambda: screen.found.traces == 43 and not screen.is_asking("figures"))
        await pilot.press("space", *"statsu:x")
        await wait_for(pilot, lambda: screen.filter_bar.has_class("-wrong"))
        assert screen.found is before and screen.filter_text == ""
        assert "rows of: no filter" in said(screen, "#filter-below")


class Timed(FakeEngine):
    """Holds every list until it is let go, and counts those that were asked for, given up and answered."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.filters: list[Any] = []
        self.given_up = 0
        self.answered = 0

    def select(self, query: ListQuery, token: CancelToken | None = None) -> Selection:
        self.filters.append(query.filter)
        try:
            found = super().select(query, token)
        except Cancelled:
            self.given_up += 1
            raise
        self.answered += 1
        return found


async def test_letters_that_come_fast_are_one_question(make_app: MakeApp, wait_for: Until) -> None:
    engine = Timed(500)
    app = make_app(engine)
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("f")
        await wait_for(pilot, lambda: screen.filter_bar.is_editing)
        engine.filters.clear()
        for char in "status:error":
            app.post_message(events.Key(char, char))
        await wait_for(pilot, lambda: screen.rows.row_count == 71)
        # Of the beginnings some are filters too, such as the bare word `status`.
        assert [str(one) for one in engine.filters] == [str(parse("status:error"))]


async def test_a_letter_gives_up_the_question_of_the_one_before(make_app: MakeApp, wait_for: Until) -> None:
    engine = Timed(500)
    app = make_app(engine)
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        await pilot.press("f", *"name:s")
        await wait_for(pilot, lambda: screen.filter_text == "name:s")
        await settled(pilot, wait_for, screen)
        engine.filters.clear()
        engine.gate = threading.Event()
        answered, given_up = engine.answered, engine.given_up
        for asked, char in enumerate("uppor", 1):
            await pilot.press(char)
            await wait_for(pilot, lambda asked=asked: len(engine.filters) == asked)
        await wait_for(pilot, lambda: engine.given_up == given_up + 4)
        assert engine.answered == answered
        engine.gate.set()
        await wait_for(pilot, lambda: engine.answered == answered + 1)
        await settled(pilot, wait_for, screen)
        assert screen.filter_text == "name:suppor"


KEYS = {"\x15": "ctrl+u", "\r": "enter", "\x7f": "backspace"}


def burst(app: TraceviewApp, typed: str) -> None:
    """Keys as a terminal sends them that had them all at once."""
    for char in typed:
        app.post_message(events.Key(KEYS.get(char, char), char))


@pytest.mark.parametrize("pause", [False, True])
async def test_what_is_typed_behind_the_key_that_opens_the_field_is_not_lost(
    make_app: MakeApp, wait_for: Until, pause: bool
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        for number in range(12):
            word = f"w{number:02}"
            for typed in [*f"f\x15{word}"] if pause else [f"f\x15{word}"]:
                burst(app, typed)
                if pause:
                    # Somewhere between the widget and the app: letters must not overtake.
                    await asyncio.sleep(0)
            await wait_for(pilot, lambda word=word: screen.filter_bar.text == word)
            burst(app, f"\x7f\x15{word}x\x7f\r")
            await wait_for(pilot, lambda word=word: screen.filter_text == word and screen.rows.has_focus)


async def test_keys_behind_enter_are_for_the_list(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(FakeEngine(500))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        burst(app, "fstatus:error\rxx")
        await wait_for(pilot, lambda: screen.filter_text == "status:error" and len(screen.marks.ids) == 2)
        assert screen.rows.has_focus and screen.filter_bar.text == "status:error"


async def test_a_key_does_not_wait_for_ever_for_one_that_went_nowhere(
    make_app: MakeApp, wait_for: Until
) -> None:
    app = make_app(FakeEngine(50))
    async with app.run_test(size=(140, 30)) as pilot:
        screen = await ready(pilot, wait_for)
        app._on_their_way, app._way = 1, screen.filter_bar
        burst(app, "j")
        assert screen.rows.cursor == 0
        await wait_for(pilot, lambda: screen.rows.cursor == 1)


async def test_a_key_behind_one_that_closed_a_dialog_does_not_wait(
    make_app: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "AT_MOST", 600.0)
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press(":")
        await wait_for(pilot, lambda: isinstance(app.screen, PaletteScreen))
        await pilot.press("escape")
        await wait_for(pilot, lambda: not isinstance(app.screen, PaletteScreen))
        await pilot.press("question_mark")
        await wait_for(pilot, lambda: isinstance(app.screen, HelpScreen))
