"""A list over whose rows, or over the spans and documents of them, annotation sessions are begun."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from traceview.store.interface import CancelToken
from traceview.tui import listing
from traceview.tui.screens.judged_list import JudgedList

if TYPE_CHECKING:
    from traceview.annotation.session_choosing import Plan


class SessionList(JudgedList):
    """Begins sessions by the command line, by key, and from the palette."""

    def first_loaded(self) -> None:
        """Begin or open a session if the command line said so."""
        context = self.context
        if context.begins_session and self.is_on_top:
            from traceview.tui.screens.sessions import begin

            wanted = context.plan if context.plan is not None else context.resume or ""
            # Once: the other list, when it is first shown, begins nothing.
            context.plan = context.resume = None
            begin(self, wanted)

    def action_session(self) -> None:
        """Choose a session to go on with, or begin one over the list or the marks."""
        from traceview.tui.screens.sessions import ask_session

        ask_session(self, self._plan(), self._plan_with_marks())

    def _plan(self) -> Plan:
        """A session over what is listed."""
        from traceview.annotation.session_choosing import Plan

        return Plan(level=self.level, filter=self.filter_text, blind=self.blind, marked_in=self.level)

    def _plan_with_marks(self) -> Callable[[CancelToken], Plan]:
        """Adds the marked rows, if there are any; called in a worker."""
        marks, selection, engine, level = self.marks, self.selection, self.context.engine, self.level
        plan, some = self._plan(), self._marked_count()

        def marked(token: CancelToken) -> Plan:
            if not some:
                return plan
            return replace(plan, marked=tuple(listing.marked_ids(engine, selection, marks, level, token)))

        return marked

    def session_commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Sessions over spans and documents instead of rows."""
        from traceview.tui.screens.sessions import OF_SPANS, ask_plan, of_spans

        def ask(title: str) -> None:
            self.ask(
                "marked", self._plan_with_marks(), lambda plan: ask_plan(self, dict(of_spans(plan))[title])
            )

        return [(f"label: session of {title}", partial(ask, title)) for _, title in OF_SPANS]
