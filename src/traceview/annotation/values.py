"""Values of definitions: parsed from text, validated, and their keys."""

from __future__ import annotations

from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import LabelValue, TargetKind


def parse_value(name: str, definition: FeedbackDefinition | None, text: str) -> LabelValue:
    """The value that a text means under a definition (None only for note, mode, first_bad, correction).

    pass/fail/true/false, numbers, a choice, choices with commas, n/a. Raises BadInput with the nearest valid value.
    """
    raise NotImplementedError


def validate_value(
    name: str, definition: FeedbackDefinition | None, value: object, kind: TargetKind
) -> LabelValue:
    """The value in its stored form. Raises BadInput if it does not fit the definition or the kind of target."""
    raise NotImplementedError


def format_value(value: LabelValue) -> str:
    """A value in words: pass, fail, n/a, a number, a text, choices with commas. `parse_value` reads it."""
    raise NotImplementedError
