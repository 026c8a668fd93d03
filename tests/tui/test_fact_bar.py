"""The bar about a fact: each of its lines ends in an ellipsis where it is cut."""

from __future__ import annotations

from traceview.tui.panels.fact_walk import FactBar
from tui.widget_app import WidgetApp


async def test_lines_are_cut_with_a_sign_and_three_of_them_have_room() -> None:
    bar = FactBar()
    async with WidgetApp(bar).run_test(size=(30, 10)) as pilot:
        bar.say([[(" 42 ", "title"), ("tool search", "accent")], [("quoted " * 9, "dim")], [("keys", "key")]])
        await pilot.pause()
        source, quote, keys = bar.plain.split("\n")
        assert bar.size.height == 3 and "tool search" in source and keys == "keys"
        assert quote.endswith("…") and len(quote) <= 30
        bar.say([])
        await pilot.pause()
        assert not bar.display
