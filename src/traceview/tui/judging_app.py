"""The app as far as judges go: their screen, their runs, and what becomes of runs when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from traceview.tui.key_order import OrderedApp
from traceview.tui.screens.base import ROOT_DEPTH, TraceviewScreen

if TYPE_CHECKING:
    from traceview.filters.ast import Node
    from traceview.tui.context import AppContext
    from traceview.tui.judge_runs import JudgeRuns
    from traceview.tui.widgets.lines import Part


class JudgingApp(OrderedApp):
    """Adds the screen of judges and the runs of judges; what they need is imported when they are asked for."""

    context: AppContext
    _judge_runs: JudgeRuns | None = None

    def leave(self, then: Callable[[], object]) -> None:
        """Do what closes a screen, once every label is on disk."""
        raise NotImplementedError

    @property
    def listed(self) -> tuple[Node | None, str]:
        """The filter of the list at the root: its tree, and as it is written."""
        raise NotImplementedError

    def action_show_judges(self) -> None:
        """Every judge, over the list that is at the root."""
        self.leave(self._show_judges)

    def action_live_check(self) -> None:
        """A check over what the list at the root shows, tried while it is typed."""
        from traceview.tui.screens.check_editor import CheckEditor

        if not isinstance(self.screen, CheckEditor):
            self.push_screen(CheckEditor(self.context, *self.listed))

    def _show_judges(self) -> None:
        from traceview.tui.screens.judges import JudgesScreen

        while len(self.screen_stack) > ROOT_DEPTH and not isinstance(self.screen, JudgesScreen):
            self.pop_screen()
        if not isinstance(self.screen, JudgesScreen):
            self.push_screen(JudgesScreen(self.context))

    @property
    def judge_runs(self) -> JudgeRuns:
        """The runs of judges that were begun here; what they need is imported when one is asked for."""
        if self._judge_runs is None:
            from traceview.tui.judge_runs import JudgeRuns

            self._judge_runs = JudgeRuns(self)
        return self._judge_runs

    @property
    def runs_told(self) -> Sequence[Part]:
        """How far runs of judges are, for the status line."""
        return self._judge_runs.parts() if self._judge_runs is not None else ()

    def quit_asking(self, leave: Callable[[], object]) -> None:
        """Leave the app; what becomes of runs that go on is asked first."""
        screen = self.screen
        if self._judge_runs is None or not isinstance(screen, TraceviewScreen):
            leave()
            return
        from traceview.tui.screens.judge_running import leave_runs

        leave_runs(screen, self._judge_runs, leave)

    def end_runs(self) -> None:
        """Wait until what judges of code said is written; to be called when the app has ended."""
        if self._judge_runs is not None:
            self._judge_runs.close()
