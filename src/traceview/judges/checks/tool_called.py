"""Whether a tool was called before the answer ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, asked
from traceview.judges.checks.seen import SeenTrace
from traceview.text.human import counted

NAME = "tool_called"


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    tools = options.texts("tool")
    least, every, succeeded = options.whole("min_calls") or 1, options.flag("all"), options.flag("succeeded")
    wanted = asked(options)

    def check(trace: SeenTrace) -> Finding:
        unwanted = wanted(trace)
        if unwanted is not None:
            return unwanted
        counts = Counter(
            call.name for call in trace.calls_before_answer if not (succeeded and call.error is not None)
        )
        if every:
            missing = [tool for tool in tools if counts[tool] < least]
            passed = not missing
        else:
            missing = list(tools)
            passed = sum(counts[tool] for tool in set(tools)) >= least
        if passed:
            said = ", ".join(f"{tool}: {counted(counts[tool], 'call')}" for tool in tools if counts[tool])
            return Finding(True, said)
        often = f" {least} times" if least > 1 else ""
        said = f"{(' and ' if every else ' or ').join(missing)} was not called{often} before the answer ended"
        return Finding(
            False, said, tuple(f"{name}: {counted(count, 'call')}" for name, count in counts.items())
        )

    return check
