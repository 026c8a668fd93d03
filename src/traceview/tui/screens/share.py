"""Shares what is on the screen: asks where, and writes a redacted page of one trace or thread in a worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from traceview.exports.page.write import SUFFIXES
from traceview.tui.screens.path_dialog import PathDialog

if TYPE_CHECKING:
    from traceview.exports.page.write import PageFormat
    from traceview.model.labels import Target
    from traceview.store.interface import CancelToken
    from traceview.tui.context import AppContext
    from traceview.tui.screens.base import TraceviewScreen

OFFERED: tuple[tuple[str, str], ...] = (("HTML", ".html"), ("Markdown", ".md"))
"""Format as people say it, and what the suggested name ends in."""
NAME_LENGTH = 40
"""Characters of an id that a suggested file name takes over."""


class Shared(Struct, frozen=True):
    """A page that was written: where, and what was redacted, in words."""

    path: Path
    redaction: str


class ShareScreen(PathDialog):
    """Asks for the path of a page; what it ends in says the format."""

    VERB = "Share"
    ENDINGS = tuple(SUFFIXES)
    ADVICE = "Personal data and keys are redacted; names of people stay."


def share_commands(screen: TraceviewScreen, target: Target | None) -> list[tuple[str, Callable[[], object]]]:
    """Palette commands that write a page of a trace or a conversation; of None there is none."""
    if target is None:
        return []
    what = "this conversation" if target.kind == "thread" else "this trace"
    return [
        (f"share: page of {what} ({format})", partial(ask_share, screen, target, what, ending))
        for format, ending in OFFERED
    ]


def ask_share(screen: TraceviewScreen, target: Target, what: str, ending: str) -> None:
    """Ask for a path and write the page; the screen that asked says where it is and what was redacted."""

    def chosen(path: Path | None) -> None:
        if path is None:
            return
        screen.say(f"Writing {path} …")
        screen.ask(
            "share",
            partial(write_share, screen.context, target, path),
            lambda shared: screen.say(f"✓ {shared.path.name}: {shared.redaction}; in {shared.path.parent}"),
        )

    screen.app.push_screen(ShareScreen(f"a page of {what}", suggested_name(target, ending)), chosen)


def suggested_name(target: Target, ending: str) -> str:
    """A file name that any system takes: kind and the beginning of the id."""
    id = re.sub(r"[^A-Za-z0-9_-]+", "-", target.id).strip("-")[:NAME_LENGTH]
    return f"{target.kind}-{id}{ending}"


def write_share(context: AppContext, target: Target, path: Path, token: CancelToken) -> Shared:
    """Write the page of a trace or thread with its labels; runs in a worker. Replaces what was confirmed."""
    from traceview.exports.page.write import render_page, write_page

    format: PageFormat = SUFFIXES[path.suffix.lower()]
    labels = context.annotator.store.current if context.annotator is not None else None
    page = render_page(context.engine, target, format, labels=labels, token=token)
    return Shared(write_page(path, page, force=True).absolute(), page.redaction)
