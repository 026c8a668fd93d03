"""What a project's own check gave back as the value that its judge may give. Pure."""

from __future__ import annotations

import math
from typing import Any

from traceview.model.judges import ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelValue

_WORDS = {"pass": True, "fail": False, "true": True, "false": False}
_NOT_APPLICABLE = ("n/a", "na", "not_applicable")


def score_of(shape: ScoreShape, value: Any) -> LabelValue:
    """The value as a score of this shape, NOT_APPLICABLE for None. Raises ValueError in words."""
    if value is None or (
        isinstance(value, str) and value.lower() in _NOT_APPLICABLE and value not in shape.choices
    ):
        return NOT_APPLICABLE
    given: bool | int | float | str = value
    match shape.type:
        case "boolean":
            given = _WORDS.get(given.lower(), given) if isinstance(given, str) else given
            if isinstance(given, bool):
                return given
            raise ValueError(f"expected true, false or None, the check returned {value!r}")
        case "categorical":
            if isinstance(given, str) and given in shape.choices:
                return given
            raise ValueError(
                f"expected one of {', '.join(shape.choices)} or None, the check returned {value!r}"
            )
        case _:
            if isinstance(given, bool | str) or (isinstance(given, float) and not math.isfinite(given)):
                raise ValueError(f"expected a number or None, the check returned {value!r}")
            if isinstance(given, float) and given.is_integer():
                given = int(given)
            low, high = shape.minimum, shape.maximum
            if (low is not None and given < low) or (high is not None and given > high):
                raise ValueError(f"expected {low} to {high}, the check returned {value!r}")
            return given


def part_of(value: Any) -> bool | None:
    """The value of a part that is combined with others. Raises ValueError in words."""
    found = score_of(ScoreShape("boolean"), value)
    return found if isinstance(found, bool) else None
