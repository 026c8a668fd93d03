"""Every screen of the sample data in three sizes and three themes. `pytest --snapshot-update` draws them anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension
from textual.pilot import Pilot
from textual.widgets import Input

from traceview.tui.asking import Asking
from traceview.tui.screens.base import TraceviewScreen
from tui.sample_app import sample_app

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("dark", "light", "mono")
NOW_NS = 1_793_610_000_000_000_000
"""2026-11-02, a day after the newest trace of the sample data."""
STEADY = 3
"""Looks in a row between which no frame may come."""

FAILED = 'tag:"lang:en" status:error'
LINKED = 'prompt:goal-assistant@v3 tag:"lang:en" kind:retriever'
SCREENS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "traces": ({"initial_filter": 'prompt:goal-assistant@v3 tag:"lang:en"'}, ("j", "j", "x")),
    "threads": ({"initial_screen": "threads"}, ("j",)),
    "prompts": ({"initial_screen": "prompts"}, ("j",)),
    "stats": ({"initial_screen": "stats"}, ("j",)),
    "trace": ({"initial_filter": FAILED}, ("e", "enter")),
    "documents": ({"initial_filter": LINKED}, ("B",)),
    "transcript": ({"initial_filter": "thread:thr_0aa2cf76ff", "initial_screen": "threads"}, ("enter", "}")),
    "origin": ({"initial_filter": LINKED}, ("t", ")", "i")),
    "annotate": ({"initial_filter": LINKED}, ("a", "1", "]")),
    "help": ({"initial_filter": LINKED}, ("enter", "question_mark")),
    "palette": ({"initial_filter": LINKED}, ("ctrl+p", "v", "i", "e", "w")),
}  # fmt: skip


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A day after the newest trace, in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr("time.time_ns", lambda: NOW_NS)
    monkeypatch.setattr(Input, "_toggle_cursor", lambda field: None)  # a cursor that blinks is there or not
    yield
    monkeypatch.undo()
    time.tzset()


async def steady(app: Any, pilot: Pilot[None]) -> str:
    """The picture, once nothing is asked and no frame came for a while; to look at frames costs less than to draw."""
    before, same = -1, 0
    for _ in range(200):
        await pilot.pause(0.06)
        for shown in app.screen_stack:
            if isinstance(shown, TraceviewScreen):
                shown.hint_seen()  # sentences leave by themselves, some time
        askers = list(app.screen.walk_children(Asking, with_self=True))
        asked = any(set(one._asked) - {"pulse"} for one in askers)
        styled = app.has_styles and app.stylesheet._variables == app.get_css_variables()
        same = same + 1 if app.frames == before and styled and not asked else 0
        if same == STEADY:
            return str(app.export_screenshot())
        before = app.frames
    raise AssertionError("the screen does not come to rest")


def counting(app: Any) -> None:
    """Have an app count the frames that it shows."""
    display, app.frames = app._display, 0

    def counted(*frame: Any) -> None:
        app.frames += 1
        display(*frame)

    app._display = counted


@pytest.mark.parametrize("name", SCREENS)
async def test_looks(name: str, tmp_path: Path, snapshot: Any) -> None:
    settings, keys = SCREENS[name]
    pictures: dict[str, str] = {}
    with sample_app(tmp_path, label_sentence="labels: traces.labels.db", **settings) as app:
        counting(app)
        async with app.run_test(size=SIZES[1]) as pilot:
            await steady(app, pilot)
            for key in keys:
                await pilot.press(key)
                await steady(app, pilot)
            for size in SIZES:
                await pilot.resize_terminal(*size)
                for theme in THEMES:
                    app.theme = theme
                    pictures[f"{theme}-{size[0]}x{size[1]}"] = await steady(app, pilot)
    images = snapshot.use_extension(SVGImageExtension)
    different = [variant for variant, picture in pictures.items() if images(name=variant) != picture]
    assert not different
