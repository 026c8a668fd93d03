"""What is ready before it is asked for, at once, bounded, never as it was before; keys that come before their field."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from traceview.annotation import Annotator
from traceview.annotation.service import Action
from traceview.model.labels import LabelRow, Target
from traceview.store.interface import CancelToken, TraceDetail
from traceview.store.labels.store import LabelStore
from traceview.tui.cursor import ListCursor, Place
from traceview.tui.screens import ahead
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from tui.conftest import Until
from tui.fake_engine import FakeEngine

MakeApp = Callable[..., Any]


class Counting(FakeEngine):
    """Knows which traces were read, and can hold those that are."""

    def __init__(self, count: int = 40, **more: Any) -> None:
        super().__init__(count, **more)
        self.read: list[str] = []
        self.rows_asked = 0
        self.free = threading.Event()
        self.free.set()
        self.content = 0
        self.spans = 4

    def status(self) -> Any:
        return replace(super().status(), content=self.content)

    def trace_row(self, index: int) -> Any:
        return super().trace_row(index) | {"spans": self.spans}

    def trace(
        self, trace_id: str, token: CancelToken | None = None, start_ns: int | None = None
    ) -> TraceDetail:
        while not self.free.wait(0.01):
            if token is not None:
                token.check()
        self.read.append(trace_id)
        # The row in the list says when it began, so that nothing else is looked at.
        assert start_ns == self.trace_row(int(trace_id.removeprefix("trace-")))["start_ns"]
        return super().trace(trace_id, token)

    def rows(self, *arguments: Any) -> Any:
        self.rows_asked += 1
        return super().rows(*arguments)


async def opened(app: Any, pilot: Pilot[None], wait_for: Until) -> TraceScreen:
    """The trace in the middle of the list, with its neighbours fetched."""
    await wait_for(pilot, lambda: getattr(app.screen, "selection", None) is not None)
    app.screen.rows.put_cursor(20)
    await wait_for(pilot, lambda: app.screen.rows.row is not None)
    await pilot.press("enter")
    await wait_for(
        pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.tree_pane.row is not None
    )
    await quiet(app, pilot, wait_for)
    screen: TraceScreen = app.screen
    return screen


async def quiet(app: Any, pilot: Pilot[None], wait_for: Until) -> None:
    await wait_for(pilot, lambda: not any(app.screen.is_asking(one) for one in ("ahead", "item", "walk")))


def at(screen: TraceScreen, delta: int) -> str:
    assert screen.cursor is not None
    place = screen.cursor.peek(delta)
    assert place is not None
    return str(place.row["trace_id"])


async def test_the_next_two_and_the_one_before_are_ready_and_the_way_back_is_too(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = Counting()
    app = make_app(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        assert all(screen.ahead.get(Target("trace", at(screen, one))) for one in (-1, 1, 2))
        # From here on nothing can be read, and no row be asked for: whatever is shown was there before.
        engine.free.clear()
        engine.read.clear()
        engine.rows_asked = 0
        for key, position in (("J", 21), ("J", 22), ("K", 21), ("K", 20), ("K", 19)):
            await pilot.press(key)
            assert screen.cursor is not None and screen.cursor.place.position == position
            assert screen._detail is not None
            assert screen._detail.trace["trace_id"] == screen.target.id == at(screen, 0)
        assert not engine.read and engine.rows_asked <= 2
        engine.free.set()


async def test_a_step_back_fetches_what_lies_before(make_app: MakeApp, wait_for: Until) -> None:
    app = make_app(Counting())
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        await pilot.press("K")
        await quiet(app, pilot, wait_for)
        assert all(screen.ahead.get(Target("trace", at(screen, one))) for one in (-1, -2, 1))


async def test_what_is_fetched_is_given_up_for_what_is_wanted(make_app: MakeApp, wait_for: Until) -> None:
    engine = Counting()
    app = make_app(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        engine.free.clear()
        engine.read.clear()
        await pilot.press("J")
        await wait_for(pilot, lambda: screen.is_asking("ahead"))
        token = screen._asked["ahead"].token
        await pilot.press("J")
        await wait_for(pilot, lambda: token.cancelled)
        engine.free.set()
        await quiet(app, pilot, wait_for)
        assert screen.cursor is not None and screen.cursor.place.position == 22


async def test_a_conversation_that_is_on_its_way_is_waited_for_and_not_read_twice(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = Counting()
    app = make_app(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        await opened(app, pilot, wait_for)
        await pilot.press("t")
        await wait_for(
            pilot, lambda: isinstance(app.screen, TranscriptScreen) and app.screen.panel.kept.ready
        )
        screen = app.screen
        await quiet(app, pilot, wait_for)
        engine.free.clear()
        engine.read.clear()
        for position in (21, 22):
            await pilot.press("J")
            await wait_for(pilot, lambda: screen.panel.kept.ready and screen.is_asking("ahead"))
            assert screen.cursor.place.position == position
        wanted = Target("trace", at(screen, 1))
        await wait_for(pilot, lambda: screen.ahead.coming(wanted))
        await pilot.press("J")
        engine.free.set()
        await wait_for(
            pilot, lambda: screen._talk is not None and screen.row_of(screen._talk)["trace_id"] == wanted.id
        )
        assert engine.read.count(wanted.id) == 1


async def test_nothing_is_kept_of_before_the_source_changed_or_a_label_was_written(
    make_app: MakeApp, wait_for: Until
) -> None:
    engine = Counting()
    app = make_app(engine)
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        following, before = at(screen, 1), at(screen, -1)
        engine.content += 1
        assert screen.ahead.get(Target("trace", following)) is None
        engine.read.clear()
        await pilot.press("J")
        await wait_for(pilot, lambda: screen._detail is not None and screen.target.id == following)
        await quiet(app, pilot, wait_for)
        assert engine.read[0] == following and before not in engine.read
        # A label on a span of it is in the rows of its tree.
        span = Target("span", "span-0001", at(screen, 1))
        row = LabelRow("", span, "grounded", True, "human", "ann", "2026-11-01T00:00:00.000000Z")
        screen.panel.post_message(screen.panel.LabelsChanged(Action("set", (row,), (row,)), "saved", None))
        await wait_for(pilot, lambda: screen.ahead.get(Target("trace", at(screen, 1))) is None)


async def test_labels_of_an_item_that_was_ready_are_those_of_now(
    make_app: MakeApp, wait_for: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store = LabelStore.open(tmp_path / "support.labels.db")
    app = make_app(Counting(), annotator=Annotator(store, (), "ann"))
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        following = Target("trace", at(screen, 1), at(screen, 1))
        assert screen.ahead.get(following) is not None
        judged = LabelRow("", following, "grounded", True, "judge", "j", "2026-11-01T00:00:00.000000Z")
        store.append_now([judged])
        shown: list[Any] = []
        show = screen.panel.show

        def watch(targets: Any, title: str, rows: Any, **more: Any) -> None:
            shown.append(rows)
            show(targets, title, rows, **more)

        monkeypatch.setattr(screen.panel, "show", watch)
        await pilot.press("J")
        await wait_for(pilot, lambda: screen.target == following and shown)
        assert [(row.name, row.value, row.source) for row in shown[0]] == [("grounded", True, "judge")]
    store.close()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = dict.fromkeys(range(10), 3000) | {3: ahead.SPANS_AHEAD + 1}
    kept: ahead.ItemsAhead[int] = ahead.ItemsAhead(
        None,  # type: ignore[arg-type]
        lambda row: Target("trace", str(row["at"])),
        lambda target, token: 0,
        content=lambda: 0,
        spans=lambda row: spans[row["at"]],
    )
    monkeypatch.setattr(ahead, "SPANS_KEPT", 9_000)
    for number in range(10):
        kept.keep(Place(number, {"at": number}), number)
        here = [one for one in range(10) if kept.get(Target("trace", str(one))) is not None]
        assert sum(spans[one] for one in here) <= 9_000 and 3 not in here
        assert number in here or number == 3


def test_a_row_that_was_looked_at_is_not_asked_for_again() -> None:
    asked: list[tuple[int, int]] = []

    def fetch(offset: int, limit: int, token: CancelToken | None) -> list[dict[str, Any]]:
        asked.append((offset, limit))
        return [{"at": number} for number in range(offset, min(offset + limit, 100))]

    cursor = ListCursor(Place(50, {"at": 50}), 100, fetch)
    assert not cursor.knows(1)
    assert cursor.peek(1) == Place(51, {"at": 51})
    assert all(cursor.knows(one) for one in (-1, 1, 2, 3)) and not cursor.knows(4)
    assert [cursor.peek(one) for one in (-1, 2, 3)] == [
        Place(50 + one, {"at": 50 + one}) for one in (-1, 2, 3)
    ]
    assert len(asked) == 1
    assert cursor.knows(50) and cursor.peek(50) is None and cursor.peek(-51) is None
    assert cursor.peek(49) == Place(99, {"at": 99}) and len(asked) == 2


@pytest.mark.parametrize("key", ["slash", "ampersand", "c"])
async def test_what_is_typed_right_behind_the_key_of_a_field_is_its_text(
    make_app: MakeApp, wait_for: Until, tmp_path: Path, key: str
) -> None:
    store = LabelStore.open(tmp_path / "support.labels.db")
    app = make_app(Counting(), annotator=Annotator(store, (), "ann"))
    async with app.run_test(size=(120, 30)) as pilot:
        screen = await opened(app, pilot, wait_for)
        if key == "ampersand":
            await pilot.press("tab")
        # All of it is there before the first key was looked at.
        for one in (key, *"answer"):
            app.post_message(events.Key(one, one if len(one) == 1 else None))
        field = {"slash": "#search", "ampersand": "#keep", "c": "#panel-field"}[key]
        await wait_for(pilot, lambda: screen.query_one(field, Input).value == "answer")
        assert app.screen is screen
    store.close()
