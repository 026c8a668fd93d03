"""The built-in checks by name, made of their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from traceview.judges.checks import (
    format_rules,
    injection_in_tool_output,
    no_loop,
    no_tool_error_ignored,
    tool_called,
    tool_exists,
    urls_from_tools,
    user_corrected,
    valid_json,
)
from traceview.judges.checks.base import TextCheck, TraceCheck
from traceview.judges.checks.json_schema import check_schema
from traceview.judges.checks.seen import ASKED, CALLED, OFFERED, SPOKEN
from traceview.model.checks import CHECKS, SIGNALS
from traceview.model.errors import BadInput

MAKERS: Mapping[str, Callable[[Mapping[str, Any]], TraceCheck]] = {
    module.NAME: module.make
    for module in (
        format_rules,
        injection_in_tool_output,
        no_loop,
        no_tool_error_ignored,
        tool_called,
        tool_exists,
        urls_from_tools,
        user_corrected,
        valid_json,
    )
}
TEXT_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], TextCheck]] = {
    format_rules.NAME: format_rules.make_for_text,
    valid_json.NAME: valid_json.make_for_text,
}
"""Checks that can judge the text of any span."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    format_rules.NAME: SPOKEN,
    injection_in_tool_output.NAME: CALLED,
    no_loop.NAME: CALLED,
    no_tool_error_ignored.NAME: (*SPOKEN, *CALLED),
    tool_called.NAME: SPOKEN,
    tool_exists.NAME: (*SPOKEN, *OFFERED),
    urls_from_tools.NAME: (*SPOKEN, *CALLED),
    user_corrected.NAME: ASKED,
    valid_json.NAME: SPOKEN,
}
"""The canonical columns that each reads; `asks` adds those of the user's words."""

CALLS = frozenset(
    {
        injection_in_tool_output.NAME,
        no_loop.NAME,
        no_tool_error_ignored.NAME,
        tool_called.NAME,
        tool_exists.NAME,
        urls_from_tools.NAME,
    }
)
"""Checks of the calls of tools; where no span tells of one, messages may."""

TURNS = frozenset({user_corrected.NAME})
"""Checks of what was said around a trace."""


def columns_of(name: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The canonical columns that a check with these options reads."""
    asks = "if_question" in options or bool(options.get("allow_user_urls"))
    return tuple(dict.fromkeys((*COLUMNS[name], *(ASKED if asks else ()))))


def has_patterns(name: str, options: Mapping[str, Any]) -> bool:
    """Whether the options of a check hold regular expressions, also those within a schema."""
    form = CHECKS[name]
    patterns = [key for key, one in form.options.items() if one.type in ("regex", "regexes")]
    return "schema" in options or any(options.get(key) for key in patterns)


def make(name: str, options: Mapping[str, Any]) -> TraceCheck:
    """A check of traces. Raises BadInput for what the types of its options do not tell."""
    _check(name, options)
    return MAKERS[name](options)


def make_for_text(name: str, options: Mapping[str, Any]) -> TextCheck:
    """A check of the text of a span. Raises BadInput for a check that judges only traces."""
    if name not in TEXT_MAKERS:
        raise BadInput(f"{name} judges traces, not spans", hint=f"of spans: {', '.join(TEXT_MAKERS)}")
    _check(name, options)
    return TEXT_MAKERS[name](options)


def _check(name: str, options: Mapping[str, Any]) -> None:
    if "schema" in options:
        check_schema(options["schema"])
    signals = options.get("signals", ())
    for signal in (signals,) if isinstance(signals, str) else signals:
        if signal not in SIGNALS:
            raise BadInput(f"{name}: no signal {signal!r}", hint=f"known: {', '.join(SIGNALS)}")
    if name == format_rules.NAME and not any(_is_set(options.get(rule)) for rule in format_rules.RULES):
        raise BadInput(f"{name}: no rule is given", hint=f"known: {', '.join(format_rules.RULES)}")


def _is_set(value: Any) -> bool:
    """Whether an option says something: 0 does, false and nothing do not."""
    return value is not None and value is not False
