"""What has become of a source since it was read, in words: gone, no longer readable, with parts that are skipped."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from traceview.model.errors import BadInput
from traceview.sources.open import OpenedSources, SkippedInput
from traceview.store.duck.changes import state_of

State = tuple[tuple[str, int, int], ...]


class Watch:
    """Remembers when the source was read, in which state it was refused, and what is to be said about it."""

    def __init__(self) -> None:
        self.notice: str | None = None
        self._read = time.strftime("%H:%M")
        self._refused: State | None = None

    def well(self) -> None:
        """The source is as it was read."""
        if self._refused is not None:
            self.notice = self._refused = None

    def refused(self, state: State) -> bool:
        """Whether the source was found unreadable in this very state."""
        return state == self._refused

    def refuse(self, state: State, sources: OpenedSources, error: BadInput) -> None:
        """The source cannot be read any more: what was read stays."""
        self._refused = state
        reason = error.message.splitlines()[0]
        self.notice = (
            f"{_gone(sources) or f'no longer readable: {reason}'}; showing what was indexed at {self._read}"
        )

    def taken(self, before: OpenedSources, now: OpenedSources) -> None:
        """The source was read anew; what of it is skipped and was not before is named."""
        self._refused = None
        self._read = time.strftime("%H:%M")
        known = {(one.reason, one.where, one.count) for one in before.skipped}
        self.notice = _skipped(
            [one for one in now.skipped if (one.reason, one.where, one.count) not in known]
        )

    def look(self, sources: OpenedSources) -> str | None:
        """What is wrong with the files that were read, by a look at their names and times alone."""
        if self._refused is not None and state_of(sources) == self._refused:
            return self.notice
        gone = _gone(sources)
        return f"{gone}; showing what was indexed at {self._read}" if gone is not None else self.notice


def _gone(sources: OpenedSources) -> str | None:
    """Which files of a source are not there any more."""
    gone = [path for path in sources.paths if not _is_there(path)]
    if not gone:
        return None
    if len(sources.paths) == 1:
        return f"{gone[0].name} is gone"
    return f"{len(gone):,} of {len(sources.paths):,} files are gone ({gone[0].name}{', …' if len(gone) > 1 else ''})"


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _skipped(new: Sequence[SkippedInput]) -> str | None:
    if not new:
        return None
    first = new[0]
    where = f"{Path(first.where).name}: " if first.where else ""
    more = f" and {len(new) - 1:,} more" if len(new) > 1 else ""
    return f"{sum(one.count for one in new):,} skipped: {where}{first.reason}{more}"
