"""`sessions`: annotation sessions listed, summed up, closed; `resume` opens one in the app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traceview.cli.settings import Settings, json_option, label_options, source_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traceview.annotation.session_state import SessionState
    from traceview.annotation.session_summary import Summary
    from traceview.cli.opening import Labels
    from traceview.model.sessions import Session

COLUMNS = ("name", "annotator", "items", "done", "state", "rule", "filter", "seconds", "created_at", "id")
ACTIONS = ("list", "show", "resume", "close", "reopen")


@click.command("sessions")
@click.argument("source")
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("name", required=False)
@source_options
@label_options
@json_option
@click.pass_obj
def command_sessions(
    settings: Settings,
    source: str,
    action: str,
    name: str | None,
    mapping: tuple[str, ...],
    labels: Path | None,
    annotator: str | None,
    as_json: bool,
) -> None:
    """Annotation sessions: list them, or show, resume, close or reopen the one called NAME (or its id).

    Without a NAME it is the one that you worked on last. `traceview annotate` begins one.
    """
    from traceview.cli.opening import opened_labels
    from traceview.cli.output import json_line, print_json_lines, print_table, say

    if action == "resume":
        from traceview.cli.app import open_app

        open_app(settings, (source,), mapping=mapping, labels=labels, annotator=annotator, resume=name or "")
        return
    with opened_labels(settings, (source,), labels, annotator) as found:
        if action == "list":
            rows = list(_listed(found))
            if as_json:
                print_json_lines(rows)
            else:
                print_table(rows, COLUMNS)
            if not rows:
                say("no session yet: `traceview annotate SOURCE --sample random:50` begins one")
            return
        session = _the_session(found, name, of_anybody=action == "show")
        if action == "show":
            state, summary = _summed_up(found, session)
            if as_json:
                click.echo(json_line(_described(session, state) | _summary_json(summary)))
            else:
                _print_summary(session, state, summary)
            return
        from traceview.annotation.session_work import SessionWork

        SessionWork.open(found.annotator(), session).close_soon(action == "close").result()
        say(f"{session.name} is {'closed' if action == 'close' else 'open again'}")


def _the_session(found: Labels, name: str | None, *, of_anybody: bool) -> Session:
    """The named session, or the one that this annotator worked on last. Raises BadInput."""
    from traceview.annotation.session_work import find_session, open_sessions
    from traceview.model.errors import BadInput

    if name is not None:
        return find_session(found.store, name, None if of_anybody else found.annotator_name)
    own = open_sessions(found.store, found.annotator_name)
    if not own:
        from traceview.store.labels.sessions import sessions

        others = sorted({one.annotator for one in sessions(found.store)} - {found.annotator_name})
        hint = "name one: `traceview sessions SOURCE` lists them"
        if others:
            hint = f"there are sessions of {', '.join(others[:5])}: --annotator names whose you mean"
        raise BadInput(f"{found.annotator_name} has no open session", hint=hint)
    return own[-1]


def _listed(found: Labels) -> Iterator[dict[str, Any]]:
    from traceview.annotation.session_work import state_of
    from traceview.definitions.feedback import with_relevance
    from traceview.store.labels.sessions import sessions

    names = [definition.name for definition in with_relevance(found.project.definitions)]
    for session in reversed(sessions(found.store)):
        yield _described(session, state_of(found.store, session, names))


def _described(session: Session, state: SessionState) -> dict[str, Any]:
    done = state.done_count
    open_ = "closed" if state.closed else "done" if done == session.size else "open"
    return {
        "id": session.id,
        "name": session.name,
        "annotator": session.annotator,
        "created_at": session.created_at,
        "kind": session.kind,
        "rule": session.rule,
        "filter": session.filter,
        "seed": session.seed,
        "blind": session.blind,
        "items": session.size,
        "of": session.of,
        "done": done,
        "deferred": len(state.deferred),
        "state": open_,
        "seconds": None if state.median_seconds is None else round(state.median_seconds, 1),
        "definitions": sorted(session.definitions),
    }


def _summed_up(found: Labels, session: Session) -> tuple[SessionState, Summary]:
    from traceview.annotation.modes import MODE, modes_before
    from traceview.annotation.session_summary import summarise
    from traceview.annotation.session_work import state_of
    from traceview.definitions.feedback import with_relevance

    definitions = with_relevance(found.project.definitions)
    state = state_of(found.store, session, [definition.name for definition in definitions])
    before = modes_before(found.store.current(name=MODE), session.created_at)
    return state, summarise(state, definitions, known_modes=before)


def _summary_json(summary: Summary) -> dict[str, Any]:
    from traceview.annotation.session_summary import RANKS

    return {
        "values": summary.values,
        "other_wording": summary.other_wording,
        "modes": summary.modes,
        "new_modes": list(summary.new_modes),
        "since_new_mode": summary.since_new_mode,
        "rates": [
            {
                "name": rate.name,
                "k": rate.passed,
                "n": rate.of,
                "ci95": rate.interval,
                "weighted_rate": rate.weighted.value,
                "weighted_ci95": rate.weighted.ci95,
                "weighted_reason": rate.weighted.reason,
            }
            for rate in summary.rates
        ],
        "consistency": [
            {
                "name": one.name,
                "same": one.same,
                "of": one.of,
                "ci95": one.interval,
                "kappa": one.kappa.value,
                "kappa_reason": one.kappa.reason,
            }
            for one in summary.consistency
        ],
        "retrieval": {
            name: {
                one.name: {
                    "k": RANKS,
                    "value": one.mean.value,
                    "ci95": one.mean.ci95,
                    "n": one.n,
                    "of": one.of,
                }
                for one in figures
            }
            for name, figures in summary.retrieval.items()
        },
        "next_steps": list(summary.next_steps),
    }


def _print_summary(session: Session, state: SessionState, summary: Summary) -> None:
    from traceview.annotation.session_words import summary_lines
    from traceview.cli.output import print_lines

    print_lines(summary_lines(session, state, summary))
