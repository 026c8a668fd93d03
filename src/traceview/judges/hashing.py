"""What tells judges, inputs and calls apart: canonical JSON and its SHA-256; and which items a sampling picks."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import fields, replace

from traceview.model.judges import JudgeDefinition
from traceview.model.labels import Target

RENDERER_VERSION = 2
"""Grows with every change that sends other bytes for the same judge and the same trace."""


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, without blanks, texts in NFC with LF; equal for what differs in form alone."""
    return _ENCODER.encode(_normal(value)).encode("utf-8", "surrogatepass")


def digest(value: Any) -> str:
    """The SHA-256 of the canonical JSON, 64 hex digits."""
    return sha256(canonical(value)).hexdigest()


def hashed(judge: JudgeDefinition) -> JudgeDefinition:
    """The judge with judge_hash and rule_hash.

    judge_hash is of what can change a verdict; name, metric, note, budget, `enabled`, endpoint and key are outside.
    rule_hash adds the filter and the sampling.
    """
    own = judge_hash(judge)
    rule = {"judge": own, "where": judge.where, "rate": float(judge.rate), "max_per_day": judge.max_per_day}
    return replace(judge, hash=own, rule_hash=digest(rule))


def judge_hash(judge: JudgeDefinition) -> str:
    """The SHA-256 of everything that can change a verdict of a judge; examples count by their contents."""
    meaning: dict[str, Any] = {
        "kind": judge.kind,
        "scope": judge.scope,
        "score": told(judge.score),
        "combine": judge.combine,
        "renderer": RENDERER_VERSION,
    }
    if judge.kind == "code":
        if judge.asked:
            meaning["asked"] = [[one.name, one.judge, one.hash] for one in judge.asked]
        return digest(meaning | {"checks": [told(one) for one in judge.checks]})
    model = judge.model
    held = {one.id: one for one in judge.pinned}
    meaning |= {
        "model": model and [model.id, model.effort, model.thinking, model.max_tokens, model.repeats],
        "variables": {one.name: told(one) for one in judge.variables},
        "criteria": [told(one) for one in judge.criteria],
        "system": judge.system,
        "user": judge.user,
        "examples": [told(held[one]) if one in held else one for one in judge.examples],
        "redaction": told(judge.redaction),
    }
    if any(not one.explanation for one in held.values()):
        # once they were sent as empty texts
        meaning["without_reason"] = "left out"
    return digest(meaning)


def told(value: Any) -> dict[str, Any]:
    """The fields of a struct that say something else than their defaults: a new field changes no old hash."""
    given: dict[str, Any] = {}
    for one in fields(value):
        default = one.default if one.default_factory is NODEFAULT else one.default_factory()
        held = getattr(value, one.name)
        if held != default:
            given[one.name] = held
    return given


def input_hash(variables: Mapping[str, str]) -> str:
    """The SHA-256 of rendered, redacted variables by name."""
    return digest(dict(variables))


def call_key(judge: str, target: Target, given: str, repeat: int = 0) -> str:
    """What has the same key is never paid twice: SHA-256 of judge_hash, entity, input_hash and number of the repeat."""
    return digest([judge, entity_of(target), given, repeat])


def entity_of(target: Target) -> list[str | None]:
    """A target as hashes take it: ids of spans are unique within their trace alone."""
    return [target.kind, target.trace_id if target.kind == "span" else None, target.id]


def is_sampled(rule_id: str, target: Target, rate: float) -> bool:
    """Whether a sampling picks a target: the same in every run, and what a low rate picks a higher one picks too.

    Spans go by their trace, so that a trace is in with all of them or with none. `rule_id` is the judge's name.
    """
    return share(rule_id, (target.trace_id or target.id) if target.kind == "span" else target.id) < rate


def share(rule_id: str, entity_id: str) -> float:
    """A number in [0, 1] that is as good as random, and always the same for these two."""
    text = f"{rule_id}\x1f{entity_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(sha256(text).digest()[:8], "big") / 2**64


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        if value.isascii() and "\r" not in value:
            return value
        return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, Mapping):
        return {_normal(str(key)): _normal(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(one) for one in value]
    return value
