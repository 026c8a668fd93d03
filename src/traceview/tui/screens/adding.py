"""An item added to a data set by a key: the first time it is asked to which, then it goes to the same one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from traceview.annotation.datasets import check_name
from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.text.safe import safe_line
from traceview.tui.panels.name_field import NameScreen
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.panels.saving import brief

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.model.datasets import DatasetVersion
    from traceview.store.interface import CancelToken
    from traceview.tui.screens.base import TraceviewScreen

ANOTHER = "a new one …"
LONGEST_NAME = 80


def add_to_dataset(screen: TraceviewScreen, target: Target | None) -> None:
    """Add a target to the data set that was chosen before in this app, or ask for one."""
    annotator = screen.context.annotator
    if annotator is None:
        screen.say(screen.context.label_sentence, error=True)
    elif target is None:
        screen.say("There is no item to add here.", error=True)
    elif screen.context.dataset is not None:
        _add(screen, annotator, target, screen.context.dataset)
    else:
        screen.ask("datasets", partial(_known, annotator), partial(_choose, screen, annotator, target))


def _known(annotator: Annotator, token: CancelToken) -> dict[str, int]:
    """The data sets that there are, the one with the newest version first, and how many items each has."""
    from traceview.store.labels.datasets import versions

    newest = sorted(versions(annotator.store), key=lambda one: (one.created_at, one.id), reverse=True)
    sizes: dict[str, int] = {}
    for version in newest:
        sizes.setdefault(version.name, version.size)
    return sizes


def _choose(screen: TraceviewScreen, annotator: Annotator, target: Target, sizes: dict[str, int]) -> None:
    def named(name: str | None) -> None:
        if name is None:
            return
        name = " ".join(name.split())
        try:
            check_name(name)
        except BadInput as error:
            screen.say(f"{brief(error)} · {error.hint}", error=True)
            return
        screen.context.dataset = name
        _add(screen, annotator, target, name)

    def picked(name: str | None) -> None:
        if name == "":
            hint = [("beside the labels; `traceview dataset` shows and exports it", "dim")]
            screen.app.push_screen(NameScreen("a new data set", hint, tuple(sizes), LONGEST_NAME), named)
        else:
            named(name)

    if not sizes:
        picked("")
        return
    picks = [Pick(safe_line(name), f"{size:,} items", name) for name, size in sizes.items()]
    heading = "add to which data set?"
    screen.app.push_screen(PickScreen(heading, [*picks, Pick(ANOTHER, "", "")]), picked)


def _add(screen: TraceviewScreen, annotator: Annotator, target: Target, name: str) -> None:
    from traceview.exports.frozen_items import add_target

    engine = screen.context.engine

    def added(token: CancelToken) -> tuple[DatasetVersion, bool]:
        return add_target(engine, annotator.store, annotator.name, name, target, token=token)

    def told(found: tuple[DatasetVersion, bool]) -> None:
        version, new = found
        called = safe_line(f"{version.name}@{version.version}")
        screen.say(
            f"saved ✓ added to {called}: {version.size:,} item{'' if version.size == 1 else 's'}"
            if new
            else f"{called} has it already, as it is."
        )

    screen.ask("dataset", added, told)
