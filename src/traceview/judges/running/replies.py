"""What a reply says. Nothing is scored that was not said: what cannot be read is an outcome of its own, not a value."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from traceview.judges.exchange import storable
from traceview.judges.ledger.records import Usage, Verdict
from traceview.model.judges import JudgeDefinition, ScoreShape
from traceview.model.labels import NOT_APPLICABLE, LabelValue

PARSE_ERROR = Verdict("unscored", "parse_error")
_PASSES, _FAILS = ("pass", "true", "yes"), ("fail", "false", "no")
_NOT_APPLICABLE = (NOT_APPLICABLE, "not_applicable", "na")
_UNSAID = object()
MOST_COUNTED = 100_000_000
"""Tokens of one request that are believed: more than any model reads."""
_LONGEST = 20_000
"""Characters of an explanation or of one piece of evidence that are kept beside a score; the reply is kept whole."""


def usage_of(reply: Mapping[str, Any]) -> Usage | None:
    """The tokens that a reply says were used; None where it does not say, or says what cannot be."""
    told = reply.get("usage")
    if not isinstance(told, Mapping):
        return None
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    counts = [told.get(name) for name in names]
    if counts[0] is None or counts[3] is None:
        return None
    given = [0 if one is None else one for one in counts]
    if not all(type(one) is int and 0 <= one <= MOST_COUNTED for one in given):
        return None
    return Usage(*given)


def verdict_of(judge: JudgeDefinition, schema: Mapping[str, Any], reply: Mapping[str, Any]) -> Verdict:
    """The verdict of a whole reply of the Messages API."""
    stopped = reply.get("stop_reason")
    if stopped == "refusal":
        return Verdict("unscored", "refusal", explanation=_said_of_refusal(reply))
    if stopped == "model_context_window_exceeded":
        return Verdict("unscored", "context_exceeded")
    if stopped == "max_tokens":
        return Verdict("unscored", "truncated")
    return _parsed(judge, schema, text_of(reply))


def text_of(reply: Mapping[str, Any]) -> str:
    """The text of a reply: what was thought before it is left out."""
    blocks = reply.get("content")
    if not isinstance(blocks, list):
        return ""
    texts = [one.get("text") for one in blocks if isinstance(one, Mapping) and one.get("type") == "text"]
    return "".join(one for one in texts if isinstance(one, str))


def _said_of_refusal(reply: Mapping[str, Any]) -> str:
    details = reply.get("stop_details")
    category = details.get("category") if isinstance(details, Mapping) else None
    return f"refused ({category})" if isinstance(category, str) else "refused"


def _parsed(judge: JudgeDefinition, schema: Mapping[str, Any], text: str) -> Verdict:
    try:
        # a text may escape what no text may hold
        said = storable(json.loads(text, object_pairs_hook=_each_once))
    except (ValueError, RecursionError):
        return PARSE_ERROR
    properties = schema.get("properties")
    if not isinstance(said, dict) or not isinstance(properties, Mapping) or set(said) != set(properties):
        return PARSE_ERROR
    parts = {criterion.name: criterion for criterion in judge.criteria}
    if parts:
        return _combined(judge, properties, said)
    value = _value(judge.score, properties.get("verdict"), said.get("verdict"))
    explanation, evidence = said.get("explanation", ""), said.get("evidence", [])
    if value is _UNSAID or not isinstance(explanation, str) or not _are_texts(evidence):
        return PARSE_ERROR
    return Verdict(
        "not_applicable" if value == NOT_APPLICABLE and not isinstance(value, bool) else "scored",
        value=value,
        explanation=explanation[:_LONGEST],
        evidence=tuple(one[:_LONGEST] for one in evidence),
    )


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys stand in it once. Raises ValueError: of two verdicts neither is the one that was meant."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _value(shape: ScoreShape, schema: Any, said: Any) -> Any:
    """The value of a verdict that the schema allows; _UNSAID for anything else."""
    allowed = schema.get("enum") if isinstance(schema, Mapping) else None
    if not isinstance(allowed, list) or not any(type(one) is type(said) and one == said for one in allowed):
        return _UNSAID
    if isinstance(said, str) and said in _NOT_APPLICABLE and said not in shape.choices:
        return NOT_APPLICABLE if shape.allow_na else _UNSAID
    if shape.type == "boolean":
        word = str(said).lower()
        return True if word in _PASSES else False if word in _FAILS else _UNSAID
    if shape.type == "categorical":
        return said if said in shape.choices else _UNSAID
    try:
        number = int(said)
    except (TypeError, ValueError):
        return _UNSAID
    least, most = shape.minimum, shape.maximum
    inside = (least is None or number >= least) and (most is None or number <= most)
    return number if inside and not isinstance(said, bool) else _UNSAID


def _combined(judge: JudgeDefinition, properties: Mapping[str, Any], said: Mapping[str, Any]) -> Verdict:
    """The verdict of several parts: the model says of each whether it is met, the whole is computed here."""
    parts: dict[str, LabelValue] = {}
    evidence: list[str] = []
    for criterion in judge.criteria:
        one = said.get(criterion.name)
        if not isinstance(one, Mapping):
            return PARSE_ERROR
        met, found = one.get("met"), one.get("evidence", [])
        if isinstance(found, str):
            found = [found] if found else []
        if not _are_texts(found):
            return PARSE_ERROR
        if isinstance(met, bool):
            parts[criterion.name] = met
        else:
            allowed = (properties.get(criterion.name) or {}).get("properties", {}).get("met")
            value = _value(judge.score, allowed, met)
            if value is _UNSAID:
                return PARSE_ERROR
            parts[criterion.name] = value
        evidence += [f"{criterion.name}: {text[:_LONGEST]}" for text in found]
    whole = whole_of(parts, judge.combine)
    explanation = said.get("explanation", "")
    missed = [name for name, met in parts.items() if met is False]
    told = explanation[:_LONGEST] if isinstance(explanation, str) and explanation else ""
    return Verdict(
        "scored" if isinstance(whole, bool) else "not_applicable",
        value=whole,
        explanation=told or (f"not met: {', '.join(missed)}" if missed else ""),
        evidence=tuple(evidence),
        parts=parts,
    )


def whole_of(parts: Mapping[str, LabelValue], combine: str) -> LabelValue:
    """What several parts come to, those left out that do not apply; NOT_APPLICABLE where none does."""
    met = [value for value in parts.values() if isinstance(value, bool)]
    if not met:
        return NOT_APPLICABLE
    return all(met) if combine == "all" else any(met)


def majority(verdicts: Sequence[Verdict], shape: ScoreShape) -> Verdict:
    """What several replies to the same question come to.

    More than half of them must have a value. Of pass or fail and of choices the most frequent value is it, with no
    tie; of numbers the lower median, which is one that was said. The explanation is that of a reply with the value.
    Where there is no such value the most frequent outcome is told.
    """
    said = [one for one in verdicts if one.outcome in ("scored", "not_applicable")]
    if len(said) * 2 <= len(verdicts):
        others = [one for one in verdicts if one.outcome not in ("scored", "not_applicable")]
        counts = Counter((one.outcome, one.reason) for one in others)
        outcome = counts.most_common(1)[0][0]
        return next(one for one in others if (one.outcome, one.reason) == outcome)
    values = Counter(_key(one.value) for one in said)
    (first, count), *rest = values.most_common()
    if shape.type == "numerical" and all(one.outcome == "scored" for one in said):
        ordered = sorted((one for one in said), key=lambda one: float(one.value))  # type: ignore[arg-type]
        first = _key(ordered[(len(ordered) - 1) // 2].value)
    elif rest and rest[0][1] == count:
        told = ", ".join(f"{value[1]} x{number}" for value, number in values.most_common())
        return Verdict("unscored", "no_majority", explanation=f"no majority: {told}")
    return next(one for one in said if _key(one.value) == first)


def flips(verdicts: Sequence[Verdict]) -> tuple[int, int]:
    """Of the pairs of values that several replies gave to one question, how many differ, and how many there are."""
    values = [_key(one.value) for one in verdicts if one.outcome in ("scored", "not_applicable")]
    pairs = len(values) * (len(values) - 1) // 2
    same = sum(count * (count - 1) // 2 for count in Counter(values).values())
    return pairs - same, pairs


def _key(value: LabelValue) -> tuple[str, LabelValue]:
    """A value that is told from others which Python takes for equal (True and 1)."""
    return type(value).__name__, value
