"""A judge against the newest targets of a source, before anything is sent: what it finds, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from traceview.filters.ast import Node
from traceview.judges.checking import warnings_of_hits
from traceview.judges.examples import example_errors, labelled
from traceview.judges.hits import LAST, Hits, hits_of, last_items
from traceview.judges.items import needs_of
from traceview.judges.rendering import render
from traceview.model.judges import JudgeDefinition, Judgement, RenderedCall
from traceview.store.interface import CancelToken, Engine
from traceview.store.labels.store import LabelStore

DRY_RENDERS = 3


@dataclass(frozen=True, slots=True)
class Against:
    """What came of it: `dry` are the newest targets as they would be sent, or why they would not be."""

    hits: tuple[Hits, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    dry: tuple[RenderedCall | Judgement, ...] = ()


def look_at(
    engine: Engine,
    store: LabelStore | None,
    judge: JudgeDefinition,
    where: Node | None,
    token: CancelToken | None = None,
    last: int = LAST,
) -> Against:
    """Look at the newest targets that match; of a judge of code there is nothing to tell. Raises NotReady, BadInput."""
    if judge.kind == "code":
        return Against()
    looked_at = last_items(engine, judge.scope, where, needs_of(judge), last, token)
    hits = hits_of(judge, looked_at)
    warnings = list(warnings_of_hits(hits))
    if not looked_at:
        warnings.append(f"no {judge.scope} of the source matches its filter")
    errors: tuple[str, ...] = ()
    if judge.examples and store is not None:
        known = labelled(engine, store, judge, token)
        errors = tuple(example_errors(judge, known.train, known.values))
    if len(judge.pinned) != len(judge.examples):
        return Against(hits, tuple(warnings), errors)
    rendered = [render(judge, item) for item in looked_at]
    skipped = [one for one in rendered if isinstance(one, Judgement)]
    for reason, count in Counter(one.reason for one in skipped).most_common():
        told = next(one.explanation for one in skipped if one.reason == reason)
        warnings.append(
            f"{count:,} of the last {len(rendered):,} would be skipped ({reason}), such as: {told}"
        )
    cut = [one for one in rendered if isinstance(one, RenderedCall) and one.truncated]
    if cut:
        warnings.append(
            f"{len(cut):,} of the last {len(rendered):,} would be cut: {', '.join(cut[0].truncated)}"
        )
    return Against(hits, tuple(warnings), errors, tuple(rendered[:DRY_RENDERS]))
