"""What a run would send: every target rendered into the ledger; memory stays flat, and nothing is asked twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from traceview.definitions.prices import Price
from traceview.judges.hashing import call_key
from traceview.judges.ledger import calls as ledger_calls
from traceview.judges.ledger import plans as ledger_plans
from traceview.judges.ledger.ledger import Ledger
from traceview.judges.ledger.records import Place, PlannedCall
from traceview.judges.running.estimate import Estimator
from traceview.judges.running.money import worst_cost
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.store.labels.store import LabelStore

_AT_ONCE = 64


@dataclass(slots=True)
class Plan:
    """What was planned: numbers of targets, and what is to be scored anew though nothing of it is sent.

    `held` may have been paid by a process that died, `elsewhere` are in another run at this moment; `again` are calls
    that were answered, whose score is not the current one (any more).
    """

    planned: int = 0
    already_done: int = 0
    held: int = 0
    elsewhere: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    cut: int = 0
    suspected: int = 0
    redactions: Counter[str] = field(default_factory=Counter)
    again: list[str] = field(default_factory=list)
    limited: bool = False


def plan(
    ledger: Ledger,
    labels: LabelStore,
    run: str,
    judge: JudgeDefinition,
    rendered: Iterable[RenderedCall | Judgement],
    estimator: Estimator,
    price: Price | None,
    *,
    limit: int | None,
    retry_unknown: bool,
    batch: bool = False,
) -> Plan:
    """Write the calls of what is rendered into the ledger, until `limit` targets are planned. Raises BadInput."""
    assert judge.model is not None
    found = Plan()
    repeats = judge.model.repeats
    source = iter(rendered)
    while limit is None or found.planned < limit:
        room = _AT_ONCE if limit is None else min(_AT_ONCE, limit - found.planned)
        some = list(islice(source, room))
        if not some:
            return found
        asked: list[RenderedCall] = []
        for one in some:
            if isinstance(one, Judgement):
                found.skipped[one.reason or one.outcome] += 1
            else:
                asked.append(one)
        calls = [list(_calls(judge, one, repeats, price, batch)) for one in asked]
        names = (judge.name, judge.metric, judge.hash)
        flat = [call for group in calls for call in group]
        places = ledger.now(
            partial(
                ledger_plans.plan,
                run=run,
                names=names,
                calls=flat,
                retry_unknown=retry_unknown,
                batch=batch,
            )
        )
        done: list[PlannedCall] = []
        for index, (one, group) in enumerate(zip(asked, calls, strict=True)):
            here = places[index * repeats : (index + 1) * repeats]
            _count(found, one, group, here, done, estimator)
        found.again += _to_score_again(ledger, labels, judge, done)
    found.limited = next(source, None) is not None
    return found


def _calls(
    judge: JudgeDefinition, one: RenderedCall, repeats: int, price: Price | None, batch: bool
) -> Iterator[PlannedCall]:
    schema = json.dumps(one.schema, ensure_ascii=False, separators=(",", ":"))
    assert judge.model is not None
    worst = None
    if price is not None:
        worst = worst_cost(price, (one.system, one.user, schema), judge.model.max_tokens, batch=batch)
    for repeat in range(repeats):
        key = one.call_key if repeat == 0 else call_key(judge.hash, one.target, one.input_hash, repeat)
        yield PlannedCall(
            key,
            one.target,
            one.input_hash,
            repeat,
            repeats,
            one.system,
            schema,
            one.user,
            worst,
            one.truncated,
            one.injection_suspected,
        )


def _count(
    found: Plan,
    one: RenderedCall,
    group: Sequence[PlannedCall],
    places: Sequence[Place],
    done: list[PlannedCall],
    estimator: Estimator,
) -> None:
    """Count a target by where its calls stand."""
    new = [call for call, place in zip(group, places, strict=True) if place == "new"]
    for call in new:
        estimator.add(call)
    if new or "batched" in places:
        found.planned += 1
        found.cut += bool(one.truncated)
        found.suspected += one.injection_suspected
        found.redactions.update(one.redactions)
    elif "held" in places:
        found.held += 1
    elif "elsewhere" in places:
        found.elsewhere += 1
    else:
        found.already_done += 1
        done.append(group[0])


def _to_score_again(
    ledger: Ledger, labels: LabelStore, judge: JudgeDefinition, done: Sequence[PlannedCall]
) -> list[str]:
    """Those of the answered calls whose score is not the current one: another version of the judge came after it."""
    if not done:
        return []
    answered = ledger.now(partial(ledger_calls.answered_of, keys=[call.call_key for call in done]))
    current = {
        row.id
        for row in labels.current(
            [call.target for call in done], name=judge.metric, source=judge.source, annotator=judge.name
        )
    }
    valued = ("scored", "not_applicable")
    return [
        one.call_key
        for one in answered
        if one.label not in current and (one.repeats > 1 or one.verdict.outcome in valued)
    ]
