"""What a session is to be, before it begins: its items, rule, filter, questions; how many they are is said first."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from msgspec.structs import replace
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from traceview.annotation.asking import fitting
from traceview.annotation.session_choosing import MARKED, Choice, Plan, check_rule, choose
from traceview.annotation.session_making import SEEDS, open_session_of
from traceview.annotation.session_repeats import repeats_among
from traceview.filters.parser import parse
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput, TraceviewError
from traceview.model.labels import Scope
from traceview.model.sessions import Session
from traceview.store.interface import CancelToken, Level, ready
from traceview.text.cells import truncate
from traceview.text.safe import safe_line
from traceview.tui.asking import Asking
from traceview.tui.dialog import Dialog
from traceview.tui.panels.picker import ValuePicker
from traceview.tui.panels.saving import brief
from traceview.tui.screens.sessions import RULES
from traceview.tui.widgets.lines import Line, Lines, wrapped
from traceview.tui.widgets.safe_input import SafeInput

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.tui.screens.base import TraceviewScreen

Field = Literal["items", "rule", "filter", "asks", "blind", "name"]
FIELDS: tuple[Field, ...] = get_args(Field)
TYPED: tuple[Field, ...] = ("rule", "filter", "name")
WORDS: dict[Field, str] = {
    "items": "items",
    "rule": "which",
    "filter": "filter",
    "asks": "asks",
    "blind": "blind",
    "name": "name",
}
SCOPES: tuple[Scope, ...] = ("trace", "thread", "span", "document")
MANY: dict[Scope, str] = {
    "trace": "traces",
    "thread": "threads",
    "span": "spans",
    "document": "retrieved documents",
}
LEVELS: dict[Scope, Level] = {"trace": "traces", "thread": "threads", "span": "spans", "document": "spans"}
HOW: dict[Field, str] = {
    "items": "Left Right: traces, threads, single spans, or documents that spans retrieved",
    "rule": "Left Right: another rule   = types one: random:200, next:50",
    "filter": "= types the filter of what is chosen from (of documents: of the spans)",
    "asks": "= picks some of the definitions that fit, all are asked without",
    "blind": "Left Right: whether others' labels, model and prompt version are hidden",
    "name": "= types what the session is called",
}
PAUSE = 0.15
"""Seconds without another change before items are counted."""
ROWS_BELOW = 4


class SessionDialog(Dialog["Plan | Session"], Asking):
    """Gives back the plan, or the session that was begun with the same one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "begin", show=False),
        Binding("down,j,tab", "step(1)", show=False),
        Binding("up,k,shift+tab", "step(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
        Binding("left", "turn(-1)", show=False),
        Binding("equals_sign", "type", show=False),
    ]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    SessionDialog {
        & Lines { background: $surface; height: auto; }
        & #session-field, & #session-field:focus {
            border: none; height: 1; padding: 0; margin: 1 0 0 0; background: $panel; display: none;
        }
        &.-typing #session-field { display: block; }
        & #session-below { margin: 1 0 0 0; height: 4; }
    }
    """

    def __init__(self, below: TraceviewScreen, annotator: Annotator, plan: Plan) -> None:
        super().__init__()
        self._below = below
        self._annotator = annotator
        seed = secrets.randbelow(SEEDS) if plan.seed is None else plan.seed
        self.plan = replace(plan, seed=seed)
        self._at: Field = "rule"
        self._found: Choice | Session | None = None
        self._problem = ""

    # What is shown.

    def compose(self) -> ComposeResult:
        """The choices, the field of those that are typed, how many items there are."""
        with Vertical(id="dialog"):
            yield Lines(id="session-choices")
            yield SafeInput(id="session-field", max_length=2000)
            yield Lines(id="session-below")

    def on_mount(self) -> None:
        """Show the choices, and count."""
        self.query_one("#dialog").border_title = "a session"
        self._changed()

    def _show(self) -> None:
        plan = self.plan
        told = {
            "items": MANY[plan.scope],
            "rule": f"{plan.rule}{_of_rule(plan)}",
            "filter": "only what is marked" if plan.rule == MARKED else plan.filter or "none: all",
            "asks": self._asked_words(),
            "blind": "yes" if plan.blind else "no",
            "name": plan.name or "by the rule and the filter",
        }
        cells = self._cells
        lines: list[Line] = []
        for field in FIELDS:
            here = field == self._at
            lines.append(
                [
                    ("▌ " if here else "  ", "accent"),
                    (f"{WORDS[field]:8}", "key" if here else "dim"),
                    (truncate(safe_line(told[field]), cells - 10), "title" if here else None),
                ]
            )
        lines += [[], [(f"  {HOW[self._at]}", "dim")]]
        choices = self.query_one("#session-choices", Lines)
        choices.styles.height = len(lines)
        choices.show(lines)
        self._show_below()

    def _show_below(self) -> None:
        below = self.query_one("#session-below", Lines)
        cells = self._cells
        if self._problem:
            below.show(wrapped(f"✗ {safe_line(self._problem)}", cells, "error", ROWS_BELOW))
            return
        keys: Line = [("Enter", "key"), (" begins   ", "dim"), ("Esc", "key"), (" leaves", "dim")]
        found = self._found
        if found is None:
            below.show([[("counting …", "dim")]])
        elif isinstance(found, Session):
            name = safe_line(found.name)
            told = f"you began {name} like this, and it is open: Enter goes on; another name begins anew"
            below.show([*wrapped(told, cells, "warning", ROWS_BELOW - 1), keys])
        else:
            plan = self.plan
            told_first = plan.documents or plan.asks_threads_of_marks
            first, *notes = found.notes if told_first else ("", *found.notes)
            said = f"{first}, by {found.of:,} that match" if first and plan.documents else first
            said = said or f"{len(found.items):,} of {found.of:,} {MANY[plan.scope]}"
            # The title counts those too that come back; which ones, nobody is told.
            again = repeats_among(len(found.items))
            if again:
                twice = f"{again:,} come{'s' if again == 1 else ''} a second time"
                said += f" · {len(found.items) + again:,} to label, as {twice}"
            lines = wrapped(safe_line(said), cells, "title", ROWS_BELOW - 2)
            more = wrapped(safe_line(" · ".join(notes)), cells, "dim", ROWS_BELOW - 1 - len(lines))
            below.show([*lines, *more, keys])

    @property
    def _cells(self) -> int:
        """How wide a line may be."""
        return max(20, min(78, int(self.app.size.width * 0.94) - 6))

    def _asked_words(self) -> str:
        if self.plan.define:
            return ", ".join(self.plan.define)
        fit = self._fit()
        if not fit:
            return "nothing fits: = writes a definition in $EDITOR"
        return f"all that fit: {', '.join(one.name for one in fit)}"

    def _fit(self) -> tuple[FeedbackDefinition, ...]:
        return fitting(tuple(self._annotator.definitions.values()), self.plan.scope)

    # What the keys do.

    @property
    def _typing(self) -> bool:
        return self.has_class("-typing")

    def action_step(self, by: int) -> None:
        """Another choice."""
        if not self._typing:
            self._at = FIELDS[(FIELDS.index(self._at) + by) % len(FIELDS)]
            self._show()

    def action_turn(self, by: int) -> None:
        """The next value of this choice."""
        plan = self.plan
        if self._typing:
            return
        if self._at == "items":
            scope = SCOPES[(SCOPES.index(plan.scope) + by) % len(SCOPES)]
            self._take(replace(plan, level=LEVELS[scope], documents=scope == "document", define=()))
        elif self._at == "rule":
            rules = [*((MARKED,) if plan.marked else ()), *(rule for rule, _ in RULES)]
            at = rules.index(plan.rule) + by if plan.rule in rules else 0
            self._take(replace(plan, rule=rules[at % len(rules)]))
        elif self._at == "blind":
            self._take(replace(plan, blind=not plan.blind))
        else:
            self.action_type()

    def action_type(self) -> None:
        """Type the value of this choice, or pick definitions."""
        if self._typing:
            return
        if self._at == "asks":
            self._pick_definitions()
        elif self._at in TYPED:
            field = self.query_one("#session-field", SafeInput)
            field.placeholder = HOW[self._at]
            field.value = str(getattr(self.plan, self._at))
            self.add_class("-typing")
            field.focus()
            field.action_end()
        else:
            self.action_turn(1)

    def _pick_definitions(self) -> None:
        names = tuple(one.name for one in self._fit())
        if not names:
            from traceview.tui.screens.defining import define

            define(self._below, None)
            self._changed()
            return
        question = FeedbackDefinition(
            "what is asked", "categorical", (), "", choices=names, multi=True, allow_na=False
        )

        def picked(value: object) -> None:
            if isinstance(value, tuple):
                chosen = tuple(str(one) for one in value)
                self._take(replace(self.plan, define=() if chosen == names else chosen))

        self.app.push_screen(ValuePicker(question, self.plan.define or names), picked)

    @on(Input.Submitted)
    def typed(self, message: Input.Submitted) -> None:
        """Take what was typed."""
        message.stop()
        text = message.value.strip()
        plan = self.plan
        try:
            if self._at == "rule":
                check_rule(text)
                plan = replace(plan, rule=text)
            elif self._at == "filter":
                parse(text)
                plan = replace(plan, filter=text, rule="all" if plan.rule == MARKED else plan.rule)
            else:
                plan = replace(plan, name=text)
        except BadInput as error:
            self._problem = brief(error)
            self._show_below()
            return
        self._leave_field()
        self._take(plan)

    def _leave_field(self) -> None:
        self.remove_class("-typing")
        self.set_focus(None)
        self._show()

    def action_leave(self) -> None:
        """Leave the field, or the window."""
        if self._typing:
            self._leave_field()
            self._changed()
        else:
            super().action_leave()

    def action_begin(self) -> None:
        """Begin, once it is known what is in it."""
        if self._found is None or self._problem or self._typing:
            return
        self.dismiss(self._found if isinstance(self._found, Session) else self.plan)

    # Counting.

    def _take(self, plan: Plan) -> None:
        self.plan = plan
        self._changed()

    def _changed(self) -> None:
        self._found, self._problem = None, ""
        self._show()
        engine, annotator, plan = self._below.context.engine, self._annotator, self.plan

        def count(token: CancelToken) -> Choice | Session:
            same = open_session_of(annotator, replace(plan, seed=None))
            return same[0] if same is not None else choose(ready(engine), annotator, plan, token=token)

        self.ask("count", count, self._counted, failed=self._not_counted, delay=PAUSE)

    def _counted(self, found: Choice | Session) -> None:
        self._found = found
        self._show_below()

    def _not_counted(self, error: TraceviewError) -> None:
        missing = not self._fit()
        about = "a document" if self.plan.documents else f"a {self.plan.scope}"
        self._problem = f"no definition is about {about}: = on asks writes one" if missing else brief(error)
        self._show_below()


def _of_rule(plan: Plan) -> str:
    """What a rule means, after its name."""
    if plan.rule == MARKED:
        level = plan.marked_in or plan.level
        one = len(plan.marked) == 1
        what = f"the one {level.removesuffix('s')}" if one else f"the {len(plan.marked):,} marked {level}"
        held = f", and what {'it holds' if one else 'they hold'}"
        if plan.level == "threads":
            held = f": the thread{'' if one else 's'} {'it is' if one else 'they are'} in"
        held = "" if level == plan.level else held
        return f"   {what}{held}"
    told = dict(RULES).get(plan.rule, "")
    return f"   {told}" if told else ""
