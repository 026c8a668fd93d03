"""Definitions made and changed from the app: the table of one in the user's editor, in force at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from traceview.model.errors import BadInput
from traceview.model.labels import Target
from traceview.text.safe import safe_line
from traceview.tui.definition_watch import redefine
from traceview.tui.panels.pick import Pick, PickScreen
from traceview.tui.panels.saving import brief

if TYPE_CHECKING:
    from traceview.annotation import Annotator
    from traceview.annotation.session_choosing import Plan
    from traceview.definitions.project import Project
    from traceview.store.interface import CancelToken
    from traceview.tui.screens.base import TraceviewScreen


def definition_commands(screen: TraceviewScreen) -> list[tuple[str, Callable[[], object]]]:
    """A new definition, and an edit of each that there is."""
    project = screen.context.project
    if project is None:
        return []
    names = [one.name for one in project.definitions] if project.path is not None else []
    return [
        ("definitions: new", partial(define, screen, None)),
        *((safe_line(f"definitions: edit {name}"), partial(define, screen, name)) for name in names),
    ]


def define(screen: TraceviewScreen, name: str | None) -> None:
    """Have a definition edited until it can be read, or is left as it was; what it says holds at once."""
    from traceview.definitions.section import NEW_SECTION, section_text, with_reason, without_reason
    from traceview.tui.external import edit_text

    context = screen.context
    project, annotator = context.project, context.annotator
    assert project is not None
    refused: BadInput | None = None
    try:
        text = NEW_SECTION
        if name is not None and project.path is not None:
            text = section_text(project.path, name)
        while True:
            pause = annotator.store.suspended() if annotator is not None else None
            edited = edit_text(screen.app, text.rstrip("\n"), "definition.toml", pause)
            if edited is None:
                why = f": {safe_line(brief(refused))}" if refused is not None else "."
                screen.say(f"Nothing was changed{why}", error=refused is not None)
                return
            edited = without_reason(edited)
            try:
                changed, saved = _put(screen, project, name, edited)
            except BadInput as error:
                refused, text = error, with_reason(edited, error)
            else:
                break
    except BadInput as error:
        screen.say(brief(error), error=True)
        return
    before = project.definition(saved)
    redefine(screen.app, context, changed)
    after = changed.definition(saved)
    screen.say(f"saved {saved} in {changed.path}, and in force")
    if before is not None and after is not None and before.hash != after.hash and annotator is not None:
        _offer_re_review(screen, annotator, saved, after.hash)


def _put(screen: TraceviewScreen, project: Project, name: str | None, text: str) -> tuple[Project, str]:
    from traceview.definitions.section import put_section
    from traceview.tui.actions import keys_in_use

    reserved = keys_in_use(screen.context.keys)
    return put_section(
        project.path,
        name,
        text,
        origin=project.origin if project.path is not None else "cwd",
        reserved_keys=reserved,
    )


def _offer_re_review(screen: TraceviewScreen, annotator: Annotator, name: str, hash: str) -> None:
    """Where labels of one's own were given under the old wording, offer to look at them again."""
    from traceview.annotation.session_again import RE_REVIEW, reworded
    from traceview.annotation.session_choosing import Plan

    def found(token: CancelToken) -> Sequence[Target]:
        return [row.target for row in reworded(annotator, {name: hash})]

    def offer(targets: Sequence[Target]) -> None:
        if not targets:
            return
        kinds = [target.scope for target in targets]
        scope = max(dict.fromkeys(kinds), key=kinds.count)
        count = kinds.count(scope)
        plan = Plan(
            level="threads" if scope == "thread" else "traces" if scope == "trace" else "spans",
            rule=RE_REVIEW,
            define=(name,),
            documents=scope == "document",
        )
        picks: list[Pick[Plan | None]] = [
            Pick(
                "look at them again",
                f"a session over {count:,} {scope}{'' if count == 1 else 's'}, your earlier values beside",
                plan,
                holds=True,
            ),
            Pick("later", f"{RE_REVIEW} among the rules of sessions finds them", None),
        ]
        heading = safe_line(f"under the old wording of {name} stand labels of yours: {len(targets):,}")
        screen.app.push_screen(PickScreen(heading, picks), partial(_begin, screen))

    screen.ask("reworded", found, offer)


def _begin(screen: TraceviewScreen, plan: Plan | None) -> None:
    from traceview.tui.screens.sessions import begin

    if plan is not None:
        begin(screen, plan)
