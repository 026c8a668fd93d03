"""A judge against the newest targets of a source, before anything is sent: what it finds, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from traceview.filters import parse
from traceview.filters.ast import Node
from traceview.filters.printer import quote_value
from traceview.judges.checking import warnings_of_hits
from traceview.judges.examples import example_errors, labelled
from traceview.judges.hits import LAST, Hits, hits_of, last_items
from traceview.judges.items import needs_of
from traceview.judges.rendering import render
from traceview.model.checks import PYTHON
from traceview.model.judges import Check, JudgeDefinition, Judgement, RenderedCall
from traceview.store.interface import CancelToken, Engine, ListQuery
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
    """Look at the newest targets that match; of a judge of code at the tools that it names.

    Raises NotReady, BadInput.
    """
    if judge.kind == "code":
        return Against(warnings=tuple(_unknown_tools(engine, judge, token)))
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


def _unknown_tools(engine: Engine, judge: JudgeDefinition, token: CancelToken | None) -> Iterator[str]:
    """The tools that checks name and that nothing in the source is called."""
    named = [one for check in judge.checks for key in ("tool", "tools") for one in _texts(check, key)]
    for tool in dict.fromkeys(named):
        spans = (
            ListQuery("spans", parse(f"{field}:{quote_value(tool, field)}")) for field in ("tool", "name")
        )
        if not any(engine.totals(query, token).count for query in spans):
            yield f"no trace of the source has a tool {tool!r}: the name is probably wrong"


def _texts(check: Check, key: str) -> Sequence[str]:
    """An option that is a text or several; nothing for a check of the project's own, whose options are its own."""
    given = () if check.use.startswith(PYTHON) else check.options.get(key, ())
    return (given,) if isinstance(given, str) else tuple(given)
