"""A session's summary in lines for people: the same on the screen and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from traceview.analysis.retrieval import RankingFigure
from traceview.annotation.retrieved import FIGURE_WORDS
from traceview.annotation.session_state import SessionState
from traceview.annotation.session_summary import RANKS, Rate, Summary
from traceview.model.sessions import Session
from traceview.text import human


def summary_lines(session: Session, state: SessionState, summary: Summary) -> Iterator[str]:
    """What came of a session; lines that begin with a blank belong to the one before."""
    how = [one for one in (session.rule, session.filter) if one and one not in session.name]
    yield " · ".join([f"session {session.name}", session.annotator, *how])
    blind = " · blind" if session.blind else ""
    yield f"{summary.done:,} of {summary.items:,} items labelled, {summary.deferred:,} deferred{blind}"
    if summary.median_seconds is not None:
        yield f"{summary.median_seconds:.1f} s each (median of {len(state.seconds):,})"
    for name, values in summary.values.items():
        counts = "  ".join(f"{value} {count:,}" for value, count in values.items()) or "no value"
        yield f"{name}  {counts}"
        rate = next((one for one in summary.rates if one.name == name), None)
        if rate is not None and rate.of:
            yield f"  {_rate_words(rate, _drawn_from(session, state), half_done=summary.done < summary.items)}"
        if name in summary.other_wording:
            yield (
                f"  {summary.other_wording[name]:,} of {sum(values.values()):,} under another wording of {name}: "
                "--sample re-review asks them again"
            )
    for one in summary.consistency:
        interval = "" if one.interval is None else f" (95 % interval {_percent(one.interval)})"
        kappa = (
            f"kappa {one.kappa.value:.2f}" if one.kappa.value is not None else f"no kappa: {one.kappa.reason}"
        )
        yield f"with yourself on {one.name}: {one.same:,} of {one.of:,} the same{interval}, {kappa}"
    for name, figures in summary.retrieval.items():
        yield f"rankings by {name}, of {_retrievals(figures[0].of)}"
        for figure in figures:
            yield f"  {_figure_words(figure)}"
    if summary.modes:
        yield "failure modes"
        for name, count in summary.modes.items():
            new = "  new in the last items" if name in summary.new_modes else ""
            yield f"  {name}  {count:,}{new}"
        if summary.since_new_mode:
            yield f"  no new one for {summary.since_new_mode:,} items"
    yield "next"
    for step in summary.next_steps:
        yield f"  {step}"


def pace_words(state: SessionState) -> str:
    """How far a session is, in few cells: labelled, seconds each, time left."""
    words = [f"{state.done_count:,} labelled"]
    if state.median_seconds is not None:
        words.append(f"{state.median_seconds:.0f} s each")
    left = state.seconds_left
    if left:
        words.append(f"{human.duration(left * 1000)} left" if left >= 60 else f"{left:.0f} s left")
    if state.deferred:
        words.append(f"{len(state.deferred):,} deferred")
    return " · ".join(words)


def passed_words(state: SessionState) -> str:
    """The pass rates so far, in few cells; empty before the first item is done."""
    rates = {name: f"{passed / of:.0%}" for name, (passed, of) in state.passed().items()}
    one = len(state.required) == 1
    told = ", ".join(rate if one else f"{name} {rate}" for name, rate in rates.items())
    return told and f"{told} pass"


def _drawn_from(session: Session, state: SessionState) -> str | None:
    """What the items were drawn from, None if from nothing; documents come by the spans that retrieved them."""
    if state.asks_contested:
        return None
    documents = any(item.target.document is not None for item in state.items[:1])
    return f"the documents of {_retrievals(session.of, 'all ')}" if documents else f"all {session.of:,}"


def _retrievals(count: int, all_of: str = "") -> str:
    return "1 retrieval" if count == 1 else f"{all_of}{count:,} retrievals"


def _figure_words(figure: RankingFigure) -> str:
    called = FIGURE_WORDS[figure.name].format(RANKS)
    mean = figure.mean
    if mean.value is None:
        return f"{called}: {mean.reason}"
    interval = f" ({mean.ci95[0]:.2f} to {mean.ci95[1]:.2f})" if mean.ci95 is not None else ""
    return f"{called} {mean.value:.2f}{interval}, of {figure.n:,}"


def _rate_words(rate: Rate, drawn_from: str | None, *, half_done: bool) -> str:
    told = f"pass {rate.passed:,} of {rate.of:,}"
    if rate.interval is not None:
        told += f": {rate.passed / rate.of:.0%} (95 % interval {_percent(rate.interval)})"
    if half_done:
        told += " of what was labelled so far"
    weighted = rate.weighted
    if drawn_from is None:
        return told
    if weighted.value is None:
        return f"{told}; of {drawn_from}: {weighted.reason}"
    interval = f" ({_percent(weighted.ci95)})" if weighted.ci95 is not None else ""
    return f"{told}; of {drawn_from} that matched, weighted: {weighted.value:.0%}{interval}"


def _percent(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.0%} to {high:.0%}"
