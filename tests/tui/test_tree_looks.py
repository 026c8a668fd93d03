"""How a trace looks in its tree at the sizes people have: repeats, errors, the critical path, odd times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from traceview.tui.screens.trace import TraceScreen
from tui.conftest import Until
from tui.test_trace_reading import ODD, PAYLOADS, SPANS, TraceEngine


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local times are those of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("what", "keys"), [("path", ["m", "m"]), ("odd", [])], ids=["path", "odd"])
def test_the_tree(
    snap_compare: Any,
    make_app: Callable[..., Any],
    wait_for: Until,
    size: tuple[int, int],
    what: str,
    keys: list[str],
) -> None:
    app = make_app(TraceEngine(ODD) if what == "odd" else TraceEngine(SPANS, PAYLOADS))

    async def look(pilot: Pilot[None]) -> None:
        await wait_for(pilot, lambda: app.screen.query_one("#rows").row is not None)
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TraceScreen) and app.screen.query("#tree"))
        screen = app.screen
        await wait_for(pilot, lambda: screen.tree_pane.row is not None)
        await pilot.press("j", *keys)
        await wait_for(pilot, lambda: screen.span_detail.span is screen.tree_pane.row)
        await wait_for(pilot, lambda: screen.span_detail.section is not None)
        await wait_for(pilot, lambda: not screen.is_asking("same"))
        await pilot.pause(0.2)

    assert snap_compare(app, terminal_size=size, run_before=look)
