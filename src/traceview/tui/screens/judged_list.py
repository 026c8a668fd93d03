"""A list whose rows judges can be run over: the marked ones, all that match, or the items of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traceview.model.labels import Target
from traceview.store.interface import CancelToken
from traceview.store.names import KIND
from traceview.tui import listing
from traceview.tui.screens.following import FollowingList

if TYPE_CHECKING:
    from traceview.judges.selecting import Chosen
    from traceview.model.judges import JudgeDefinition
    from traceview.tui.screens.base import TraceviewScreen


class JudgedList(FollowingList):
    """Adds the key that runs a judge."""

    def judged(self) -> list[Chosen]:
        """The marked ones, what matches the filter, and one's open sessions."""
        from traceview.judges.selecting import Chosen

        noun = self.level
        matching = f" that match {self.filter_text}" if self.filter_text else ""
        count = f"the {len(self.selection):,} " if self.selection is not None else "all "
        return [Chosen(f"{count}{noun}{matching}", self.filter_text)]

    def action_judge(self) -> None:
        """Have a judge score what is marked, what matches, or the items of a session."""
        self.ask_judge(None)

    def ask_judge(self, judge: JudgeDefinition | None, screen: TraceviewScreen | None = None) -> None:
        """Run a judge, or ask which, over what this list shows; `screen` is the one in front."""
        from traceview.judges.selecting import Chosen
        from traceview.tui.screens.judge_running import ask_judge, chosen_sessions

        marks, selection, engine, level = self.marks, self.selection, self.context.engine, self.level
        kind, annotator, some = KIND[self.level], self.context.annotator, self._marked_count()
        front = self if screen is None else screen

        def known(token: CancelToken) -> list[Chosen]:
            found: list[Chosen] = []
            if some:
                ids = listing.marked_ids(engine, selection, marks, level, token)
                targets = tuple(Target(kind, one, one if kind == "trace" else None) for one in ids)
                found.append(Chosen(f"the {len(ids):,} marked {level}", targets=targets))
            return [*found, *self.judged(), *(chosen_sessions(annotator) if annotator is not None else ())]

        front.ask("judged", known, lambda chosen: ask_judge(front, chosen, judge))
