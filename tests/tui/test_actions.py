"""The registry of keys: no clash, everything reachable and documented, rebinding checked."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from traceview.model.errors import BadInput
from traceview.tui.action_words import key_rows, keys_page
from traceview.tui.actions import (
    ACTIONS,
    BY_ID,
    GROUPS,
    UNSENDABLE,
    Action,
    actions_for,
    bindings,
    check_clashes,
    keys_in_use,
    rebound,
    textual_key,
)
from traceview.tui.app import TraceviewApp
from traceview.tui.screens.base import TraceviewScreen
from traceview.tui.screens.check_editor import CheckEditor
from traceview.tui.screens.confusion import ConfusionScreen
from traceview.tui.screens.judges import JudgesScreen
from traceview.tui.screens.lists import ListScreen
from traceview.tui.screens.mode_items import ModeItemsScreen
from traceview.tui.screens.modes import ModesScreen
from traceview.tui.screens.prompts import PromptsScreen
from traceview.tui.screens.stats import StatsScreen
from traceview.tui.screens.thread import TranscriptScreen
from traceview.tui.screens.trace import TraceScreen
from traceview.tui.widgets.virtual_list import VirtualList

SCREENS: dict[str, type[TraceviewScreen]] = {
    "list": ListScreen,
    "trace": TraceScreen,
    "transcript": TranscriptScreen,
    "prompts": PromptsScreen,
    "stats": StatsScreen,
    "modes": ModesScreen,
    "examples": ModeItemsScreen,
    "judges": JudgesScreen,
    "confusion": ConfusionScreen,
    "check": CheckEditor,
}


def test_no_key_means_two_things() -> None:
    check_clashes(ACTIONS)
    assert len(BY_ID) == len(ACTIONS)


def test_every_default_key_can_be_sent_by_every_terminal() -> None:
    for action in ACTIONS:
        for key in action.keys:
            assert key.lower() not in UNSENDABLE
            assert not key.lower().startswith(("alt+", "ctrl+shift+"))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_an_action_is_documented_and_can_be_called(action: Action) -> None:
    assert action.description.endswith(".")
    assert action.group in GROUPS
    assert action.keys
    assert f"`{action.id}`" in keys_page()
    namespace, _, call = (action.call or action.id).rpartition(".")
    method = f"action_{call.partition('(')[0]}"
    for area in action.screens:
        if namespace == "app":
            assert hasattr(TraceviewApp, method)
        elif area == "app":
            assert hasattr(TraceviewScreen, method)
        else:
            holders = (
                [SCREENS[area], VirtualList]
                if area in ("list", "prompts", "stats", "modes", "examples", "judges", "confusion", "check")
                else [SCREENS[area]]
            )
            assert any(hasattr(holder, method) for holder in holders), f"{area} has no {method}"


@pytest.mark.parametrize("area", SCREENS)
def test_every_action_of_a_screen_is_bound_there(area: str) -> None:
    screen = SCREENS[area]
    bound = {binding.id for binding in screen.BINDINGS if isinstance(binding, Binding)}
    assert {action.id for action in actions_for(("app", area))} <= bound  # type: ignore[arg-type]


def test_palette_entries_are_area_and_verb_and_differ() -> None:
    entries = [action.palette for action in ACTIONS if action.palette]
    assert len(set(entries)) == len(entries)
    assert all(": " in entry for entry in entries)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("j", "j"),
        ("G", "G"),
        ("?", "question_mark"),
        (":", "colon"),
        ("#", "number_sign"),
        ("!", "exclamation_mark"),
        ("]", "right_square_bracket"),
        ("=", "equals_sign"),
        ("ctrl+d", "ctrl+d"),
        ("shift+Tab", "shift+tab"),
        ("F2", "f2"),
        ("PgDn", "pagedown"),
        ("Esc", "escape"),
        ("Space", "space"),
    ],
)
def test_keys_are_spelled_for_textual(key: str, expected: str) -> None:
    assert textual_key(key) == expected


def test_rebinding_replaces_the_keys() -> None:
    registry = {action.id: action for action in rebound({"filter": "ctrl+f", "search": ["/", "ctrl+g"]})}
    assert registry["filter"].keys == ("ctrl+f",)
    assert registry["search"].keys == ("/", "ctrl+g")
    assert registry["sort"].keys == ("s",)


def test_two_actions_may_swap_their_keys() -> None:
    registry = {action.id: action for action in rebound({"filter": "s", "sort": "f"})}
    assert (registry["filter"].keys, registry["sort"].keys) == (("s",), ("f",))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"filtr": "x"}, "Did you mean 'filter'?"),
        ({"filter": "s"}, "'s' means both"),
        ({"filter": "ctrl+m"}, "cannot be sent"),
        ({"filter": "alt+f"}, "cannot be sent"),
        ({"filter": ""}, "cannot be sent"),
        ({"filter": "question_mark"}, "means both"),
    ],
)
def test_a_bad_rebinding_is_refused(keys: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput, match="keys: ") as raised:
        rebound(keys)
    assert said in str(raised.value)


def test_bindings_carry_the_ids_that_a_keymap_needs() -> None:
    made = bindings("filter", "quit")
    assert [(one.id, one.key, one.action, one.priority) for one in made] == [
        ("filter", "f", "filter", False),
        ("quit", "ctrl+q", "app.quit", True),
    ]


def test_rows_of_the_help_join_digits_and_twins() -> None:
    rows = {row[2]: row[1] for row in key_rows(ACTIONS)}
    assert rows["value"] == "1 … 9"
    assert rows["palette"] == "ctrl+p :"


def test_the_keys_in_use_are_the_apps_and_ones_own() -> None:
    used = set(keys_in_use({"filter": "ctrl+f", "undo": ["u", "U"]}))
    assert {"c", "j", "Esc", "ctrl+f", "u", "U"} <= used
    assert "f" not in used and "Q" not in used
    assert all(key in keys_in_use({}) for action in ACTIONS for key in action.keys)
    assert "D" not in keys_in_use({}), "the key of a choice in the examples of definitions"
