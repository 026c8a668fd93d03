"""What a recorder did not keep whole: payloads that it cut, masked, replaced by a hash, or stored elsewhere.

Told by marks in the texts (`... [truncated]`, `__REDACTED__`, `sha256:...`, `s3://...`), by texts that break off where
an exporter's limit is, and by attributes that say so (`input.value.truncated`, `gen_ai.input.messages_ref`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from traceview.sources.rules import is_vendor_native

if TYPE_CHECKING:
    from traceview.sources.dialects.shape import Shape

_LIMITS = frozenset(
    (1024, 2000, 2048, 4000, 4095, 4096, 8000, 8191, 8192, 10_000, 16_383, 16_384, 32_766, 32_767, 32_768, 65_535,
     65_536, 100_000, 131_072, 1_000_000)
)  # fmt: skip
"""Lengths at which exporters cut: a text of exactly one of them was cut."""

_CUT = re.compile(
    r"(?:\.\.\.|…)\s*[\[(<{][^\])>}\n]{0,60}truncated"
    r"|[\[(<{](?:\.\.\.|…)?\s*(?:output |input |content |text |value )?truncated[^\])>}\n]{0,60}[\])>}]\s*(?:\\?\"|$)"
    r"|(?:\.\.\.|…)\s*truncated\b"
    r"|[\[(<]\d[\d,. ]*(?:more )?(?:characters|chars|bytes|tokens) (?:truncated|omitted)",
    re.IGNORECASE,
)
_MASKED = re.compile(
    r"^\W*(?:__?REDACTED__?|REDACTED|MASKED|FILTERED|HIDDEN|SCRUBBED|content (?:is )?(?:hidden|redacted|filtered))\W*$"
    r"|__REDACTED__|\[Scrubbed due to ",
    re.IGNORECASE,
)
_HASH = re.compile(
    r'^"?(?:(?:sha-?(?:1|256|512)|md5|blake[23][bs]?|xxh\d+)[:=\-]\s*[0-9a-f]{8,128}|[0-9a-f]{64})"?$', re.I
)
_ELSEWHERE = re.compile(
    r'^"?(?:(?:s3|s3a|gs|gcs|az|azure|abfss?|wasbs?|r2|oss|minio|dbfs|hdfs|blob|mlflow-artifacts|artifact|runs)'
    r":/{1,3}\S+|@@@langfuseMedia:[^@]+@@@)\"?$",
    re.IGNORECASE,
)
_MASKS = ("redacted", "masked", "filtered", "hidden", "scrubbed")
"""One of these stands in whatever `_MASKED` finds."""
_TAIL = 100
"""Characters at the end of a text in which all marks are looked for; a mark in its midst says `truncated`."""

_OPENINGS = ('{"', "[{", '["')
_SAID = (
    ("cut", re.compile(r"(^|[._])(is_)?truncated$|(^|[._])was_truncated$")),
    ("hashed", re.compile(r"[._](sha256|sha1|sha512|md5|hash|digest|checksum)$")),
    (
        "elsewhere",
        re.compile(
            r"[._](ref|reference|blob|blob_id|blob_ref|blob_key|uri|url|artifact|artifact_uri|s3_key)$"
        ),
    ),
)
_SIDES = (
    ("input", re.compile(r"(^|[._])(inputs?|prompts?|requests?|question|query|args|arguments|body)([._]|$)")),
    ("output", re.compile(r"(^|[._])(outputs?|completions?|responses?|answer|result|reply)([._]|$)")),
)  # fmt: skip
_NOT_SAID = (None, False, 0, "", "false", "False", "0")

Mark = tuple[str, str, str]


def marks(names: Iterable[str]) -> list[Mark]:
    """Of the attributes that tell what was not kept: what happened, to which side (empty: to the payload), the key."""
    found: list[Mark] = []
    for key in names:
        lowered = key.lower()
        for what, pattern in _SAID:
            if pattern.search(lowered):
                side = next((side for side, words in _SIDES if words.search(lowered)), "")
                if side or what == "cut":
                    found.append((what, side, key))
                break
    return found


def marks_of(shape: Shape) -> list[Mark]:
    """The same for all spans of a shape."""
    return marks(shape.names)


def payload_state(
    row: Mapping[str, Any], said: Iterable[Mark] = (), attributes: Mapping[str, Any] | None = None
) -> str | None:
    """`input cut, output hashed` and the like; None where all is there.

    `row` has the texts as they are written to a part. `said` are the marks among its `attributes`.
    """
    found: list[str] = []
    present: dict[str, bool] = {}
    for side, messages in (("input", "input_messages"), ("output", "output_messages")):
        text = row.get(side) or row.get(messages)
        present[side] = text is not None
        if text.__class__ is str and (state := _state(text)) is not None:
            found.append(f"{side} {state}")
    for what, side, key in said:
        value = attributes.get(key) if attributes else None
        # a hash or an address beside the payload itself is no loss
        if value in _NOT_SAID or (what != "cut" and present.get(side, True)):
            continue
        told = f"{side or 'payload'} {what}"
        if told not in found:
            found.append(told)
    if not found and row.get("kind") == "llm" and not any(present.values()) and _answered(row):
        return "content off"
    return ", ".join(found) or None


def _answered(row: Mapping[str, Any]) -> bool:
    """Whether a call that has no texts was answered, by an instrumentation that otherwise keeps them."""
    return bool(row.get("output_tokens")) and not is_vendor_native(row.get("scope_name"))


def _state(text: str) -> str | None:
    """What was not kept of one text."""
    size = len(text)
    if size <= 200:
        # most texts are none of these: what tells that is far cheaper than the patterns
        if size >= 12 and _HASH.match(text):
            return "hashed"
        if (":/" in text or "@@@" in text) and _ELSEWHERE.match(text):
            return "elsewhere"
        lowered = text.lower()
        for word in _MASKS:
            if word in lowered:
                if _MASKED.search(text):
                    return "masked"
                break
    elif "__REDACTED__" in text or "[Scrubbed due to " in text:
        return "masked"
    tail = text[-_TAIL:].lower()
    if ("truncated" in tail or "omitted" in tail or "runcated" in text) and _CUT.search(text):
        return "cut"
    if text[:2] in _OPENINGS and text.rstrip()[-1] not in "]}":
        return "cut"
    return "cut" if size in _LIMITS else None
