"""Stats: figures of groups of traces by chosen fields, over nothing, days, weeks or hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType

from traceview.model.errors import BadInput
from traceview.store.buckets import OVER, Over
from traceview.store.interface import CancelToken, SortKey
from traceview.store.stats import chosen_fields, group_fields
from traceview.text.safe import safe_line
from traceview.tui.actions import Area, bindings_for
from traceview.tui.context import AppContext
from traceview.tui.figures import Figure, key_figures, lines_of, number_figures
from traceview.tui.panels.group_chooser import ATTRIBUTE, GroupChooser
from traceview.tui.screens.group_asking import Found
from traceview.tui.screens.group_frame import GroupScreen
from traceview.tui.widgets.lines import Part

MOST_GROUPS = 20_000
"""Groups that are fetched, the largest of them; how many there are is said."""
MEASURES: tuple[Over | None, ...] = (None, "day", "week", "hour")
ATTRIBUTES = 200


class StatsScreen(GroupScreen):
    """Figures by fields and stretches of time, that of all traces first."""

    AREA: ClassVar[Area] = "stats"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("app", "stats")]

    def __init__(
        self,
        context: AppContext,
        filter_text: str = "",
        sort: SortKey | None = None,
        by: str = "model",
        over: str = "",
    ) -> None:
        super().__init__(context, filter_text, sort)
        self._by = _fields(by)
        self._over: Over | None = next((one for one in OVER if one == over), None)

    @property
    def by(self) -> tuple[str, ...]:
        """The fields of the grouping."""
        return self._by

    @property
    def over(self) -> Over | None:
        """The stretches of time of the grouping."""
        return self._over

    def ask_engine(self, token: CancelToken) -> Found:
        """The figures of all traces and of every group."""
        engine, node, by, over = self.context.engine, self._node, self._by, self._over
        total = engine.stats(node, (), None, None, token)
        found = engine.stats(node, by, over, MOST_GROUPS, token) if by or over else total
        lines = lines_of(
            found.rows if by or over else (),
            (*((over,) if over else ()), *by),
            total.rows[0] if total.rows else None,
        )
        return Found(tuple(lines), found.groups if by or over else 0, found.traces, found.overlapping)

    def figures(self) -> Sequence[Figure]:
        """The fields, then the figures that any line has."""
        rows = [line.row for line in self.found.lines if not line.total] if self.found else []
        rows = rows or [line.row for line in self.found.lines] if self.found else []
        named = key_figures(self._by, self._over) or key_figures(("",), None)
        return (*named, *number_figures(rows, scores=not self.blind))

    @property
    def described(self) -> list[Part]:
        """By which fields, over which stretches."""
        by = ", ".join(safe_line(field) for field in self._by) or "nothing"
        return [(" by ", "dim"), (by, "accent"), ("  over ", "dim"), (self._over or "all time", "accent")]

    def choose(self, by: Sequence[str], over: Over | None) -> None:
        """Group by other fields; what is being asked for is interrupted."""
        self._by, self._over = _fields(",".join(by)), over
        if self.sort is not None and self.sort.field not in {"n", "cost_usd", "p95_ms", *self.key_fields}:
            self.sort = None
        self.reload(anew=True)

    def action_columns(self) -> None:
        """Choose the fields to group by."""

        def chosen(by: tuple[str, ...] | None) -> None:
            if by is None or by == self._by:
                return
            try:
                group_fields(by)
            except BadInput as error:
                self.say(str(error), error=True)
            else:
                self.choose(by, self._over)

        self.app.push_screen(GroupChooser(self._by, self._ask_attributes), chosen)

    def _ask_attributes(self, offer: Callable[[Sequence[str]], None]) -> None:
        engine = self.context.engine

        def attributes(token: CancelToken) -> list[str]:
            return [f"{ATTRIBUTE}{key}" for key in engine.complete("attr", "", ATTRIBUTES, token)]

        self.ask("attributes", attributes, offer, failed=lambda error: offer(()))

    def action_measure(self) -> None:
        """Over nothing, days, weeks, hours."""
        self.choose(self._by, MEASURES[(MEASURES.index(self._over) + 1) % len(MEASURES)])

    def command(self) -> str | None:
        """`traceview stats FILE --by … --over … --filter …`."""
        return self.context.invocation.groups("stats", self.filter_text, by=self._by, over=self._over)


def _fields(text: str) -> tuple[str, ...]:
    """Fields that were kept; what can be grouped by no more is none."""
    names = tuple(name for name in text.split(",") if name)
    try:
        return tuple(field.label for field in chosen_fields(names))
    except BadInput:
        return ("model",)
