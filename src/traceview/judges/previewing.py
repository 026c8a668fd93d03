"""What a judge would be sent for one target, and what that would cost, before anything is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from traceview.definitions.prices import PriceTable
from traceview.filters.ast import Node
from traceview.judges.exchange import Request, body_of, endpoint_of
from traceview.judges.items import items_of, needs_of, targets
from traceview.judges.ledger.records import PlannedCall
from traceview.judges.rendering import render
from traceview.judges.running.estimate import Estimate, Estimator
from traceview.judges.running.money import worst_cost
from traceview.model.errors import BadInput
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine
from traceview.store.targets import LEVELS, target_of_row


@dataclass(frozen=True, slots=True)
class Preview:
    """One call, whole, with where it would go and the estimate of its cost; or why nothing would be sent."""

    target: Target
    call: RenderedCall | None
    skipped: Judgement | None
    body: dict[str, Any] | None
    endpoint: str
    estimate: Estimate | None


def preview(
    engine: Engine,
    judge: JudgeDefinition,
    target: Target,
    prices: PriceTable,
    token: CancelToken | None = None,
) -> Preview:
    """The call of a model judge for one target. Raises BadInput where it is not in the source."""
    assert judge.model is not None
    (item,) = items_of(engine, [target], needs_of(judge), token)
    rendered = render(judge, item)
    endpoint = endpoint_of(judge.model)
    if isinstance(rendered, Judgement):
        return Preview(target, None, rendered, None, endpoint, None)
    request = Request(
        rendered.call_key, rendered.system, rendered.user, rendered.schema, judge.model.max_tokens
    )
    estimate = _estimate(judge, rendered, prices)
    return Preview(target, rendered, None, body_of(judge.model, request), endpoint, estimate)


def previewed_target(
    engine: Engine, judge: JudgeDefinition, wanted: str | None, where: Node | None
) -> Target:
    """The target that is named by its id or its beginning, else the newest that matches. Raises BadInput."""
    if wanted is not None:
        found = engine.resolve(wanted)
        if found.kind != judge.scope:
            raise BadInput(
                f"{wanted} is a {found.kind}, and {judge.name} judges a {judge.scope}",
                hint=f"`traceview {LEVELS[judge.scope]} SOURCE` lists ids",
            )
        return found
    selection = targets(engine, judge.scope, where)
    if not len(selection):
        raise BadInput(f"no {judge.scope} matches", hint="another --filter, or [filter] where of the judge")
    return target_of_row(judge.scope, engine.rows(selection, 0, 1).rows[0])


def facts_of(judge: JudgeDefinition, told: Preview) -> list[str]:
    """What is to be said of a call, a line each."""
    place = f"{told.target.kind} {told.target.id}"
    if told.skipped is not None:
        return [f"{place}: nothing would be sent ({told.skipped.reason}): {told.skipped.explanation}"]
    assert told.call is not None and told.estimate is not None and judge.model is not None
    estimate = told.estimate
    price = "of unknown price" if estimate.usd is None else f"about ${estimate.usd:.6f}"
    asked = f"{judge.model.id} at {told.endpoint}"
    lines = [
        f"{place}: {estimate.calls} {'call' if estimate.calls == 1 else 'calls'} to {asked}, about "
        f"{estimate.input_tokens:,} tokens in and {estimate.output_tokens:,} out, {price}"
    ]
    counts = ", ".join(f"{number:,} {type_}" for type_, number in told.call.redactions.items())
    lines.append(f"redaction {judge.redaction.profile}: {counts or 'nothing was replaced'}")
    if told.call.truncated:
        lines.append(f"cut: {', '.join(told.call.truncated)}")
    if told.call.injection_suspected:
        lines.append("careful: this trace seems to give instructions; people should look at its score")
    return lines


def _estimate(judge: JudgeDefinition, call: RenderedCall, prices: PriceTable) -> Estimate:
    assert judge.model is not None
    price = prices.of(judge.model.id)
    estimator = Estimator(judge.model, price, None)
    schema = json.dumps(call.schema, ensure_ascii=False, separators=(",", ":"))
    worst = None
    if price is not None:
        worst = worst_cost(price, (call.system, call.user, schema), judge.model.max_tokens)
    for repeat in range(judge.model.repeats):
        estimator.add(
            PlannedCall(
                call.call_key, call.target, call.input_hash, repeat, judge.model.repeats, call.system, schema,
                call.user, worst,
            )
        )  # fmt: skip
    return estimator.estimate()
