"""Runs of judges in lines for people: the plan before anything is sent, how far it is, what came of it.

The dictionaries are the events of a worker and the reports of `judge run --json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.judges.running.estimate import price_sentence

_WAITS = {
    "rate_limited": "the endpoint's limit (429)",
    "overloaded": "the endpoint is overloaded",
    "limit_nearly_used_up": "little is left of the endpoint's limit",
}
UNRELIABLE = 0.05
"""Share of unscored targets above which a rate is not to be relied on."""


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """A plan for people."""
    estimate = plan["estimate"]
    lines = []
    told = [f"{plan['planned']:,} to judge" + (" (--limit)" if plan["limited"] else "")]
    for key, words in (
        ("already_done", "judged already"),
        ("held", "held: they may have been paid (--unknown retry)"),
        ("elsewhere", "in another run now"),
    ):
        if plan[key]:
            told.append(f"{plan[key]:,} {words}")
    told += [f"{count:,} skipped: {reason}" for reason, count in plan["skipped"].items()]
    lines.append(f"{plan['judge']}: {', '.join(told)}")
    if plan["planned"]:
        counted = f", tokens of {estimate['counted']} counted there" if estimate["counted"] else ""
        lines.append(f"  {plan['model']} at {plan['endpoint']}: {estimate['calls']:,} calls{counted}")
        lines.append(f"  {price_sentence(estimate)}")
        replaced = sum(plan["redactions"].values())
        lines.append(f"  redaction {plan['redaction']}: {replaced:,} texts replaced")
    if plan["injection_suspected"]:
        lines.append(f"  {plan['injection_suspected']:,} have text that seems to address the judge")
    if plan["cut"]:
        lines.append(f"  {plan['cut']:,} are cut to the judge's max_chars")
    return lines


def planning_line(told: Mapping[str, Any]) -> str:
    """How far the plan of a run is: what would be sent is worked out for each item."""
    about = max(told["of"], told["looked_at"])
    return f"{told['judge']}: planning, {told['looked_at']:,} of about {about:,} looked at"


def progress_line(told: Mapping[str, Any]) -> str:
    """How far a run is, on one line."""
    parts = [
        f"{told['judge']}: {told['finished']:,} of {told['planned']:,}",
        f"{told['in_flight']} in flight",
    ]
    parts.append(f"{told['rate']:.1f}/s")
    if told["p50"] is not None:
        parts.append(f"p50 {told['p50']:.2f} s")
    if told["usd"] is not None:
        parts.append(f"${told['usd']:.4f}")
    if told["cached_share"]:
        parts.append(f"{told['cached_share']:.0%} cached")
    if told["paused"]:
        parts.append("paused")
    elif (waits := told.get("waits")) is not None and waits["seconds"] >= 1:
        parts.append(f"waits {waits['seconds']:.0f} s: {_WAITS.get(waits['reason'], waits['reason'])}")
    elif told["eta_seconds"] is not None:
        parts.append(f"{told['eta_seconds']:.0f} s left")
    return " · ".join(parts)


def report_line(report: Mapping[str, Any]) -> str:
    """What came of a run: nothing that was not scored is in the rate."""
    parts = [f"{report['scored']:,} scored of {report['planned']:,}"]
    values = report.get("values") or {}
    if values:
        parts[0] += f" ({', '.join(f'{value} {count:,}' for value, count in sorted(values.items()))})"
    if report["not_applicable"]:
        parts.append(f"{report['not_applicable']:,} not applicable")
    for key, words in (("unscored", "unscored"), ("errors", "failed"), ("skipped", "skipped")):
        counts = report[key]
        if counts:
            reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items()))
            parts.append(f"{sum(counts.values()):,} {words} ({reasons})")
    for key, words in (("already_done", "judged before"), ("unknown", "unknown"), ("left", "not begun")):
        if report.get(key):
            parts.append(f"{report[key]:,} {words}")
    if report.get("repeat_pairs"):
        parts.append(f"{report['flips'] / report['repeat_pairs']:.1%} of pairs of repeats differ")
    if report["calls"]:
        money = f", ${report['usd']:.4f}" if report["usd"] is not None else ", price not known"
        parts.append(f"{report['calls']:,} calls{money}")
    parts.append(f"{report['seconds']:.1f} s")
    return f"{report['judge']}: {'; '.join(parts)}"


def warning_lines(report: Mapping[str, Any]) -> list[str]:
    """What makes the figures of a run unreliable, and the words of its newest error."""
    unscored, failed = sum(report["unscored"].values()), sum(report["errors"].values())
    ended = _ended(report)
    lines = []
    if ended and (unscored + failed) / ended > UNRELIABLE:
        what = " and ".join(
            [f"{unscored:,} unscored"] * bool(unscored) + [f"{failed:,} failed"] * bool(failed)
        )
        where = " (`traceview judge runs SOURCE` shows why)" if report.get("run") else ""
        lines.append(f"{report['judge']}: {what} of {ended:,}: its rates are not to be relied on{where}")
    if report.get("last_error"):
        lines.append(f"{report['judge']} failed: {report['last_error']}")
    return lines


def has_failed(report: Mapping[str, Any]) -> bool:
    """Whether a run failed as a whole: errors on more than a twentieth of its items, or stopped by one."""
    failed = sum(report["errors"].values())
    stopped = report["stopped_by"] not in (None, "cancel", "budget")
    return stopped or bool(failed and failed / _ended(report) > UNRELIABLE)


def _ended(report: Mapping[str, Any]) -> int:
    """Items that something came of."""
    without = sum(report["unscored"].values()) + sum(report["errors"].values())
    return int(report["scored"] + report["not_applicable"] + without)


def end_lines(report: Mapping[str, Any]) -> list[str]:
    """What is said of a run that has ended, beside its report."""
    if not report["message"]:
        return warning_lines(report)
    said = stopped_sentence(report) if report["stopped_by"] else report["message"]
    return [f"{report['judge']}: {said}", *warning_lines(report)]


def stopped_sentence(report: Mapping[str, Any]) -> str:
    """Why a run stopped before its end."""
    by, message = report["stopped_by"], report["message"]
    if by == "budget":
        scope = str(message).partition(":")[0]
        which = {
            "run": "[budget] usd_per_run",
            "judge": "[budget] usd_per_day",
            "all": "[judges] usd_per_day in traceview.toml",
            "command": "--budget",
        }
        return f"stopped: the next call might exceed {which.get(scope, 'the budget')}"
    if by == "checks":
        return f"stopped: {message}"
    return f"stopped ({by}): {message}"
