"""What a prompt version says: its system prompt, and what changed in it since another version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from traceview.filters.ast import Compare, Node, Presence, Text, all_of
from traceview.store.interface import CancelToken, ListQuery

if TYPE_CHECKING:
    from traceview.store.interface import Engine

HASH_CALLS = 32
"""The newest calls of a recorded version whose most frequent system prompt tells the hash of its template."""
TEXT_CALLS = 1_000
"""The system prompt's text is taken from so many of the newest calls of a version."""
PAGE_CALLS = 256
"""Payloads that are read at once: between two pages a question can be cancelled."""


class SystemPrompt(Struct, frozen=True):
    """The most frequent system text of the newest calls of a version; None if they have none.

    `calls_with_it` of the `read` newest of all `calls` say it; `texts` different ones are among them.
    """

    text: str | None
    calls_with_it: int
    texts: int
    read: int
    calls: int


def title(row: Mapping[str, Any]) -> str:
    """`name@version` of a prompt row."""
    return f"{row['prompt_name'] or ''}@{row['prompt_version'] or ''}"


def shown_title(row: Mapping[str, Any]) -> str:
    """`name@version`, with a word if it was not recorded."""
    return f"{row['prompt_name'] or ''}@{told(row['prompt_version'], row.get('prompt_inferred'))}"


def told(version: str | None, inferred: str | None) -> str:
    """A version with the words that say so if it was not recorded but inferred: `~2 inferred`."""
    if inferred is None:
        return version or ""
    return f"{version or ''} inferred{' from a file' if inferred == 'file' else ''}"


def template_hash(text: str | None) -> str | None:
    """The hash of a system prompt whose values of single requests are left out; None without one."""
    from traceview.store.inferring.infer import hash_of
    from traceview.text.prompt_masks import segments

    return None if text is None else hash_of("\n".join(segments(text)))


def version_query(row: Mapping[str, Any], node: Node | None) -> Node:
    """A filter for the spans of this prompt version among those that match `node`."""
    named = [
        Compare(field, ":", (Text(row[field]),))
        for field in ("prompt_name", "prompt_version")
        if row[field] is not None
    ]
    found = all_of(*named, node)
    assert found is not None  # a prompt version has a name or a version
    return found


def system_prompt(
    engine: Engine,
    row: Mapping[str, Any],
    node: Node | None,
    *,
    newest: int = TEXT_CALLS,
    token: CancelToken | None = None,
) -> SystemPrompt:
    """The system prompt of a version, from so many of its newest model calls, each once. Raises NotReady."""
    calls = all_of(
        Compare("kind", ":", (Text("llm"),)),
        Compare("duplicate_of", ":", (Presence(present=False),)),
        version_query(row, node),
    )
    selection = engine.select(ListQuery("spans", calls), token)
    texts: Counter[str] = Counter()
    read = min(newest, len(selection))
    for offset in range(0, read, PAGE_CALLS):
        page = engine.rows(selection, offset, min(PAGE_CALLS, read - offset), token).rows
        for payload in engine.payloads(page, token):
            system = [message.text for message in payload.input_messages if message.role == "system"]
            if any(system):
                texts["\n\n".join(system)] += 1
    text, count = texts.most_common(1)[0] if texts else (None, 0)
    return SystemPrompt(text, count, len(texts), read, len(selection))


def text_diff(old: str | None, new: str | None, old_title: str, new_title: str) -> list[str]:
    """The unified diff of two texts, by line; empty if they are the same."""
    from difflib import unified_diff

    before, after = ((text or "").splitlines() for text in (old, new))
    return list(unified_diff(before, after, old_title, new_title, lineterm=""))
