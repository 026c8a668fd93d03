"""A session is made: what was chosen for it is frozen, or the one that was begun before is found."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from traceview.annotation.asking import chosen, required_of
from traceview.annotation.service import Annotator
from traceview.annotation.session_choosing import ASKS_AFRESH, MARKED, Plan, choose, in_question
from traceview.annotation.session_repeats import with_repeats
from traceview.annotation.session_work import SessionWork, open_sessions
from traceview.model.sessions import Session
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.sessions import add_session, sessions
from traceview.store.names import KIND

SEEDS = 1_000_000


class Made(Struct, frozen=True):
    """A session that was made; `notes` say what of the plan could not be had."""

    session: Session
    notes: tuple[str, ...]


def make_session(
    engine: Engine,
    annotator: Annotator,
    plan: Plan,
    *,
    token: CancelToken | None = None,
    on_progress: Callable[[int, int], object] | None = None,
) -> Made:
    """Choose the items and write the session. Raises BadInput, Cancelled, NotReady, Unsaved.

    `on_progress` hears how many of how many rows were read.
    """
    seed = secrets.randbelow(SEEDS) if plan.seed is None else plan.seed
    choice = choose(engine, annotator, replace(plan, seed=seed), token=token, on_progress=on_progress)
    session = Session(
        id="",
        name=_free_name(annotator, plan),
        annotator=annotator.name,
        created_at="",
        kind=KIND[plan.level],
        rule=plan.rule,
        seed=seed,
        filter=plan.filter,
        blind=plan.blind,
        fresh=plan.rule.partition(":")[0] in ASKS_AFRESH,
        definitions={definition.name: definition.hash for definition in choice.asked},
        required=tuple(definition.name for definition in required_of(choice.asked)),
        of=choice.of,
    )
    return Made(add_session(annotator.store, session, with_repeats(choice.items, seed)), choice.notes)


def open_session_of(annotator: Annotator, plan: Plan) -> tuple[Session, tuple[str, ...]] | None:
    """The session that this annotator began with the same plan and has not ended; None if there is none.

    With a note of the definitions whose wording has changed since. A plan of marked items is a new one each time.
    """
    if plan.rule == MARKED:
        return None
    asked = chosen(tuple(annotator.definitions.values()), plan.scope, in_question(annotator, plan))
    hashes = {definition.name: definition.hash for definition in asked}
    for session in reversed(open_sessions(annotator.store, annotator.name)):
        same = (
            (session.kind, session.rule, session.filter, session.blind)
            == (KIND[plan.level], plan.rule, plan.filter, plan.blind)
            and plan.seed in (None, session.seed)
            and plan.name in ("", session.name)
            and (session.fresh or session.definitions.keys() == hashes.keys())
        )
        if same and SessionWork.open(annotator, session).state.resume() is not None:
            changed = [
                name for name, found in session.definitions.items() if hashes.get(name, found) != found
            ]
            note = f"reworded since it began: {', '.join(changed)}"
            return session, ("taken up where it was left", *([note] if changed else []))
    return None


def _free_name(annotator: Annotator, plan: Plan) -> str:
    """The name of the plan, or one from the rule; a number behind one that is taken."""
    taken = {session.name for session in sessions(annotator.store)}
    items = f"of {plan.scope}s" if plan.level == "spans" or plan.marked_in not in (None, plan.level) else ""
    wanted = " ".join((plan.name or " ".join(filter(None, (plan.rule, items, plan.filter)))).split())[:80]
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted} ({number})", number + 1
    return name
