"""Which spans of a trace are a conversation of their own inside of it: sub-agents, and tools that ask models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from traceview.store.interface import Row


def sub_agents(spans: Sequence[Row]) -> tuple[frozenset[str], dict[int, str | None]]:
    """The outermost sub-agents of a trace, and for each span (by `id`) the one whose subtree it is in.

    A sub-agent is an agent below an agent that calls models itself, or a tool below which a model is called.
    """
    parents = {span["span_id"]: span.get("parent_id") for span in spans}
    kinds = {span["span_id"]: span["kind"] for span in spans}
    callers: set[str] = set()
    asked: set[str] = set()
    for span in spans:
        if span["kind"] != "llm":
            continue
        owner: str | None = None
        for above in _above(span["span_id"], parents):
            if owner is not None and above in asked:
                break
            asked.add(above)
            if owner is None and kinds[above] in ("agent", "tool"):
                owner = above
                callers.add(above)
    found: set[str] = set()
    inner: dict[int, str | None] = {}
    if not asked:
        return none_of(spans)
    roots: dict[str, str | None] = {}

    def root_of(span_id: str) -> str | None:
        """The outermost sub-agent at or above a span."""
        path = [span_id]
        for above in _above(span_id, parents):
            if above in roots:
                break
            path.append(above)
        for one in reversed(path):
            parent = parents[one]
            root = roots.get(parent) if parent is not None else None
            if root is None and parent in parents and one in asked:
                calls = kinds[one] == "tool" or (
                    kinds[one] == "agent"
                    and any(kinds[above] == "agent" and above in callers for above in _above(one, parents))
                )
                root = one if calls else None
            roots[one] = root
        return roots[span_id]

    for span in spans:
        root = root_of(span["span_id"])
        inner[id(span)] = root
        if root is not None:
            found.add(root)
    return frozenset(found), inner


def none_of(spans: Sequence[Row]) -> tuple[frozenset[str], dict[int, str | None]]:
    """The answer where there are none."""
    return frozenset(), {id(span): None for span in spans}


def _above(span_id: str, parents: dict[str, Any]) -> Iterator[str]:
    """The spans above one, the nearest first; a ring ends where it began."""
    seen = {span_id}
    parent = parents.get(span_id)
    while parent in parents and parent not in seen:
        seen.add(parent)
        yield parent
        parent = parents[parent]
