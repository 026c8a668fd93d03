"""`labels undo` and `labels redo`: one's own last action in a label file, taken back and done again."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from traceview.cli.settings import Settings, json_option, label_options


@click.command("undo")
@click.argument("source")
@label_options
@json_option
@click.pass_obj
def labels_undo(
    settings: Settings, source: str, labels: Path | None, annotator: str | None, as_json: bool
) -> None:
    """Take back your last action in the label file, wherever it was done; once more, the one before.

    A bulk label, a merge or a split is one action. Undoing adds rows: nothing is removed.
    """
    _replay(settings, source, labels, annotator, "undo", as_json)


@click.command("redo")
@click.argument("source")
@label_options
@json_option
@click.pass_obj
def labels_redo(
    settings: Settings, source: str, labels: Path | None, annotator: str | None, as_json: bool
) -> None:
    """Do again what you took back last, unless you labelled something since."""
    _replay(settings, source, labels, annotator, "redo", as_json)


def _replay(
    settings: Settings,
    source: str,
    labels: Path | None,
    annotator: str | None,
    what: Literal["undo", "redo"],
    as_json: bool,
) -> None:
    from traceview.annotation.replay_words import replay_sentence
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import print_json_lines, say
    from traceview.store.labels.rows import to_json

    with opened_labels(settings, (source,), labels, annotator) as found:
        own = found.annotator()
        action = own.undo() if what == "undo" else own.redo()
        if as_json:
            print_json_lines(to_json(row, history=True) for row in (action.rows if action else ()))
        if action is None:
            say(f"{found.annotator_name} has nothing to {what} · {found.location.sentence}")
        else:
            say(replay_sentence(action))
