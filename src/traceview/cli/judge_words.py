"""What `judge run` says of a run of model judges: the plan, how far it is, what came of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from traceview.cli.output import ProgressLine, json_line, print_lines, say


class Console:
    """Takes a worker's events; `ask` puts the plan to whoever sits there."""

    def __init__(self, *, as_json: bool, progress: str, endpoints: Sequence[str] = (), ran: str = "") -> None:
        self._as_json = as_json
        self._events = progress == "json"
        self._ran = ran
        self._endpoints = endpoints
        self._line = ProgressLine()
        self._plans: list[dict[str, Any]] = []
        self._error: dict[str, Any] | None = None
        self._unanswered = False
        self._failed = False

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
            from traceview.judges.run_words import plan_lines

            for line in plan_lines(told):
                say(line)
        elif event == "planning":
            from traceview.judges.run_words import planning_line

            self._line.show(planning_line(told))
        elif event == "starting":
            self._line.show(f"{', '.join(told['judges'])}: looking for credentials …")
        elif event == "opening":
            self._line.show(f"{', '.join(told['judges'])}: opening the source …")
        elif event == "lost":
            self._clear()
            say(
                f"{told['judge']}: {told['calls']:,} calls were on the way when a run was killed: they may have been "
                "paid. `traceview judge runs SOURCE` lists them; --unknown retry sends them again"
            )
        elif event == "trouble":
            self._clear()
            say(told["message"])
        elif event == "watching":
            say("watching; Ctrl-C ends")
        elif event == "progress":
            from traceview.judges.run_words import progress_line

            self._line.show(progress_line(told))

    def ask(self) -> bool:
        """Whether the plan is agreed to; without a terminal it is not."""
        self._clear()
        if not can_ask():
            self._unanswered = True
            return False
        click.echo(f"The text of what is judged is sent to {', '.join(self._endpoints)}.", err=True)
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
        return code or (1 if self._failed else 0)

    def _report(self, report: Mapping[str, Any]) -> None:
        from traceview.judges.run_words import end_lines, has_failed

        print_report(report, self._as_json)
        self._failed = self._failed or has_failed(report)
        for line in end_lines(report):
            say(line)

    def _clear(self) -> None:
        self._line.clear()


def can_ask() -> bool:
    """Whether somebody is there to agree to a plan."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def print_report(report: Mapping[str, Any], as_json: bool) -> None:
    """One report of `judge run`: a JSON line, or a line for people."""
    if as_json:
        click.echo(json_line(report))
    else:
        from traceview.judges.run_words import report_line

        print_lines([report_line(report)])
