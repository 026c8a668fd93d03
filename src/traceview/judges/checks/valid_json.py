"""Whether an answer is JSON, and of a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from traceview.judges.checks.base import Finding, Options, TextCheck, TraceCheck, kept, of_answer
from traceview.judges.checks.json_schema import violations
from traceview.text.human import counted

NAME = "valid_json"

_FENCED = re.compile(r"\s*```(?:json|JSON)?[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


def make(given: Mapping[str, Any]) -> TraceCheck:
    """The check with these options, of the answer of a trace."""
    return of_answer(NAME, given, make_for_text)


def make_for_text(given: Mapping[str, Any]) -> TextCheck:
    """The check with these options, of any text."""
    options = Options(NAME, given)
    schema, fenced = options.get("schema"), options.flag("allow_fence")

    def check(text: str) -> Finding:
        found = _FENCED.fullmatch(text) if fenced else None
        text = found[1] if found is not None else text
        try:
            value = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            return Finding(False, f"not JSON: {error}")
        if schema is None:
            return Finding(True, "is JSON")
        wrong = list(violations(value, schema))
        if wrong:
            return Finding(False, f"{counted(len(wrong), 'violation')} of the schema", kept(wrong))
        return Finding(True, "is JSON of the schema")

    return check


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
