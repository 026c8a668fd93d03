"""The keys that set a definition's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from traceview.definitions.document import Document
from traceview.model.definitions import FeedbackDefinition
from traceview.model.labels import NOT_APPLICABLE, LabelValue

NO_KEYS: Mapping[str, str] = MappingProxyType({})


def value_keys(definition: FeedbackDefinition) -> dict[str, LabelValue]:
    """Key to value: `1`..`9` in order, `0` does not apply (where allowed), then the values' own keys.

    Boolean: 1 is true, 2 false. Categorical: the choices in their order (with multi a key toggles one). An integer
    scale within 1..9: the number itself. Other numbers and texts have none: `=` opens a field.
    """
    keys: dict[str, LabelValue] = {}
    if definition.type == "boolean":
        keys = {"1": True, "2": False}
    elif definition.type == "categorical":
        keys = {str(place): choice for place, choice in enumerate(definition.choices[:9], start=1)}
    elif definition.type == "numerical" and is_digit_scale(definition):
        keys = {
            str(number): number
            for number in range(int(definition.minimum or 1), int(definition.maximum or 9) + 1)
        }
    if definition.allow_na:
        keys["0"] = NOT_APPLICABLE
    named: dict[str, LabelValue] = {"pass": True, "fail": False} if definition.type == "boolean" else {}
    for value, key in definition.keys.items():
        keys[key] = named.get(value, value)
    return keys


def is_digit_scale(definition: FeedbackDefinition) -> bool:
    """True if both bounds are whole numbers within 1..9."""
    low, high = definition.minimum, definition.maximum
    if low is None or high is None:
        return False
    return float(low).is_integer() and float(high).is_integer() and 1 <= low <= high <= 9


def check_keys(
    document: Document, definitions: Sequence[FeedbackDefinition], reserved: Mapping[str, str]
) -> None:
    """Raise BadInput where a value's own key is one of the app's (key to action), or another definition's."""
    taken: dict[str, str] = {}
    for definition in definitions:
        for value, key in definition.keys.items():
            place = ("feedback", definition.name, "keys", value)
            if key in reserved:
                raise document.error(
                    place,
                    f"{key!r} is the app's key of {reserved[key]!r}",
                    "docs/keys.md and ? list the app's keys",
                )
            owner = taken.setdefault(key, definition.name)
            if owner != definition.name:
                raise document.error(place, f"{key!r} is a key of feedback.{owner} too")
