"""The style sheet of the app gives every widget what textual's own gives it, whatever came before."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from textual.css.styles import Styles
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

from traceview.tui import collecting
from traceview.tui.app import TraceviewApp
from traceview.tui.collecting import Collector
from tui.conftest import Until


def different(app: TraceviewApp) -> list[str]:
    """The widgets and parts of widgets to which textual's style sheet, asked anew, gives other rules."""
    fresh = Stylesheet(variables=app.get_css_variables())
    fresh.source = app.stylesheet.source.copy()
    fresh.parse()
    found = []
    for node in [*app.walk_children(with_self=True)]:
        names = node._get_component_classes()
        parts = {name: _values(node.get_component_styles(name).base) for name in names}
        wrong = _values(node.styles.base) != _asked(fresh, node)
        wrong |= any(_asked(fresh, _part(node, name)) != rules for name, rules in parts.items())
        if wrong:
            found.append(repr(node))
    return found


def _values(styles: Styles) -> dict[str, Any]:
    # Two layouts of the same kind are not equal.
    return {name: repr(value) if name == "layout" else value for name, value in styles._rules.items()}


def _asked(sheet: Stylesheet, node: DOMNode) -> dict[str, Any]:
    """What a style sheet gives a node, which keeps what it has."""
    given = Styles()

    class Asked(type(sheet)):  # type: ignore[misc]
        def replace_rules(self, node: DOMNode, rules: Any, animate: bool = False) -> None:
            for name, value in rules.items():
                setattr(given, name, value)

        def _process_component_classes(self, node: DOMNode) -> None:
            pass

    asked = Asked(variables=sheet._variables)
    asked._rules = sheet._rules
    asked.apply(node)
    return _values(given)


def _part(node: DOMNode, name: str) -> DOMNode:
    part = DOMNode(classes=name)
    part._attach(node)
    return part


async def test_every_widget_looks_as_textual_has_it(
    make_app: Callable[..., TraceviewApp], wait_for: Until
) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        for step in ["j", "p", "f", "escape", "enter", "/", "escape", "t", "a", "escape", "?", "escape", ":"]:
            await pilot.press(step)
            await pilot.pause()
            assert different(app) == [], step
        for size in ((80, 24), (200, 60), (40, 12)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert different(app) == [], size
        for theme in list(app.available_themes)[-2:]:
            app.theme = theme
            variables = app.get_css_variables()
            await wait_for(
                pilot, lambda v=variables: app.stylesheet._variables == v and not app.stylesheet._stale
            )
            await pilot.pause(0.05)
            assert different(app) == [], theme


async def test_every_step_of_another_theme_gets_further_however_slow_the_machine(
    make_app: Callable[..., TraceviewApp],
) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        sheet = app.stylesheet
        sheet.set_variables({**app.get_css_variables(), "accent": "#123456"})
        steps, most = 0, len(sheet.source) + len(list(app.walk_children(with_self=True))) * 4
        while not (sheet.read_some(0.0) and sheet.match_some(0.0, app)):
            steps += 1
            assert steps <= most


class Held:
    """Something that holds itself: only the collector ever frees it."""

    alive = 0

    def __init__(self) -> None:
        self.itself = self
        Held.alive += 1

    def __del__(self) -> None:
        Held.alive -= 1


def test_the_collector_frees_what_is_young_at_the_next_look_and_all_else_once_it_is_quiet(
    monkeypatch: Any,
) -> None:
    before = gc.get_threshold()
    collector = Collector()
    collector.begin()
    try:
        kept = [Held() for _ in range(collecting.WORTH_LOOKING)]
        collector.look()
        assert Held.alive == len(kept)
        del kept
        [Held() for _ in range(collecting.WORTH_LOOKING)]
        collector.look()
        assert Held.alive == collecting.WORTH_LOOKING  # The young ones are gone, the older ones wait.
        monkeypatch.setattr(collecting, "QUIET", ((0, -1.0),))
        collector.look()
        assert Held.alive == 0
    finally:
        collector.end()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_the_collector_passes_over_what_made_a_look_long_until_nobody_is_there(monkeypatch: Any) -> None:
    collector = Collector()
    collector.begin()
    try:
        began = gc.get_freeze_count()
        monkeypatch.setattr(collecting, "QUIET", ((0, -1.0),))
        kept = [Held() for _ in range(collecting.WORTH_LOOKING)]
        collector._grown = 1
        collector.look()
        # What was there at the beginning is never looked through for what is new.
        assert gc.get_freeze_count() <= began
        monkeypatch.setattr(collecting, "MOST_OBJECTS", 1)
        collector._grown = 2
        collector.look()
        assert gc.get_freeze_count() >= began + len(kept)
        del kept
        collector._grown = 1
        collector.look()
        assert Held.alive == collecting.WORTH_LOOKING
        monkeypatch.setattr(collecting, "AWAY_SECONDS", -1.0)
        collector.look()
        assert Held.alive == 0
    finally:
        collector.end()
