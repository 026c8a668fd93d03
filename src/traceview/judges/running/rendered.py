"""The targets of a run, each rendered as it would be sent, or with the reason why it is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from traceview.filters import parse
from traceview.filters.ast import Node, all_of
from traceview.judges.hashing import is_sampled
from traceview.judges.items import Item, items, items_of, needs_of, targets
from traceview.judges.rendering import render
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.model.labels import Target
from traceview.store.interface import CancelToken, Engine, ListQuery
from traceview.store.targets import LEVELS


def filter_of(judge: JudgeDefinition, text: str) -> Node | None:
    """The filter of a run and that of the judge's own file together. Raises FilterError."""
    return all_of(*(parse(one) for one in (text, judge.where) if one.strip()))


def rendered_items(
    engine: Engine,
    judge: JudgeDefinition,
    filter_text: str,
    wanted: Sequence[Target] | None = None,
    token: CancelToken | None = None,
) -> Iterator[RenderedCall | Judgement]:
    """Every target that matches and is sampled, newest first; or those that are `wanted`, whatever the sampling.

    Raises BadInput, Cancelled.
    """
    for item in _items(engine, judge, filter_text, wanted, token):
        yield render(judge, item)


def rendered_most(
    engine: Engine,
    judge: JudgeDefinition,
    filter_text: str,
    wanted: Sequence[Target] | None = None,
    token: CancelToken | None = None,
) -> int:
    """About how many targets `rendered_items` gives: of what is sampled the share that is to be expected."""
    if wanted is not None:
        return sum(one.kind == judge.scope for one in wanted)
    matching = engine.totals(ListQuery(LEVELS[judge.scope], filter_of(judge, filter_text)), token).count
    return round(matching * min(1.0, judge.rate))


def _items(
    engine: Engine,
    judge: JudgeDefinition,
    filter_text: str,
    wanted: Sequence[Target] | None,
    token: CancelToken | None,
) -> Iterator[Item]:
    needs = needs_of(judge)
    if wanted is not None:
        return items_of(engine, [one for one in wanted if one.kind == judge.scope], needs, token)
    selection = targets(engine, judge.scope, filter_of(judge, filter_text), token)
    sampled = None if judge.rate >= 1 else lambda target: is_sampled(judge.name, target, judge.rate)
    return items(engine, judge.scope, selection, needs, is_wanted=sampled, token=token)
