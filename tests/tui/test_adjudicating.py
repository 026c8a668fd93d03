"""A session over conflicts shows what was said side by side, with the reasons."""

from __future__ import annotations

import pytest

from traceview.annotation import Annotator
from traceview.annotation.session_again import differing
from traceview.annotation.session_choosing import Plan
from traceview.model.labels import LabelRow, Target
from traceview.store.labels.store import LabelStore
from traceview.tui.panels.other_labels import side_lines
from traceview.tui.screens.sessions import SummaryScreen
from traceview.tui.widgets.lines import line_width
from tui.annotating import GROUNDED, TONE, app_with, panel_text, screen_of, settled, store
from tui.test_session_flow import at, in_session

__all__ = ["store"]

TARGET = Target("trace", "trace-000007", "trace-000007")
OTHER = Target("trace", "trace-000008", "trace-000008")
BOTH = Target("trace", "trace-000009", "trace-000009")


def disagree(store: LabelStore, *people: str) -> None:
    for number, who in enumerate(people):
        annotator = Annotator(store, (GROUNDED, TONE), who)
        annotator.set_value(
            [TARGET], "grounded", bool(number % 2), reason=f"{who} says \x1b[31mwhy\x1b[0m 日本"
        )
        annotator.note(TARGET, f"a note of {who}")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_both_are_seen_side_by_side_with_their_reasons(
    store: LabelStore, size: tuple[int, int]
) -> None:
    disagree(store, "ana", "ben")
    app = app_with(store, GROUNDED, TONE, plan=Plan(rule="conflicts"))
    async with app.run_test(size=size) as pilot:
        await in_session(app, pilot)
        await settled(pilot, lambda: "ana says" in panel_text(app))
        lines = panel_text(app).splitlines()
        heads = [line for line in lines if "ana" in line and "ben" in line]
        assert heads and any("fail" in line and "pass" in line and "│" in line for line in lines)
        assert "a note of" in panel_text(app) and "\x1b" not in panel_text(app)
        await pilot.press("b")
        assert "ana says" not in panel_text(app)
        assert screen_of(app).panel.state.disputed


async def test_in_other_sessions_they_stand_below(store: LabelStore) -> None:
    disagree(store, "ana", "ben")
    app = app_with(store, GROUNDED, plan=Plan(rule="random:30", seed=1))
    async with app.run_test(size=(120, 40)) as pilot:
        await in_session(app, pilot)
        assert not screen_of(app).panel.state.disputed


@pytest.mark.parametrize("cells", [24, 38, 80])
@pytest.mark.parametrize("people", [1, 2, 3, 5])
def test_no_line_is_wider_than_the_panel(store: LabelStore, cells: int, people: int) -> None:
    disagree(store, *(f"someone-{number}@example.com" for number in range(people)))
    lines = side_lines(GROUNDED, store.current([TARGET]), cells)
    assert all(line_width(line) <= cells for line in lines)
    shown = "\n".join("".join(text for text, _ in line) for line in lines)
    assert shown.count("someone-") >= people and side_lines(TONE, store.current([TARGET]), cells) == []


async def test_what_they_differ_on_is_asked_first(store: LabelStore) -> None:
    for who, tone in (("ana", "rude"), ("ben", "formal")):
        Annotator(store, (GROUNDED, TONE), who).set_values(TARGET, [("grounded", True), ("tone", tone)])
    app = app_with(store, GROUNDED, TONE, plan=Plan(rule="conflicts", define=("grounded", "tone")))
    async with app.run_test(size=(120, 40)) as pilot:
        await in_session(app, pilot)
        await settled(pilot, lambda: "rude" in panel_text(app))
        assert screen_of(app).panel.state.focused == TONE


async def test_each_item_asks_only_what_people_differ_on_there(store: LabelStore) -> None:
    for who, tone in (("ana", "rude"), ("ben", "formal")):
        person = Annotator(store, (GROUNDED, TONE), who)
        person.set_values(TARGET, [("grounded", True), ("tone", tone)])
        person.set_values(OTHER, [("grounded", who == "ana"), ("tone", "rude")])
        person.set_values(BOTH, [("grounded", who == "ana"), ("tone", tone)])
    app = app_with(store, GROUNDED, TONE, plan=Plan(rule="conflicts"))
    async with app.run_test(size=(120, 40)) as pilot:
        asked: dict[Target, list[str]] = {}
        await in_session(app, pilot)
        for position in range(3):
            await at(app, pilot, position)
            panel = screen_of(app).panel
            await settled(pilot, lambda panel=panel: panel.kept.ready)
            names = [one.name for one in panel.state.definitions]
            asked[screen_of(app).target] = names
            # A label on something else than what is asked changes nothing.
            store.append_now([LabelRow("", TARGET, "grounded", False, "human", "cleo", "")])
            await pilot.press(*"1" * len(names))
        await settled(pilot, lambda: isinstance(app.screen, SummaryScreen))
    assert asked == {TARGET: ["tone"], OTHER: ["grounded"], BOTH: ["grounded", "tone"]}
    assert [one.target for one in differing(store, ["tone"])[0]] == []
    assert [one.target for one in differing(store, ["grounded"])[0]] == [TARGET], (
        "a new voice, not decided yet"
    )
