"""What came of a session: values counted, rates of what it was drawn from, self-consistency, pace, what to do next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct

from traceview.analysis.agreement import cohen_kappa, observed_agreement, table_of
from traceview.analysis.estimate import Estimate, undefined
from traceview.analysis.intervals import wilson
from traceview.analysis.retrieval import RankingFigure, figures
from traceview.analysis.weighted import SampledItem, weighted_rate
from traceview.annotation.modes import MODE, names_of
from traceview.annotation.retrieved import session_rankings
from traceview.annotation.sampling import part_of
from traceview.annotation.session_state import SessionState, agreement_pairs
from traceview.annotation.values import format_value
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, LabelValue, Target

RECENT = 20
"""A new failure mode among the last so many items says that there may be more."""

RANKS = 5
"""How many first documents of a ranking its figures are about."""

LEAVES_OUT = ("unlabelled", "re-review", "conflicts")
"""Rules that ask about some documents of a retrieval only."""

JUDGED_RANKINGS = (
    "how good retrieval is by everybody's labels, and at other ranks: `traceview labels retrieval --k`"
)

IN_ORDER = ("all", "unlabelled", "marked", "re-review", "conflicts")
"""Rules whose items come in the order of the list: what is done is its beginning, and says nothing of the rest."""


class Consistency(Struct, frozen=True):
    """How often an annotator said the same the second time. `kappa` says why where it is undefined."""

    name: str
    same: int
    of: int
    kappa: Estimate
    interval: tuple[float, float] | None


class Rate(Struct, frozen=True):
    """The pass rate of one boolean definition: of what was labelled, and of all that it was drawn from."""

    name: str
    passed: int
    of: int
    interval: tuple[float, float] | None
    weighted: Estimate


class Summary(Struct, frozen=True):
    """The figures of a session. `values` count each value by definition; places that ask again are counted once."""

    items: int
    done: int
    deferred: int
    values: dict[str, dict[str, int]]
    other_wording: dict[str, int]
    """How many of the values by a name were given while its definition said something else."""
    modes: dict[str, int]
    new_modes: tuple[str, ...]
    """Failure modes that the last RECENT items brought."""
    since_new_mode: int
    rates: tuple[Rate, ...]
    consistency: tuple[Consistency, ...]
    retrieval: Mapping[str, tuple[RankingFigure, ...]]
    """How good the rankings of the retrievals are, at RANKS documents, by the definition that judged them."""
    median_seconds: float | None
    next_steps: tuple[str, ...]


def summarise(
    state: SessionState,
    definitions: Sequence[FeedbackDefinition],
    *,
    known_modes: Sequence[str] = (),
    thread_of: dict[str, str | None] | None = None,
) -> Summary:
    """The summary of a session; `known_modes` were there before it, `thread_of` has the threads of its traces by id.

    Rates of all that was drawn from treat traces of one thread as alike, where the threads are known.
    """
    asked = [one for one in definitions if one.name in state.session.definitions]
    places = [item.position for item in state.items if item.repeat_of is None]
    values: dict[str, Counter[str]] = {one.name: Counter() for one in asked}
    modes: Counter[str] = Counter()
    hashes = {one.name: one.hash for one in asked}
    otherwise: Counter[str] = Counter()
    for position in places:
        wordings = state.wordings_at(position)
        otherwise.update(name for name, hash in hashes.items() if wordings.get(name, hash) != hash)
        for name, value in state.values_at(position).items():
            if name == MODE:
                modes.update(names_of(value))
            elif name in values:
                values[name].update(map(format_value, value if isinstance(value, tuple) else (value,)))
    rates = tuple(_rate(state, one.name, places, thread_of or {}) for one in asked if one.type == "boolean")
    done = sum(map(state.done, places))
    new = _new_modes(state, known_modes)
    consistency = _consistency(state, asked)
    return Summary(
        items=len(places),
        done=done,
        deferred=len(state.deferred),
        values={name: dict(counts.most_common()) for name, counts in values.items()},
        other_wording=dict(otherwise),
        modes=dict(modes.most_common()),
        new_modes=new,
        since_new_mode=state.since_new_mode(known_modes),
        rates=rates,
        consistency=consistency,
        retrieval=_retrieval(state, asked),
        median_seconds=state.median_seconds,
        next_steps=(
            *_next_steps(len(places) - done, _recent_words(state), bool(modes), new, consistency),
            *((JUDGED_RANKINGS,) if state.items and state.items[0].target.document is not None else ()),
        ),
    )


def _rate(state: SessionState, name: str, places: Sequence[int], threads: dict[str, str | None]) -> Rate:
    sampled = []
    passed = judged = 0
    asked = [position for position in places if name in state.asked_at(position)]
    for position in asked:
        item = state.items[position]
        value = state.values_at(position).get(name)
        counts = isinstance(value, bool)
        passed += value is True
        judged += counts
        sampled.append(
            SampledItem(
                item.probability,
                bool(value) if counts else None,
                labelled=counts or value == NOT_APPLICABLE,
                stratum=part_of(item.reason),
                cluster=threads.get(item.target.id, _retrieval_of(item.target)),
            )
        )
    left = sum(not one.labelled for one in sampled)
    skipped = sum(
        not one.labelled and state.done(position) for position, one in zip(asked, sampled, strict=True)
    )
    if state.asks_contested:
        weighted = undefined("each item was asked only what was contested there")
    elif left and state.session.rule.partition(":")[0] in IN_ORDER:
        weighted = undefined(
            f"not known: {left:,} of these {len(sampled):,} have no value yet, and they come in the order of the list"
        )
    elif skipped:
        weighted = undefined(
            f"not known: {skipped:,} items were done without a value, and which ones was the annotator's choice"
        )
    else:
        weighted = weighted_rate(sampled)
    return Rate(name, passed, judged, wilson(passed, judged), weighted)


def _retrieval(
    state: SessionState, asked: Sequence[FeedbackDefinition]
) -> dict[str, tuple[RankingFigure, ...]]:
    """The figures of rankings that the session judged; none where it left documents of a retrieval out."""
    if state.session.rule.partition(":")[0] in LEAVES_OUT:
        return {}
    told = {one.name: session_rankings(state, one) for one in asked if one.type in ("boolean", "numerical")}
    return {name: figures(found, RANKS) for name, found in told.items() if found}


def _retrieval_of(target: Target) -> str | None:
    """What retrieved a document: the documents of one retrieval are alike; None for anything else."""
    return f"{target.trace_id}/{target.span_id}" if target.document is not None else None


def _new_modes(state: SessionState, known: Sequence[str]) -> tuple[str, ...]:
    """The failure modes that were first named among the last RECENT items that were done."""
    seen = set(known)
    first: dict[str, int] = {}
    completed = state.completed
    for at, position in enumerate(completed):
        for name in names_of(state.values_at(position).get(MODE)):
            if name not in seen:
                first.setdefault(name, at)
    return tuple(name for name, at in first.items() if at >= len(completed) - RECENT)


def _consistency(state: SessionState, asked: Sequence[FeedbackDefinition]) -> tuple[Consistency, ...]:
    found = []
    for name, pairs in agreement_pairs(state, [one.name for one in asked]).items():
        words = [(_word(first), _word(second)) for first, second in pairs]
        table = table_of(words)
        same = sum(first == second for first, second in words)
        found.append(Consistency(name, same, len(words), cohen_kappa(table), observed_agreement(table).ci95))
    return tuple(found)


def _word(value: LabelValue) -> str:
    return f"{type(value).__name__} {format_value(value)}"


def _recent_words(state: SessionState) -> str:
    done = len(state.completed)
    return f"the last {RECENT} items" if done > RECENT else "these items" if done > 1 else "this item"


def _next_steps(
    left: int, recent: str, modes: bool, new: Sequence[str], consistency: Sequence[Consistency]
) -> tuple[str, ...]:
    steps = []
    if left:
        steps.append(f"{left:,} {'item is' if left == 1 else 'items are'} open: `traceview annotate` goes on")
    if new:
        steps.append(
            f"{recent} still brought new failure modes ({', '.join(new)}): label more before you count"
        )
    elif modes:
        steps.append("group the failure modes and write a ticket of each: `traceview labels modes`")
    for one in consistency:
        if one.same < one.of:
            steps.append(
                f"you contradicted yourself on {one.name} ({one.same} of {one.of} the same): sharpen its texts"
            )
    steps.append("write the labels and their texts to a file: `traceview export`")
    return tuple(steps)
