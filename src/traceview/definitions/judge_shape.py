"""`[score]` of a judge file: what a judge answers, by itself or together with the project's feedback definition."""

from __future__ import annotations

from typing import Any, cast, get_args

from traceview.definitions.document import Document, in_words
from traceview.definitions.judge_settings import filled, texts_of
from traceview.model.definitions import FeedbackDefinition
from traceview.model.judges import JudgeKind, ScoreShape, ScoreType
from traceview.model.labels import NOT_APPLICABLE, TargetKind

TYPES: tuple[ScoreType, ...] = get_args(ScoreType)
MOST_VALUES = 11
"""Integers that a model may choose among."""

_FIELDS: dict[str, tuple[ScoreType, ...]] = {
    "type": TYPES,
    "pass_means": TYPES,
    "fail_means": TYPES,
    "allow_na": TYPES,
    "choices": ("categorical",),
    "pass": ("categorical",),
    "min": ("numerical",),
    "max": ("numerical",),
    "pass_at_least": ("numerical",),
}
"""The keys of [score], and the types that may have them."""


def parse_shape(
    document: Document,
    kind: JudgeKind,
    scope: TargetKind,
    metric: str,
    defined: FeedbackDefinition | None,
    *,
    explained: bool,
) -> ScoreShape:
    """What the judge of a file answers. `explained`: something else in the file says what passes.

    What the project's definition of the metric says need not stand in the file; where both say something else, and
    where the definition has no room for such a score, BadInput is raised with file and line.
    """
    keys = ("score",)
    table = document.typed(document.data.get("score", {}), keys, dict, "a table [score]")
    document.only(table, keys, _FIELDS)
    if defined is not None:
        _check_defined(document, scope, metric, defined)
    elif not table and kind == "llm":
        raise document.error(
            (),
            f"[score] is missing, and no traceview.toml defines {metric}",
            f"[score] or [feedback.{metric}]",
        )
    told = _defined(defined) if defined is not None else {}
    if defined is None and kind == "code" and "type" not in table:
        told["type"] = "boolean"
    if "type" in table:
        document.one_of(table["type"], (*keys, "type"), TYPES)
    elif "type" not in told:
        raise document.error(keys, f"type is missing; expected {', '.join(TYPES)}")
    own = _own(document, table, cast(ScoreType, table.get("type", told.get("type"))))
    for key, value in own.items():
        # people may be asked whether it applies where the judge is not
        narrower = key == "allow_na" and value is False
        if key in told and told[key] is not None and told[key] != value and not narrower:
            where = f"[feedback.{metric}] of the project"
            raise document.error(
                (*keys, key),
                f"differs from {where}, which says {_words(told[key])}",
                "leave it out here, or change one of them: rows of one metric answer one question",
            )
    return _shape(document, kind, told | own, explained=explained)


def _check_defined(document: Document, scope: TargetKind, metric: str, defined: FeedbackDefinition) -> None:
    place = ("metric",) if "metric" in document.data else ()
    if defined.type == "text":
        raise document.error(place, f"{metric} is a free text in traceview.toml, and a judge gives none")
    if defined.multi:
        raise document.error(
            place,
            f"{metric} takes several choices at once in traceview.toml; a judge gives one",
            "one judge, one criterion",
        )
    if scope not in defined.scopes:
        raise document.error(
            ("scope",) if "scope" in document.data else (),
            f"{metric} is given to a {' or a '.join(defined.scopes)} in traceview.toml, not to a {scope}",
        )


def _defined(defined: FeedbackDefinition) -> dict[str, Any]:
    """What a definition tells of the keys of [score]; None where it leaves that open."""
    return {
        "type": defined.type,
        "pass_means": defined.pass_means,
        "fail_means": defined.fail_means,
        "allow_na": defined.allow_na,
        "choices": defined.choices or None,
        "min": defined.minimum,
        "max": defined.maximum,
    }


def _own(document: Document, table: dict[str, Any], type: ScoreType) -> dict[str, Any]:
    """The keys of the file, each of its own type."""
    own: dict[str, Any] = {}
    for key, value in table.items():
        place = ("score", key)
        if type not in _FIELDS[key]:
            raise document.error(place, f"does not go with type {type}, only with {', '.join(_FIELDS[key])}")
        if key == "type":
            own[key] = value
        elif key in ("pass_means", "fail_means"):
            own[key] = filled(document, value, place, "a sentence")
        elif key == "allow_na":
            own[key] = document.typed(value, place, bool, "true or false")
        elif key in ("choices", "pass"):
            listed = document.typed(value, place, list, "an array of texts")
            own[key] = texts_of(document, place, value)
            if len(own[key]) != len(listed):
                raise document.error(place, "a choice stands there twice")
        else:
            own[key] = document.typed(value, place, int, "an integer")
    return own


def _shape(document: Document, kind: JudgeKind, told: dict[str, Any], *, explained: bool) -> ScoreShape:
    type = cast(ScoreType, told["type"])
    shape = ScoreShape(
        type=type,
        pass_means=told.get("pass_means"),
        fail_means=told.get("fail_means"),
        allow_na=bool(told["allow_na"]) if told.get("allow_na") is not None else kind == "code",
        choices=tuple(told.get("choices") or ()),
        pass_choices=tuple(told.get("pass") or ()),
        minimum=_integer(document, kind, "min", told.get("min")),
        maximum=_integer(document, kind, "max", told.get("max")),
        pass_at_least=told.get("pass_at_least"),
    )
    if type == "boolean" and kind == "llm" and not explained:
        for key, text in (("pass_means", shape.pass_means), ("fail_means", shape.fail_means)):
            if text is None or not text.strip():
                raise document.error(("score",), f"{key} is missing: a sentence that says when it does")
    if type == "categorical":
        _check_choices(document, shape)
    if type == "numerical":
        _check_bounds(document, kind, shape)
    return shape


def _check_choices(document: Document, shape: ScoreShape) -> None:
    if len(shape.choices) < 2:
        raise document.error(("score", "choices"), 'expected choices = ["...", "..."], two at least')
    for choice in shape.choices:
        if choice.lower() in (NOT_APPLICABLE, "na"):
            raise document.error(
                ("score", "choices"), f"{choice!r} is kept for 'does not apply'", "use allow_na = true"
            )
        if choice != choice.strip() or not choice.isprintable():
            raise document.error(
                ("score", "choices"), f"{choice!r}: a choice is printable, without blanks around it"
            )
    for choice in shape.pass_choices:
        if choice not in shape.choices:
            raise document.error(
                ("score", "pass"),
                f"{choice!r} is none of the choices",
                f"choices: {', '.join(shape.choices)}",
            )


def _check_bounds(document: Document, kind: JudgeKind, shape: ScoreShape) -> None:
    low, high = shape.minimum, shape.maximum
    if low is None or high is None:
        if kind == "code":
            return
        missing = "min" if low is None else "max"
        raise document.error(("score",), f"{missing} is missing: the scale of a judge is a few integers")
    if low >= high:
        raise document.error(("score", "min"), f"min {low} is not below max {high}")
    if kind == "llm" and high - low + 1 > MOST_VALUES:
        raise document.error(
            ("score", "max"),
            f"{low} to {high} are {high - low + 1:,} values, {MOST_VALUES} at most",
            "people and models do not tell more of them apart",
        )
    if shape.pass_at_least is not None and not low <= shape.pass_at_least <= high:
        raise document.error(
            ("score", "pass_at_least"), f"{shape.pass_at_least} is not between min {low} and max {high}"
        )


def _integer(document: Document, kind: JudgeKind, key: str, value: float | None) -> int | None:
    if value is None or value == int(value):
        return None if value is None else int(value)
    if kind == "code":
        return None
    raise document.error(
        (), f"the project's definition has {key} = {value:g}; the scale of a judge is a few integers"
    )


def _words(value: Any) -> str:
    return f"[{', '.join(map(repr, value))}]" if isinstance(value, tuple) else in_words(value)
