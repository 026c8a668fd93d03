"""What the command palette offers: the registry's actions, a screen's own commands, definitions, themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.tui.action_words import places_of
from traceview.tui.actions import Action, actions_for
from traceview.tui.screens.defining import definition_commands
from traceview.tui.themes import NAMES

if TYPE_CHECKING:
    from traceview.tui.screens.base import TraceviewScreen


class Command(Struct, frozen=True):
    """`area: verb`, the keys that do the same, and what runs.

    `why_not` says in words why it cannot run here. `theme` is shown while the command is looked at.
    """

    title: str
    keys: str
    run: Callable[[], object]
    why_not: str = ""
    theme: str | None = None


def commands_of(screen: TraceviewScreen) -> tuple[Command, ...]:
    """Every command, in the registry's order; those of other screens say where they work."""
    here = {action.id for action in actions_for(("app", screen.AREA))}
    found = [
        Command(
            action.palette,
            " ".join(action.keys),
            partial(_run, screen, action),
            "" if action.id in here else f"only {places_of(action)}",
        )
        for action in screen.registry
        if action.palette is not None
    ]
    found += [Command(title, "", run) for title, run in screen.more_commands()]
    found += [Command(title, "", run) for title, run in definition_commands(screen)]
    found += [Command(title, "", lambda: None, why_not) for title, why_not in screen.idle_commands()]
    found.append(Command("source: figures, what was skipped and why", "", partial(_show_source, screen)))
    found.append(Command("app: how filters are written", "", partial(screen.run_action, "app.help_filters")))
    found += _themes(screen)
    return tuple(found)


def _show_source(screen: TraceviewScreen) -> None:
    """Show what is known of the source as a whole, once it is counted."""
    from traceview.tui.screens.source_facts import SourceFacts

    screen.ask(
        "source",
        lambda token: screen.context.engine.info(token),
        lambda info: screen.app.push_screen(SourceFacts(info)),
    )


def _themes(screen: TraceviewScreen) -> Iterator[Command]:
    app = screen.app
    why_not = "NO_COLOR is set" if app.no_color else ""
    for name in NAMES:
        now = "now" if name == app.theme else ""
        yield Command(
            f"theme: {name}", now, partial(_keep_theme, screen, name), why_not, None if why_not else name
        )


def _keep_theme(screen: TraceviewScreen, name: str) -> None:
    """Show a theme from now on, here and in every other source."""
    from traceview.definitions.user import remember_theme

    screen.app.theme = name
    screen.ask(
        "theme",
        lambda token: remember_theme(name),
        lambda path: screen.say(f"✓ theme {name}, kept in {path}"),
    )


async def _run(screen: TraceviewScreen, action: Action) -> None:
    await screen.run_action(action.call or action.id)
