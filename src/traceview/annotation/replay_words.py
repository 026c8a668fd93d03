"""What an undo or a redo did, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.annotation.service import Action
from traceview.annotation.values import format_value
from traceview.model.labels import Target
from traceview.text.safe import safe_line


def replay_sentence(action: Action, here: Sequence[Target] = ()) -> str:
    """What an undo took back, or a redo did again, and on which item or how many; `here` needs no name."""
    targets = {row.target for row in action.affected}
    names = ", ".join(dict.fromkeys(f"{row.name} = {format_value(row.value)}" for row in action.affected))
    elsewhere = targets.difference(here)
    where = f" on {next(iter(elsewhere)).id}" if len(elsewhere) == 1 else ""
    where = f" on {len(targets):,} items" if len(targets) > 1 else where
    return safe_line(f"{'taken back' if action.op == 'undo' else 'done again'}: {names}{where}")
