"""What the command palette offers: the registry's actions of a screen, themes, exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from traceview.tui.actions import actions_for
from traceview.tui.themes import NAMES

if TYPE_CHECKING:
    from traceview.tui.screens.base import TraceviewScreen


@dataclass(frozen=True, slots=True)
class Command:
    """`area: verb`, the keys that do the same, and what runs."""

    title: str
    keys: str
    run: Callable[[], object]


def commands_of(screen: TraceviewScreen) -> tuple[Command, ...]:
    """Every command that makes sense on this screen, in the registry's order."""
    here = {action.id for action in actions_for(("app", screen.AREA))}
    app = screen.app
    found = [
        Command(action.palette, " ".join(action.keys), partial(_run, screen, action.call or action.id))
        for action in screen.registry
        if action.palette is not None and action.id in here
    ]
    found += [Command(title, "", run) for title, run in screen.more_commands()]
    found += [
        Command(
            f"theme: {name}{'  (now)' if name == app.theme else ''}", "", partial(setattr, app, "theme", name)
        )
        for name in NAMES
    ]
    return tuple(found)


async def _run(screen: TraceviewScreen, call: str) -> None:
    await screen.run_action(call)
