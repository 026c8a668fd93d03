"""What the receiver did so far, for its console and its health page."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_KEPT_SKIPS = 50


@dataclass
class Figures:
    """Counts since the start; `waiting_spans` and `waiting_bytes` are what is in the inbox now."""

    requests: int = 0
    spans: int = 0
    messages: int = 0
    rejected: int = 0
    refused: int = 0
    waiting_spans: int = 0
    waiting_bytes: int = 0
    written: int = 0
    parts: int = 0
    repeated: int = 0
    replaced: int = 0
    completed: int = 0
    unread: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    last_error: str = ""
    last_error_at: float | None = None
    started: float = field(default_factory=time.monotonic)

    def error(self, sentence: str) -> None:
        """Remember what went wrong last."""
        self.last_error = sentence
        self.last_error_at = time.time()

    def drained(self, told: dict[str, Any]) -> None:
        """Count what a step of the drain did."""
        self.written += told["spans"]
        self.parts += told["part"] is not None
        self.repeated += told["repeated"]
        self.replaced += told["replaced"]
        self.completed += told["completed"]
        if told["failed"]:
            self.unread += told["failed"]
            self.error(f"{told['failed']:,} requests could not be read; they are kept in the inbox")
        for reason, count in told["skipped"].items():
            if reason in self.skipped or len(self.skipped) < _KEPT_SKIPS:
                self.skipped[reason] += count

    def as_json(self) -> dict[str, Any]:
        """The figures as one object."""
        return {
            "requests": self.requests,
            "spans": self.spans,
            "messages": self.messages,
            "rejected": self.rejected,
            "refused": self.refused,
            "waiting_spans": self.waiting_spans,
            "waiting_bytes": self.waiting_bytes,
            "written": self.written,
            "parts": self.parts,
            "repeated": self.repeated,
            "replaced": self.replaced,
            "completed": self.completed,
            "unread": self.unread,
            "skipped": dict(self.skipped),
            "last_error": self.last_error or None,
        }
