"""The sign and the word of each kind of span."""

from __future__ import annotations

from traceview.tui import glyphs

KIND_WORDS: dict[str, tuple[str, str]] = {
    "agent": (glyphs.AGENT, "agent"),
    "llm": (glyphs.LLM, "llm"),
    "tool": (glyphs.TOOL, "tool"),
    "retriever": (glyphs.RETRIEVER, "retr"),
    "embedding": (glyphs.EMBEDDING, "embed"),
    "reranker": (glyphs.RERANKER, "rank"),
    "guardrail": (glyphs.GUARDRAIL, "guard"),
    "evaluator": (glyphs.EVALUATOR, "eval"),
    "chain": (glyphs.CHAIN, "chain"),
    "unknown": (glyphs.UNKNOWN, "span"),
}
"""Sign and word of each kind of span; the word is at most five cells wide."""


def kind_of(kind: object) -> str:
    """The kind as KIND_WORDS has it; what it does not know is `unknown`."""
    return kind if isinstance(kind, str) and kind in KIND_WORDS else "unknown"
