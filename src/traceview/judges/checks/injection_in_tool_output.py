"""Whether a result of a tool, or a retrieved document, speaks to the model as if it were in charge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from traceview.judges.checks.base import Finding, Options, TraceCheck, kept
from traceview.judges.checks.seen import SeenTrace
from traceview.text.human import counted
from traceview.text.injection import find_injections

NAME = "injection_in_tool_output"


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options."""
    options = Options(NAME, given)
    tools = frozenset(options.texts("tool"))
    documents, more = options.flag("documents"), options.patterns("more", re.IGNORECASE)

    def check(trace: SeenTrace) -> Finding:
        calls = [call for call in trace.calls if not tools or call.name in tools]
        texts = [
            (call.name, text)
            for call in calls
            for text in dict.fromkeys((call.result, call.documents, call.error))
            if text and (documents or call.kind == "tool")
        ]
        if not texts:
            return Finding(None, "no tool gave anything back")
        found = [f"{name}: {one.words}" for name, text in texts for one in find_injections(text, more)]
        if found:
            return Finding(False, f"{counted(len(found), 'sign')} of instructions to the model", kept(found))
        return Finding(True, f"nothing of the kind in {counted(len(texts), 'result')}")

    return check
