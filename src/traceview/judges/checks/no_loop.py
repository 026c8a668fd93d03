"""Whether a tool was called again and again with the same arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, kept
from traceview.judges.checks.seen import SeenTrace
from traceview.sources.jsontext import decoded, dumps
from traceview.text.preview import collapse

NAME = "no_loop"


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    tools = frozenset(options.texts("tool"))
    repeats, failed_too = options.whole("repeats") or 3, options.flag("count_failed")

    def check(trace: SeenTrace) -> Finding:
        calls = [
            call
            for call in trace.calls
            if (not tools or call.name in tools) and (failed_too or call.error is None)
        ]
        if not calls:
            return Finding(None, "no tool was called" if not tools else "the tool was not called")
        often = {name for name, count in Counter(call.name for call in calls).items() if count >= repeats}
        counts = Counter((call.name, _normal(call.arguments)) for call in calls if call.name in often)
        loops = [(name, given, count) for (name, given), count in counts.most_common() if count >= repeats]
        if not loops:
            return Finding(True, f"no tool was called {repeats} times with the same arguments")
        name, _, count = loops[0]
        evidence = kept([f"{count} × {name} {collapse(given, 160)}" for name, given, count in loops])
        return Finding(False, f"{name} was called {count} times with the same arguments", evidence)

    return check


def _normal(arguments: str | None) -> str:
    """Arguments that differ only in blanks and order are the same."""
    parsed = decoded(arguments)
    if isinstance(parsed, dict):
        return dumps(dict(sorted(parsed.items())))
    return dumps(parsed) if isinstance(parsed, list) else (arguments or "").strip()
