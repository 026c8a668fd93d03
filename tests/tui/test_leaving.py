"""Leaving while a screen is still being built."""

from __future__ import annotations

from collections.abc import Callable

from textual.css.query import NoMatches

from traceview.tui.app import TraceviewApp


async def test_what_a_half_built_screen_misses_is_no_crash_once_the_user_left(
    make_app: Callable[..., TraceviewApp],
) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+q")
        app._handle_exception(NoMatches("a part that is gone already"))
    assert app.crash is None
    assert app.return_code == 0
