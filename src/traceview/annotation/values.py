"""Values of definitions: parsed from text, validated, put into words."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence

from traceview.definitions.keys import value_keys
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import NOT_APPLICABLE, RESERVED_NAMES, LabelValue, Scope

__all__ = ["format_value", "parse_value", "validate_value", "value_keys"]

_PASS = frozenset({"pass", "passed", "true", "yes", "y"})
_FAIL = frozenset({"fail", "failed", "false", "no", "n"})
_NA = frozenset({NOT_APPLICABLE, "na"})


def parse_value(name: str, definition: FeedbackDefinition | None, text: str) -> LabelValue:
    """The value that a text means under a definition (None only for note, mode, first_bad, correction).

    pass/fail/true/false, numbers, a choice, choices with commas, n/a. Raises BadInput with the nearest valid value.
    """
    stripped = text.strip()
    if not stripped:
        raise BadInput(f"{name}: the value is empty")
    if definition is None:
        return _parse_reserved(name, text)
    if stripped.lower() in _NA and (definition.type != "text" or definition.allow_na):
        return _not_applicable(definition)
    if definition.type == "boolean":
        if stripped.lower() in _PASS:
            return True
        if stripped.lower() in _FAIL:
            return False
        raise _unfit(definition, stripped)
    if definition.type == "numerical":
        return _checked_number(definition, _number(definition, stripped))
    if definition.type == "categorical":
        if definition.multi:
            chosen = [_choice(definition, part.strip()) for part in stripped.split(",") if part.strip()]
            return _in_order(definition, chosen)
        return _choice(definition, stripped)
    return text


def validate_value(
    name: str, definition: FeedbackDefinition | None, value: object, kind: Scope
) -> LabelValue:
    """The value in its stored form. Raises BadInput if it does not fit the definition or the kind of target.

    Without a definition only note, mode, first_bad and correction have a form of their own.
    """
    if definition is None:
        return _validate_reserved(name, value, kind)
    if kind not in definition.scopes:
        raise BadInput(f"{name} is given to a {' or a '.join(definition.scopes)}, not to a {kind}")
    if value == NOT_APPLICABLE and (definition.type != "text" or definition.allow_na):
        return _not_applicable(definition)
    if definition.type == "boolean" and isinstance(value, bool):
        return value
    if definition.type == "numerical" and isinstance(value, int | float) and not isinstance(value, bool):
        return _checked_number(definition, value)
    if definition.type == "text" and isinstance(value, str) and value.strip():
        return value
    if definition.type == "categorical" and definition.multi and isinstance(value, list | tuple):
        return _in_order(definition, [_exact_choice(definition, choice) for choice in value])
    if definition.type == "categorical" and not definition.multi and isinstance(value, str):
        return _exact_choice(definition, value)
    raise _unfit(definition, value)


def format_value(value: LabelValue) -> str:
    """A value in words: pass, fail, n/a, a number, a text, choices with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "pass" if value else "fail"
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)


def unknown_name(name: str, definitions: Sequence[str]) -> BadInput:
    """The error for a name that nothing defines, with the nearest that is."""
    known = (*definitions, *RESERVED_NAMES)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"defined: {', '.join(known)}"
    return BadInput(f"no feedback definition is named {name!r}", hint=hint)


def _parse_reserved(name: str, text: str) -> LabelValue:
    stripped = text.strip()
    if name == "mode":
        return tuple(dict.fromkeys(part.strip() for part in stripped.split(",") if part.strip()))
    if name == "first_bad":
        return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) <= 9 else stripped
    if name in RESERVED_NAMES:
        return text
    raise unknown_name(name, ())


def _validate_reserved(name: str, value: object, kind: Scope) -> LabelValue:
    if name in ("note", "correction"):
        if isinstance(value, str) and value.strip():
            return value
        raise BadInput(f"{name} is a text, not {value!r}")
    if name == "mode":
        if (
            isinstance(value, list | tuple)
            and value
            and all(isinstance(entry, str) and entry.strip() for entry in value)
        ):
            odd = next((entry for entry in value if not entry.isprintable()), None)
            if odd is not None:
                raise BadInput(f"the failure mode {odd!r} has characters that cannot be shown")
            return tuple(dict.fromkeys(value))
        raise BadInput(f"mode is a list of names, not {value!r}")
    if name == "first_bad":
        if kind in ("span", "document"):
            raise BadInput(
                "first_bad is given to a trace or a thread, its value is the span's id or the turn's number"
            )
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise BadInput(f"first_bad is a span's id or a turn's number, not {value!r}")
    raise unknown_name(name, ())


def _not_applicable(definition: FeedbackDefinition) -> str:
    if not definition.allow_na:
        raise BadInput(
            f"{definition.name} always applies (allow_na is false)", hint=f"expected {_expected(definition)}"
        )
    return NOT_APPLICABLE


def _number(definition: FeedbackDefinition, text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise _unfit(definition, text) from None


def _checked_number(definition: FeedbackDefinition, number: int | float) -> int | float:
    low, high = definition.minimum, definition.maximum
    outside = (low is not None and number < low) or (high is not None and number > high)
    if outside or not _is_finite(number):
        raise _unfit(definition, number)
    return number


def _is_finite(number: int | float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _choice(definition: FeedbackDefinition, text: str) -> str:
    """The choice of this text, whatever its case if only one is meant."""
    if text in definition.choices:
        return text
    same = [choice for choice in definition.choices if choice.casefold() == text.casefold()]
    return same[0] if len(same) == 1 else _exact_choice(definition, text)


def _exact_choice(definition: FeedbackDefinition, value: object) -> str:
    if isinstance(value, str) and value in definition.choices:
        return value
    raise _unfit(definition, value)


def _in_order(definition: FeedbackDefinition, chosen: Sequence[str]) -> tuple[str, ...]:
    if not chosen:
        raise BadInput(f"{definition.name}: no choice is given", hint=f"expected {_expected(definition)}")
    return tuple(choice for choice in definition.choices if choice in chosen)


def _unfit(definition: FeedbackDefinition, value: object) -> BadInput:
    near: list[str] = []
    if isinstance(value, str):
        words = definition.choices or (("pass", "fail") if definition.type == "boolean" else ())
        near = difflib.get_close_matches(value, words, n=1, cutoff=0.6)
    shown = (
        value if isinstance(value, int | float | str) and not isinstance(value, bool) else str(value).lower()
    )
    return BadInput(
        f"{definition.name}: expected {_expected(definition)}, found {shown!r}",
        hint=f"did you mean {near[0]}?" if near else None,
    )


def _expected(definition: FeedbackDefinition) -> str:
    """What a definition takes, in words."""
    if definition.type == "boolean":
        words = "pass or fail"
    elif definition.type == "categorical":
        words = ("one or more of " if definition.multi else "one of ") + ", ".join(definition.choices)
    elif definition.type == "text":
        words = "a text"
    else:
        low, high = definition.minimum, definition.maximum
        words = "a number"
        if low is not None and high is not None:
            words += f" from {low:g} to {high:g}"
        elif low is not None:
            words += f" of at least {low:g}"
        elif high is not None:
            words += f" of at most {high:g}"
    return f"{words}, or n/a" if definition.allow_na else words
