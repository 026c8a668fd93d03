"""When a check that does not answer is waited for no more. Pure."""

from __future__ import annotations

from traceview.model.judges import Judgement

IN_A_ROW = 5
LOOKED_AT = 50
SHARE = 0.2
"""From so many items on, the share without an answer at which a judge is stopped."""


class Patience:
    """Counts the items on which a judge's check did not answer in time."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._late = 0
        self._count = 0

    def lost_with(self, judgement: Judgement) -> str | None:
        """Take up what came of an item; why the judge is to be stopped, None where it goes on."""
        late = judgement.outcome == "error" and judgement.reason == "check_timeout"
        self._count += 1
        self._late += late
        self._in_a_row = self._in_a_row + 1 if late else 0
        if self._in_a_row >= IN_A_ROW:
            return f"{judgement.explanation} on {IN_A_ROW} items in a row, the last of them {judgement.target.id}"
        if late and self._count >= LOOKED_AT and self._late > SHARE * self._count:
            return (
                f"{judgement.explanation} on {self._late:,} of {self._count:,} items, "
                f"the last of them {judgement.target.id}"
            )
        return None
