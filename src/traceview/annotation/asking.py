"""Which definitions are asked of an item, and which of them complete it."""

from __future__ import annotations

from collections.abc import Sequence

from traceview.definitions.document import nearest
from traceview.definitions.feedback import with_relevance
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import Scope


def fitting(definitions: Sequence[FeedbackDefinition], kind: Scope) -> tuple[FeedbackDefinition, ...]:
    """The definitions that may be given to this kind of target."""
    if kind == "document":
        definitions = with_relevance(definitions)
    return tuple(definition for definition in definitions if kind in definition.scopes)


def required_of(definitions: Sequence[FeedbackDefinition]) -> tuple[FeedbackDefinition, ...]:
    """What completes an item: the required ones of the definitions that fit it, all where none is required."""
    return tuple(definition for definition in definitions if definition.required) or tuple(definitions)


def chosen(
    definitions: Sequence[FeedbackDefinition], kind: Scope, names: Sequence[str] = ()
) -> tuple[FeedbackDefinition, ...]:
    """The definitions of these names, or all that fit the kind. Raises BadInput for a name that does not."""
    fit = fitting(definitions, kind)
    by_name = {definition.name: definition for definition in fit}
    for name in names:
        if name not in by_name:
            other = any(definition.name == name for definition in definitions)
            what = (
                f"{name} is not asked of a {kind}" if other else f"no feedback definition is named {name!r}"
            )
            raise BadInput(what, hint=nearest(name, by_name) if by_name else None)
    if not fit:
        raise BadInput(
            f"no feedback definition fits a {kind}", hint="`traceview feedback add` adds one of that scope"
        )
    return tuple(by_name[name] for name in dict.fromkeys(names)) if names else fit
