"""The system prompt of a model call out of its stored messages, or of their beginning."""

from __future__ import annotations

import hashlib
from typing import Any

from traceview.sources.jsontext import loads
from traceview.sources.messages import canonical, text_of

_WORDS = ("system", "System", "developer", "instructions")
"""Without one of these words in them, messages have no system prompt."""

_OTHERS = ("user", "assistant", "tool", "human", "ai")


def head_sql(column: str) -> str:
    """SQL of the part of a column of stored messages that may hold the system prompt; NULL where none can be.

    A list is cut before its first message of another role; anything else stays whole. Equal heads have equal system
    prompts. `named_sql` says which heads have one.
    """
    head = column
    for role in _OTHERS:
        for mark in (f'{{"role":"{role}"', f'{{"role": "{role}"'):
            # split_part is a macro that names its text several times: nested, it would grow beyond measure
            head = f"string_split({head}, '{mark}')[1]"
    return (
        f"""CASE left({column}, 1) WHEN '[' THEN {head} WHEN '{{' THEN {column} WHEN '"' THEN {column} END"""
    )


def named_sql(column: str) -> str:
    """SQL of whether a head can hold a system prompt."""
    return "(" + " OR ".join(f"contains({column}, {word!r})" for word in _WORDS) + ")"


def system_text(head: str) -> str | None:
    """The text of the system messages that a conversation begins with, from `head_sql`'s part of it; None without."""
    bare = head.rstrip()
    try:
        parsed: Any = loads(f"{bare[:-1]}]" if bare.startswith("[") and bare.endswith(",") else bare)
    except ValueError:
        return None
    texts = []
    for message in parsed if _are_canonical(parsed) else canonical(parsed):
        if message["role"] != "system":
            break
        texts.append(text_of(message))
    return "\n\n".join(text for text in texts if text) or None


def _are_canonical(parsed: Any) -> bool:
    """Whether a list holds system messages in the canonical shape alone: nearly all heads do, and need no reading."""
    return isinstance(parsed, list) and all(
        isinstance(one, dict)
        and one.get("role") == "system"
        and isinstance(one.get("parts"), list)
        and all(isinstance(part, dict) for part in one["parts"])
        for one in parsed
    )


def key_of(text: str) -> int:
    """What a text is known by in an index: 64 bits of its hash."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
