"""Whether every tool that was called, or that a model asked for, is among those that were offered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, kept
from traceview.judges.checks.seen import SeenTrace
from traceview.text.human import counted

NAME = "tool_exists"


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    known, ignored = frozenset(options.texts("tools")), frozenset(options.texts("ignore"))

    def check(trace: SeenTrace) -> Finding:
        called = dict.fromkeys((*(call.name for call in trace.calls), *trace.asked_for))
        if not called:
            return Finding(None, "no tool was called")
        offered = known or frozenset(trace.offered)
        if not offered:
            return Finding(None, "the trace does not say which tools were offered")
        missing = [name for name in called if name not in offered and name not in ignored]
        if missing:
            said = f"{counted(len(missing), 'tool')} called that none of the {len(offered)} offered is"
            return Finding(False, said, kept(missing))
        return Finding(True, f"every tool that was called ({len(called)}) was offered")

    return check
