"""Scores that a source brings and a person gave, made rows of the label store on request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from traceview.annotation.values import format_value, parse_value
from traceview.model.definitions import FeedbackDefinition
from traceview.model.errors import BadInput
from traceview.model.labels import LabelRow, LabelValue

HUMAN = "human"
UNNAMED = "imported"
"""The annotator of a person's score whose author the source does not tell."""


def by_people(rows: Iterable[LabelRow]) -> list[LabelRow]:
    """The scores that people gave: no judge's, no program's, and no end user's."""
    return [row for row in rows if row.source == "import" and row.annotator.partition(":")[0] == HUMAN]


def adopted_lines(
    rows: Iterable[LabelRow],
    name: str,
    definition: FeedbackDefinition | None,
    words: Mapping[str, str],
) -> Iterator[str]:
    """JSON lines for `import_labels`: the rows as labels of people under `name`, each with its author and time.

    `words` says which value of the source means which value of the definition (`correct` means `pass`). A value that
    does not fit the definition is left as it is, for the import to refuse with its reason.
    """
    for row in rows:
        line: dict[str, Any] = {
            "target_kind": row.target.kind,
            "target_id": row.target.id,
            "trace_id": row.target.trace_id,
            "name": name,
            "value": _value(row.value, name, definition, words),
            "source": HUMAN,
            "annotator": row.annotator.partition(":")[2] or UNNAMED,
            "created_at": row.created_at or None,
            "reason": row.reason,
        }
        yield json.dumps({key: value for key, value in line.items() if value is not None})


def _value(
    value: LabelValue, name: str, definition: FeedbackDefinition | None, words: Mapping[str, str]
) -> LabelValue:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else format_value(value)
    given = words.get(text, text)
    if definition is None:
        return given if text in words else value
    try:
        return parse_value(name, definition, given)
    except BadInput:
        return value
