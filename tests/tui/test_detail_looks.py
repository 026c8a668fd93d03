"""How the detail of a span looks at three sizes: the walk through facts, and documents that are cited or not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.screens.trace import TraceScreen
from tui.test_span_detail import Talking

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


async def settled(pilot: Pilot[None], condition: Any) -> None:
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never came to be")


async def opened(pilot: Pilot[None], span_id: str, section: str) -> TraceScreen:
    app = pilot.app
    await settled(pilot, lambda: app.screen.query_one("#rows").row is not None)  # type: ignore[attr-defined]
    await pilot.press("enter")
    await settled(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
    screen = app.screen
    assert isinstance(screen, TraceScreen)
    await settled(pilot, lambda: screen.tree_pane.row is not None and screen.span_detail.section)
    await settled(pilot, lambda: "unsourced" in screen.query_one("#facts").plain)  # type: ignore[attr-defined]
    screen.tree_pane.go_to_span(span_id)
    detail = screen.span_detail
    await settled(pilot, lambda: (detail.span or {}).get("span_id") == span_id and detail.section)
    detail._choose(section)
    await settled(pilot, lambda: not detail.is_asking("draw") and not detail.is_asking("near"))
    screen.text_pane().focus()
    return screen


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_fact_from_nowhere(snap_compare: Any, make_app: Any, size: tuple[int, int]) -> None:
    async def walk(pilot: Pilot[None]) -> None:
        screen = await opened(pilot, "span-0006", "Output")
        for _ in range(3):
            await pilot.press("i")
        bar = screen.query_one("#fact-bar")
        await settled(pilot, lambda: "nowhere before" in bar.plain)  # type: ignore[attr-defined]
        await pilot.pause(0.1)

    assert snap_compare(make_app(Talking(count=4)), terminal_size=size, run_before=walk)


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_documents(snap_compare: Any, make_app: Any, size: tuple[int, int]) -> None:
    async def show(pilot: Pilot[None]) -> None:
        screen = await opened(pilot, "span-0005", "Documents")
        view = screen.text_pane()
        await settled(
            pilot, lambda: any("cited by" in view.block(at).right for at in range(view.block_count))
        )
        await pilot.pause(0.1)

    assert snap_compare(make_app(Talking(count=4)), terminal_size=size, run_before=show)
