"""Redaction profiles: what of an example is replaced before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from traceview.exports.training.examples import Example
from traceview.model.judges import RedactionProfile
from traceview.model.labels import LabelRow, Target
from traceview.text.redact import Redactor
from traceview.text.redact_json import json_redacted

PROFILES: dict[RedactionProfile, str] = {
    "off": "nothing",
    "standard": "addresses, telephone and account numbers, keys and secrets; annotators get other names",
    "strict": "also whole web addresses, handles, numbers of four digits and more; ids become hashes, "
    "and reasons and free texts of people are left out",
}
_KEPT_KEYS = ("role", "type", "id", "tool_call_id", "name")
"""What gives a record its form is never changed."""
_FREE = ("note",)


def annotator_names(rows: Iterable[LabelRow], profile: RedactionProfile) -> dict[str, str]:
    """The names that people go by: a hash of their own unless the profile is off. Judges and checks keep theirs."""
    people = {row.annotator for row in rows if row.source in ("human", "user", "agent", "import")}
    return {} if profile == "off" else {name: f"person-{hashed(name)}" for name in sorted(people)}


def redacted(example: Example, profile: RedactionProfile) -> tuple[Example, Redactor]:
    """The example as it may leave, and what was replaced; placeholders are counted within the example."""
    redactor = Redactor(strict=profile == "strict")
    if profile == "off":
        return example, redactor
    conversation = example.conversation
    hidden = replace(
        example,
        conversation=replace(
            conversation,
            prompt=_walk(conversation.prompt, redactor.text),
            output=_walk(conversation.output, redactor.text),
            tools=_walk(conversation.tools, redactor.text),
        ),
        corrections=tuple(map(redactor.text, example.corrections)),
        labels=tuple(
            _label(one, redactor.text, profile) for one in example.labels if is_kept(one["name"], profile)
        ),
    )
    if profile == "strict":
        target = example.target
        hidden = replace(
            hidden,
            target=Target(target.kind, hashed(target.id), target.trace_id and hashed(target.trace_id)),
            thread_id=example.thread_id and hashed(example.thread_id),
        )
    return hidden, redactor


def is_kept(name: str, profile: RedactionProfile) -> bool:
    """Whether labels of a name are written at all."""
    return profile != "strict" or name not in _FREE


def _label(label: dict[str, Any], text: Callable[[str], str], profile: RedactionProfile) -> dict[str, Any]:
    reason = None if profile == "strict" or not label["reason"] else text(label["reason"])
    return label | {"value": json_redacted(label["value"], text), "reason": reason}


def _walk(value: Any, text: Callable[[str], str]) -> Any:
    """The value with every text replaced, except those that give it its form and images."""
    if isinstance(value, str):
        return value if value.startswith("data:") else json_redacted(value, text)
    if isinstance(value, list):
        return [_walk(entry, text) for entry in value]
    if isinstance(value, dict):
        return {
            key: entry if key in _KEPT_KEYS and isinstance(entry, str) else _walk(entry, text)
            for key, entry in value.items()
        }
    return value


def hashed(text: str) -> str:
    """What stands for an id or a name."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
