"""What `judge run` says of a run of model judges: the plan, how far it is, what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from traceview.cli.output import ProgressLine, json_line, print_lines, say

UNRELIABLE = 0.05
"""Share of unscored targets above which a rate is not to be relied on."""


class Console:
    """Takes a worker's events; `ask` puts the plan to whoever sits there."""

    def __init__(self, *, as_json: bool, progress: str, ran: str = "") -> None:
        self._as_json = as_json
        self._events = progress == "json"
        self._ran = ran
        self._line = ProgressLine()
        self._plans: list[dict[str, Any]] = []
        self._error: dict[str, Any] | None = None
        self._unanswered = False

    def take(self, event: str, told: dict[str, Any]) -> None:
        """One event."""
        if self._events:
            click.echo(json_line({"event": event, **told}), err=True)
        if event == "report":
            self._clear()
            self._report(told)
        elif event == "error":
            self._error = told
        elif self._events:
            if event == "planned":
                self._plans.append(told)
        elif event == "planned":
            self._clear()
            self._plans.append(told)
            for line in plan_lines(told):
                say(line)
        elif event == "planning":
            self._line.show(f"{told['judge']}: {told['looked_at']:,} looked at")
        elif event == "lost":
            self._clear()
            say(
                f"{told['judge']}: {told['calls']:,} calls were on the way when a run was killed: they may have been "
                "paid. `traceview judge runs SOURCE` lists them; --unknown retry sends them again"
            )
        elif event == "progress":
            self._line.show(progress_line(told))

    def ask(self) -> bool:
        """Whether the plan is agreed to; without a terminal it is not."""
        self._clear()
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            self._unanswered = True
            return False
        endpoints = ", ".join(dict.fromkeys(plan["endpoint"] for plan in self._plans if plan["planned"]))
        click.echo(f"The text of these items is sent to {endpoints}.", err=True)
        return click.confirm("Send them?", default=False, err=True)

    def interrupted(self, count: int) -> None:
        """Somebody pressed Ctrl-C."""
        self._clear()
        say(
            "stopping: calls on the way are waited for, up to 30 s (Ctrl-C again does not wait)"
            if count == 1
            else "not waiting: calls on the way are kept as unknown"
        )

    def exit_code(self, code: int) -> int:
        """The exit code of the command. Raises what ended the worker."""
        from traceview.model.errors import BadInput, Refused, TraceviewError

        self._clear()
        if self._error is not None:
            message, hint = self._error["message"], self._error["hint"]
            if code == 70:
                raise RuntimeError(f"{message}\n{self._error.get('traceback', '')}")
            if code == Refused.exit_code:
                raise Refused(f"{message}{self._ran}", hint=hint)
            error = TraceviewError(message, hint=hint)
            error.exit_code = code
            raise error
        if self._unanswered:
            raise BadInput(
                "nothing was sent: there is no terminal to ask on", hint="--yes begins without asking"
            )
        if code < 0:
            raise BadInput(
                f"the process that asks models was ended by signal {-code}",
                hint="run the same command again: nothing that was answered is lost or paid twice",
            )
        return code

    def _report(self, report: Mapping[str, Any]) -> None:
        print_report(report, self._as_json)
        if report["message"]:
            say(f"{report['judge']}: {stopped_sentence(report)}")
        for line in warning_lines(report):
            say(line)

    def _clear(self) -> None:
        self._line.clear()


def print_report(report: Mapping[str, Any], as_json: bool) -> None:
    """One report of `judge run`: a JSON line, or a line for people."""
    if as_json:
        click.echo(json_line(report))
    else:
        print_lines([report_line(report)])


def plan_lines(plan: Mapping[str, Any]) -> list[str]:
    """A plan for people."""
    from traceview.judges.running.estimate import sentence

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
        counted = f"; tokens of {estimate['counted']} counted there" if estimate["counted"] else ""
        lines.append(f"  {plan['model']} at {plan['endpoint']}: {sentence(estimate)}{counted}")
        replaced = sum(plan["redactions"].values())
        lines.append(f"  redaction {plan['redaction']}: {replaced:,} texts replaced")
    if plan["injection_suspected"]:
        lines.append(f"  {plan['injection_suspected']:,} have text that seems to address the judge")
    if plan["cut"]:
        lines.append(f"  {plan['cut']:,} are cut to the judge's max_chars")
    return lines


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
    elif told["eta_seconds"] is not None:
        parts.append(f"{told['eta_seconds']:.0f} s left")
    return " · ".join(parts)


def report_line(report: Mapping[str, Any]) -> str:
    """What came of a run: nothing that was not scored is in the rate."""
    judged = report["scored"] + report["not_applicable"]
    parts = [f"{judged:,} scored of {report['planned']:,}"]
    values = report.get("values") or {}
    if values:
        told = ", ".join(f"{value} {count:,}" for value, count in sorted(values.items()))
        parts[0] += f" ({told}{_not_applicable(report)})"
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
    """What makes the figures of a run unreliable."""
    unscored = sum(report["unscored"].values())
    judged = report["scored"] + report["not_applicable"] + unscored
    if judged and unscored / judged > UNRELIABLE:
        return [
            f"{report['judge']}: {unscored:,} of {judged:,} are unscored: its rates are not to be relied on "
            "(`traceview judge runs SOURCE` shows why)"
        ]
    return []


def stopped_sentence(report: Mapping[str, Any]) -> str:
    """Why a run stopped before its end."""
    by, message = report["stopped_by"], report["message"]
    if by == "budget":
        scope = str(message).partition(":")[0]
        which = {"run": "[budget] usd_per_run", "judge": "[budget] usd_per_day", "command": "--budget"}
        return f"stopped: the next call might exceed {which.get(scope, 'the budget')}"
    return f"stopped ({by}): {message}"


def _not_applicable(report: Mapping[str, Any]) -> str:
    return f", n/a {report['not_applicable']:,}" if report["not_applicable"] else ""
