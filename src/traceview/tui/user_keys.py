"""The user's own keys, refused before anything is painted where they cannot be taken."""

from __future__ import annotations

from traceview.definitions.document import read_document
from traceview.definitions.user import UserConfig
from traceview.tui.actions import KeyRefused, rebound


def check_keys(config: UserConfig) -> None:
    """Raise BadInput with the file and the line of each key that is unknown, cannot be sent or means two things."""
    if not config.keys or config.path is None:
        return
    try:
        rebound(config.keys)
    except KeyRefused as refused:
        document = read_document(config.path)
        own = [name for name in refused.actions if name in config.keys]
        first, *others = own
        problem = refused.problem.removesuffix(".")
        for other in others:
            problem += f" ({document.place(('keys', other))})"
        raise document.error(("keys", first), problem, refused.hint) from None
